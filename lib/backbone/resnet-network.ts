/** A ResNet's parameters, and its forward pass. */
import { tf, type Tensor4D } from '../tf';
import { add, relu } from '../kernels/activation';
import { maxPool } from '../kernels/pool';
import { type Parameters } from '../core/parameters';
import { type Random } from '../core/random';
import { convNorm, type ConvShape, createConv, createNorm, normName } from './layers';
import {
  blocksOf,
  checkResNet,
  convolutionsOf,
  needsProjection,
  stemLayers,
  type Block,
  type ResNetConfig,
} from './resnet';

/** See `createBackbone`. */
export function createResNet(parameters: Parameters, config: ResNetConfig, random: Random): void {
  checkResNet(config);
  const { norm } = config;
  const convolution = (name: string, shape: Omit<ConvShape, 'init'>): void =>
    createConv(parameters, name, { ...shape, init: 'kaiming' }, random);
  for (const { names, kernel, inputs, outputs } of stemLayers(config)) {
    convolution(names.conv, { kernel, inputs, outputs });
    createNorm(parameters, names.norm, outputs, norm);
  }
  for (const block of blocksOf(config)) {
    for (const [i, { kernel, inputs, outputs, groups, deformable }] of convolutionsOf(block, config).entries()) {
      convolution(`${block.name}.conv${i + 1}`, { kernel, inputs, outputs, groups, deformable });
      createNorm(parameters, `${block.name}.${normName(norm, i + 1)}`, outputs, norm);
    }
    if (!needsProjection(block)) continue;
    convolution(`${block.name}.downsample.0`, { kernel: 1, inputs: block.inputs, outputs: block.outputs });
    createNorm(parameters, `${block.name}.downsample.1`, block.outputs, norm);
  }
  if (config.frozenStages < 0) return;
  for (const { names } of stemLayers(config))
    for (const name of [names.conv, names.norm]) parameters.freeze(`${name}.`);
  for (let stage = 1; stage <= config.frozenStages; stage++) parameters.freeze(`backbone.layer${stage}.`);
}

/** See `backbone`. */
export function resNetMaps(
  parameters: Parameters,
  config: ResNetConfig,
  images: Tensor4D,
  training: boolean,
): Tensor4D[] {
  const { frozenStages } = config;
  let x = tf.tidy(() => stem(parameters, config, images, training && frozenStages < 0));
  const blocks = blocksOf(config);
  const maps = new Map<number, Tensor4D>();
  for (const [i, block] of blocks.entries()) {
    const y = tf.tidy(() => residualBlock(parameters, config, block, x, training && block.stage > frozenStages));
    if (![...maps.values()].includes(x)) x.dispose();
    const last = blocks[i + 1]?.stage !== block.stage;
    if (last && config.levels.includes(block.stage + 1)) maps.set(block.stage + 1, y);
    x = y;
  }
  return config.levels.map((level) => maps.get(level)!);
}

function stem(parameters: Parameters, config: ResNetConfig, images: Tensor4D, training: boolean): Tensor4D {
  const { norm, epsilon } = config;
  const x = stemLayers(config).reduce((map, { names, stride }, i) => {
    const options = { stride, inputGradient: i > 0, norm, epsilon, training, activate: true };
    return convNorm(parameters, names, map, options);
  }, images);
  return config.stem.pool ? maxPool(x, { size: 3, stride: 2, padding: 1 }) : x;
}

function residualBlock(
  parameters: Parameters,
  config: ResNetConfig,
  block: Block,
  x: Tensor4D,
  training: boolean,
): Tensor4D {
  const { norm, epsilon } = config;
  const convolutions = convolutionsOf(block, config);
  let y = x;
  for (const [i, { stride, groups, dilation }] of convolutions.entries()) {
    const names = { conv: `${block.name}.conv${i + 1}`, norm: `${block.name}.${normName(norm, i + 1)}` };
    const activate = i < convolutions.length - 1;
    const next = convNorm(parameters, names, y, { stride, groups, dilation, norm, epsilon, training, activate });
    if (y !== x) y.dispose();
    y = next;
  }
  const names = { conv: `${block.name}.downsample.0`, norm: `${block.name}.downsample.1` };
  const options = { stride: block.stride, norm, epsilon, training, activate: false };
  const shortcut = needsProjection(block) ? convNorm(parameters, names, x, options) : x;
  const sum = add(y, shortcut);
  y.dispose(); // the four maps of a block's end would be the peak of a forward pass
  if (shortcut !== x) shortcut.dispose();
  return relu(sum);
}
