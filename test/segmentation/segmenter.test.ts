/** Segmenters against a plain PyTorch copy of mmsegmentation's in float64: logits, losses, every gradient. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { exportWeights, importWeights, writeSafetensors } from 'freekd';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { checked } from '../../lib/dist/core/schema';
import { segment, inputLogits } from '../../lib/dist/segmentation/inference';
import * as presets from '../../lib/dist/segmentation/presets';
import { segmenterSchema } from '../../lib/dist/segmentation/schema';
import { Segmenter, type SegmenterConfig, type SegmenterOutputs } from '../../lib/dist/segmentation/segmenter';
import { crossEntropy } from '../../lib/dist/segmentation/cross-entropy';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import { fill, near, nearGradients } from '../detection/golden';
import { golden, hashed, labelMaps } from './golden';

/** A network of golden numbers, given to `body` and disposed. */
function withNetwork(config: SegmenterConfig, body: (segmenter: Segmenter) => void): void {
  const before = tf.memory().numTensors;
  const segmenter = new Segmenter(config);
  fill(segmenter);
  body(segmenter);
  segmenter.dispose();
  assert.equal(tf.memory().numTensors, before);
}

for (const c of golden.networks)
  test(`${c.name}: logits, losses, gradients and running statistics are PyTorch's`, () =>
    withNetwork(c.config, (segmenter) => {
      const { config, training, size } = c;
      const targets = labelMaps(`${c.name}/labels`, size, config.classes);
      const trained = segmenter.parameters.trainable();
      const losses: Record<string, number> = {};
      const { value, gradients } = tf.tidy(() => {
        const images = hashed(`${c.name}/images`, [...size, 3], -2, 2);
        return valueAndGradients(() => {
          const pyramid = segmenter.pyramid(images, training);
          const outputs = segmenter.head(pyramid, { training });
          near(tf.slice(outputs.logits, 0, 1).dataSync(), c.logits, 5e-5, 'logits');
          near([tf.norm(pyramid[0]).dataSync()[0]], [c.layer4[0]], 1e-5, 'layer4');
          const parts = segmenter.loss(outputs, targets);
          for (const [name, part] of Object.entries(parts)) losses[name] = part.value.dataSync()[0];
          return tf.addN(Object.values(parts).map((part) => part.value)) as Scalar;
        }, trained);
      });
      assert.deepEqual(Object.keys(losses), Object.keys(c.losses));
      for (const [name, loss] of Object.entries(losses))
        assert.ok(Math.abs(loss - c.losses[name]) < 1e-5 * c.losses[name], `${name}: ${loss}, not ${c.losses[name]}`);
      nearGradients(trained, gradients, c.gradients);
      for (const [name, expected] of Object.entries(c.running))
        near(segmenter.parameters.get(name).value.dataSync(), expected, 1e-5, name);
      tf.dispose([value, gradients]);
    }));

test('whole and sliding: logits of the input and the class of every pixel', () => {
  const { config, size, crop, stride } = golden.slide;
  withNetwork(config, (segmenter) =>
    tf.tidy(() => {
      const images = hashed('slide/images', [1, ...size, 3], -2, 2);
      const origins = [{ height: size[0], width: size[1], inputHeight: size[0], inputWidth: size[1] }];
      for (const [mode, windows] of [['whole', undefined], ['slide', { crop, stride }]] as const) {
        const sample = inputLogits(segmenter, images, windows).dataSync().filter((_, i) => i % 17 === 0);
        near(sample, golden.slide[mode].sample, 5e-5, mode);
        const [classes] = segment(segmenter, images, origins, windows);
        assert.deepEqual([...classes], golden.slide[mode].classes, mode);
      }
    }),
  );
});

test('padding is cut off before classes are read, and classes are those of the picture size', () =>
  withNetwork(golden.slide.config, (segmenter) =>
    tf.tidy(() => {
      const images = hashed('padded', [1, 40, 56, 3], -2, 2);
      const [classes] = segment(segmenter, images, [{ inputHeight: 32, inputWidth: 40, height: 64, width: 80 }]);
      assert.equal(classes.length, 64 * 80);
      const shown = tf.slice(inputLogits(segmenter, images), 0, [1, 32, 40, 5]) as Tensor4D;
      const expected = tf.argMax(tf.image.resizeBilinear(shown, [64, 80], false, true), 3).dataSync();
      assert.deepEqual([...classes], [...expected]);
    }),
  ));

test('a network whose logits are imitated has the same outputs as one whose features are', () => {
  const { config, size } = golden.networks[0];
  const values = (['features', 'logits'] as const).map((imitated) => {
    let found: Float32Array[] = [];
    withNetwork({ ...config, imitated }, (segmenter) =>
      tf.tidy(() => {
        const pyramid = segmenter.pyramid(hashed('images', [...size, 3]), true);
        assert.equal(pyramid[0].shape[3], segmenter.channels);
        assert.deepEqual([pyramid.length, segmenter.strides], [2, [8]]);
        const { logits, auxiliary } = segmenter.head(pyramid, { training: true });
        found = [logits, auxiliary!].map((map) => map.dataSync() as Float32Array);
      }),
    );
    return found;
  });
  values[0].forEach((expected, i) => near(values[1][i], expected, 1e-6, `output ${i}`));
});

