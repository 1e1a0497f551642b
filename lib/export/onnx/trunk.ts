/** Backbone and feature pyramid as nodes: what `trunk` of lib/detection computes. */
import type { NetworkConfig } from '../../detection/detector';
import type { FpnConfig } from '../../detection/fpn';
import { normName } from '../../backbone/layers';
import { blocksOf as mobileBlocksOf, lastStages, type MobileNetV2Config } from '../../backbone/mobilenet-v2';
import { blocksOf, convolutionsOf, needsProjection, type Block, type ResNetConfig } from '../../backbone/resnet';
import type { FeatureMap } from './graph';
import { convNorm, maxPool, relu, sum, upsampled, type Network } from './layers';

/** images [1, 3, H, W] -> the levels of the pyramid, finest first. */
export function trunk(network: Network, { backbone, neck }: NetworkConfig, images: FeatureMap): FeatureMap[] {
  const maps =
    backbone.kind === 'mobilenetv2'
      ? mobileNetV2Maps(network, backbone, images)
      : resNetMaps(network, backbone, images);
  return pyramid(network, neck, maps);
}

/** The maps of `config.levels`. */
function mobileNetV2Maps(network: Network, config: MobileNetV2Config, images: FeatureMap): FeatureMap[] {
  const { norm, epsilon } = config;
  const { graph } = network;
  const found = new Map<number, FeatureMap>();
  let x = images;
  for (const { stage, layers, residual } of mobileBlocksOf(config)) {
    let y = x;
    for (const { name, stride, groups, activate } of layers) {
      const names = { conv: `${name}.conv`, norm: `${name}.${normName(norm)}` };
      y = convNorm(network, names, y, { stride, groups, norm, epsilon });
      if (activate) y = { ...y, value: graph.add('Clip', [y.value, graph.number(0), graph.number(6)]) };
    }
    x = residual ? sum(graph, y, x) : y;
    found.set(stage, x);
  }
  return lastStages(config).map((stage) => found.get(stage)!);
}

/** The maps of `config.levels`. */
function resNetMaps(network: Network, config: ResNetConfig, images: FeatureMap): FeatureMap[] {
  const { norm, epsilon } = config;
  const names = { conv: 'backbone.conv1', norm: `backbone.${normName(norm, 1)}` };
  let x = convNorm(network, names, images, { stride: 2, norm, epsilon, activate: true });
  if (config.stem.pool) x = maxPool(network.graph, x, { size: 3, stride: 2, padding: 1 });
  const found = new Map<number, FeatureMap>();
  for (const block of blocksOf(config)) found.set(block.stage + 1, (x = residualBlock(network, config, block, x)));
  return config.levels.map((level) => found.get(level)!);
}

function residualBlock(network: Network, config: ResNetConfig, block: Block, x: FeatureMap): FeatureMap {
  const { norm, epsilon } = config;
  const { name, stride } = block;
  const convolutions = convolutionsOf(block, config);
  let y = x;
  for (const [i, { stride: own, groups }] of convolutions.entries()) {
    const names = { conv: `${name}.conv${i + 1}`, norm: `${name}.${normName(norm, i + 1)}` };
    y = convNorm(network, names, y, { stride: own, groups, norm, epsilon, activate: i < convolutions.length - 1 });
  }
  const projection = { conv: `${name}.downsample.0`, norm: `${name}.downsample.1` };
  const shortcut = needsProjection(block) ? convNorm(network, projection, x, { stride, norm, epsilon }) : x;
  return relu(network.graph, sum(network.graph, y, shortcut));
}

function pyramid(network: Network, config: FpnConfig, maps: readonly FeatureMap[]): FeatureMap[] {
  const { norm = 'none', addExtraConvs, extraLevels, reluBeforeExtraConvs } = config;
  const { graph } = network;
  const layer = (name: string, x: FeatureMap, stride = 1): FeatureMap => {
    const names = { conv: `neck.${name}.conv`, norm: `neck.${name}.${normName(norm)}` };
    return convNorm(network, names, x, { stride, norm });
  };
  const merged: FeatureMap[] = [];
  for (let i = maps.length - 1; i >= 0; i--) {
    const lateral = layer(`lateral_convs.${i}`, maps[i]);
    merged[i] = i + 1 < maps.length ? sum(graph, lateral, upsampled(graph, merged[i + 1], lateral)) : lateral;
  }
  const levels = merged.map((map, i) => layer(`fpn_convs.${i}`, map));
  for (let i = 0; i < extraLevels; i++) {
    const last = levels[levels.length - 1];
    if (addExtraConvs === 'none') {
      levels.push(maxPool(graph, last, { size: 1, stride: 2 }));
      continue;
    }
    let source = i > 0 && reluBeforeExtraConvs ? relu(graph, last) : last;
    if (i === 0 && addExtraConvs !== 'on_output') source = maps[maps.length - 1];
    levels.push(layer(`fpn_convs.${maps.length + i}`, source, 2));
  }
  return levels;
}