test('dropout is decided by seed and picture, leaves out whole channels, and keeps their mean', () =>
  withNetwork({ ...golden.networks[0].config, dropout: 0.5 }, (segmenter) =>
    tf.tidy(() => {
      const images = hashed('images', [2, 40, 40, 3]);
      const ids = (...all: number[]): { extents: { id: number; inputWidth: number; inputHeight: number }[] } => ({
        extents: all.map((id) => ({ id, inputWidth: 40, inputHeight: 40 })),
      });
      const pyramid = segmenter.pyramid(images);
      const run = (seed: string, ...own: number[]): SegmenterOutputs =>
        segmenter.head(pyramid, { training: true, seed, ...ids(...own) });
      const runs = [run('1', 7, 8), run('1', 7, 8), run('2', 7, 8)];
      const [one, again, other] = runs.map(({ logits }) => logits.dataSync());
      assert.deepEqual(one, again);
      assert.notDeepEqual(one, other);
      assert.throws(() => segmenter.head(pyramid, { training: true }), /dropout 0.5 in training needs a seed/);
      assert.throws(() => run('1', 7), /2 pictures, but the ids of 1/);
    }),
  ));

test('cross entropy: what is ignored teaches nothing, wrong labels and sizes are named', () => {
  const logits = tf.tensor4d([1, 2, 3, 4, 5, 7], [1, 1, 2, 3]);
  const target = (labels: number[], width = 2) => [{ height: 1, width, labels: Uint8Array.from(labels) }];
  const none = crossEntropy(logits, target([255, 255]));
  assert.deepEqual([none.sum.dataSync()[0], none.counted], [0, 0]);
  const { sum, counted } = crossEntropy(logits, target([255, 2]));
  assert.equal(counted, 1);
  near([sum.dataSync()[0]], [Math.log(Math.exp(-3) + Math.exp(-2) + 1)], 1e-6, 'of one pixel');
  assert.throws(() => crossEntropy(logits, target([0, 3])), /has the class 3, where there are 3/);
  assert.throws(() => crossEntropy(logits, target([0, 1, 2], 3)), /logits of 2 x 1 pixels meet a label map of 3 x 1/);
  assert.throws(() => crossEntropy(logits, []), /1 pictures went through the network, but 0 label maps/);
  tf.dispose([logits, none.sum, sum]);
});

test('published configs pass their schema, with the parameters of mmsegmentation', () => {
  for (const config of [
    presets.pspNetR18,
    presets.deepLabV3R18,
    presets.pspNetR101,
    presets.smallSegmenterTeacher,
    presets.smallSegmenterStudent,
  ])
    assert.deepEqual(checked(segmenterSchema, config, ''), config);
  const pspNet = new Segmenter(presets.pspNetR18);
  const shapes = new Map(pspNet.parameters.all().map(({ name, shape }) => [name, shape.join()]));
  for (const [name, shape] of [
    ['backbone.stem.0.weight', '3,3,3,32'],
    ['backbone.stem.7.running_mean', '64'],
    ['backbone.layer4.1.conv1.weight', '3,3,512,512'],
    ['decode_head.psp_modules.3.1.conv.weight', '1,1,512,128'],
    ['decode_head.bottleneck.conv.weight', '3,3,1024,128'],
    ['decode_head.conv_seg.bias', '19'],
    ['auxiliary_head.convs.0.conv.weight', '3,3,256,64'],
  ])
    assert.equal(shapes.get(name), shape, name);
  assert.deepEqual([pspNet.strides, pspNet.channels], [[8], 512]);
  pspNet.dispose();
});

test('checkpoints of mmsegmentation import by name, and a backbone of its ResNetV1c', async (t) => {
  const { config } = golden.networks[0];
  const [source, network, backbone] = [1, 2, 3].map((seed) => new Segmenter(config, { seed }));
  const folder = mkdtempSync(join(tmpdir(), 'freekd-mmseg-'));
  t.after(() => rmSync(folder, { recursive: true }));
  type Stored = [name: string, tensor: { shape: number[]; data: Float32Array }];
  const write = async (name: string, tensors: Stored[]): Promise<string> => {
    const file = join(folder, name);
    await writeSafetensors(file, new Map(tensors));
    return file;
  };
  const stored = [...exportWeights(source.parameters)] as Stored[];
  const counter: Stored = ['state_dict.backbone.stem.1.num_batches_tracked', { shape: [1], data: Float32Array.of(9) }];
  const whole = await write('whole.safetensors', [
    ...stored.map(([name, tensor]): Stored => [`state_dict.${name}`, tensor]),
    counter,
  ]);
  const report = await importWeights(network.parameters, whole, { names: 'mmseg' });
  assert.deepEqual([report.prefix, report.missing, report.unexpected], ['state_dict.', [], []]);
  const isOfBackbone = ([name]: Stored): boolean => name.startsWith('backbone.');
  const pretrained = await write('resnet_v1c.safetensors', [
    ...stored.filter(isOfBackbone).map(([name, tensor]): Stored => [name.replace('backbone.', ''), tensor]),
    ['fc.weight', { shape: [1000, 20], data: new Float32Array(20_000) }],
  ]);
  const optional = ['decode_head.', 'auxiliary_head.'];
  await importWeights(backbone.parameters, pretrained, { names: 'mmseg-resnet', optional });
  for (const [name, { data }] of source.parameters.read()) {
    assert.deepEqual(network.parameters.get(name).variable.read(), data, name);
    if (name.startsWith('backbone.')) assert.deepEqual(backbone.parameters.get(name).variable.read(), data, name);
  }
  for (const { parameters } of [source, network, backbone]) parameters.dispose();
});
