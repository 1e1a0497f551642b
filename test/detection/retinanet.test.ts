/**
 * Whole networks: against a plain PyTorch RetinaNet, published sizes, memory, learning two
 * pictures, clear errors.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import type { Extent } from '../../lib/dist/detection/detector';
import { retinaNetR50, smallStudent, smallTeacher } from '../../lib/dist/detection/retinanet/presets';
import { backbone, createBackbone } from '../../lib/dist/backbone/backbone';
import { resnet18, resnet50, resneXt101 } from '../../lib/dist/backbone/resnet';
import type { OnResNet, ResNetConfig } from '../../lib/dist/backbone/resnet';
import { RetinaNet, type HeadOutput, type RetinaNetConfig } from '../../lib/dist/detection/retinanet';
import { conv2d } from '../../lib/dist/kernels/conv';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { Parameters } from '../../lib/dist/core/parameters';
import { Random } from '../../lib/dist/core/random';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import { createOptimizer } from '../../lib/dist/train/optimizer';
import { fill, golden, near, nearGradients, type NetworkCase, numbers } from './golden';

const tiny: OnResNet<RetinaNetConfig> = {
  ...smallStudent,
  classes: 3,
  backbone: { ...smallStudent.backbone, widths: [8, 16, 32, 32], stem: { kernel: 3, channels: 8, pool: true } },
  neck: { channels: 16, extraLevels: 0 },
  head: { convs: 1, channels: 16, norm: { groups: 4 } },
};
const twoTargets = [
  { boxes: Float32Array.of(8, 10, 34, 36), labels: Int32Array.of(2) },
  { boxes: Float32Array.of(5, 5, 27, 25, 30, 20, 60, 60), labels: Int32Array.of(0, 1) },
];

/** A bright rectangle for each object, its colour the class, on dim noise: [2, 64, 64, 3]. */
function twoPictures(): Tensor4D {
  const pixels = numbers('pictures', 2 * 64 * 64 * 3, -0.3, 0.3);
  for (const [n, { boxes, labels }] of twoTargets.entries())
    for (const [i, label] of labels.entries())
      for (let y = boxes[4 * i + 1]; y < boxes[4 * i + 3]; y++)
        for (let x = boxes[4 * i]; x < boxes[4 * i + 2]; x++) pixels[((n * 64 + y) * 64 + x) * 3 + label] += 2;
  return tf.tensor4d(pixels, [2, 64, 64, 3]);
}

function trainStep(model: RetinaNet, images: Tensor4D, optimizer: ReturnType<typeof createOptimizer>): number {
  const { value, gradients } = valueAndGradients(() => {
    const { classification, box } = model.loss(model.head(model.pyramid(images, true), { training: true }), twoTargets);
    return tf.add(classification.value, box.value) as Scalar;
  }, model.parameters.trainable());
  optimizer.apply(gradients, 5e-3);
  const loss = value.dataSync()[0];
  tf.dispose([value, gradients]);
  return loss;
}

for (const [name, c] of Object.entries(golden.networks as Record<string, NetworkCase>))
  test(`"${name}" has the features, logits, losses, gradients and statistics of PyTorch`, () => {
    const { config } = c;
    const before = tf.memory().numTensors;
    const model = new RetinaNet(config);
    fill(model);
    const [n, height, width] = config.size;
    const images = tf.tensor4d(numbers(c.images, n * height * width * 3, -2, 2), [n, height, width, 3]);
    const targets = c.targets.map(({ boxes, labels }) => ({
      boxes: Float32Array.from(boxes),
      labels: Int32Array.from(labels),
    }));
    const trained = model.parameters.trainable();
    const losses: number[] = [];
    const { value, gradients } = valueAndGradients(() => {
      const pyramid = model.pyramid(images, true);
      const outputs = model.head(pyramid, { training: true });
      const first = (map: Tensor4D) => tf.slice(map, 0, 1).dataSync();
      for (const [level, map] of pyramid.entries()) near(first(map), c.pyramid[level], 2e-5, `pyramid ${level}`);
      for (const [level, { logits, deltas }] of outputs.entries()) {
        near(first(logits), c.logits[level], 2e-5, `logits ${level}`);
        near(first(deltas), c.deltas[level], 2e-5, `deltas ${level}`);
      }
      const { classification, box } = model.loss(outputs, targets);
      losses.push(classification.value.dataSync()[0], box.value.dataSync()[0], classification.normalizer);
      assert.equal(box.normalizer, classification.normalizer);
      return tf.add(classification.value, box.value) as Scalar;
    }, trained);
    near(losses, [c.focalLoss, c.boxLoss, c.normalizer], 1e-5, 'losses');
    nearGradients(trained, gradients, c.gradients);
    for (const [key, values] of Object.entries(c.running))
      near(model.parameters.get(key).value.dataSync(), values, 1e-5, key);
    tf.dispose([images, value, gradients]);
    model.dispose();
    assert.equal(tf.memory().numTensors, before);
  });

test("the published backbones have torchvision's parameters", () => {
  for (const [name, config] of Object.entries({ resnet18, resnet50, resnext101_64x4d: resneXt101 })) {
    const parameters = new Parameters();
    createBackbone(parameters, config, new Random(0));
    const shapes = Object.entries(golden.published[name] as Record<string, number[]>);
    assert.equal(parameters.all().length, shapes.length, name);
    for (const [key, shape] of shapes) {
      const order = shape.length === 4 ? [2, 3, 1, 0].map((axis) => shape[axis]) : shape;
      assert.deepEqual(parameters.get(`backbone.${key}`).shape, order, key);
    }
    assert.ok(
      parameters.trainable().every(({ name: key }) => /layer[234]/.test(key)),
      'stem and first stage are frozen',
    );
    parameters.dispose();
  }
  assert.deepEqual(retinaNetR50.backbone, resnet50);
});

test("style 'caffe' has its stride in the first 1x1 convolution of a bottleneck, under the same names", () => {
  const one: ResNetConfig = {
    ...resnet50,
    style: 'caffe',
    stem: { kernel: 3, channels: 4, pool: false },
    blocks: [1],
    widths: [4],
    levels: [2],
  };
  const parameters = new Parameters();
  createBackbone(parameters, one, new Random(1));
  // The block by hand: conv1 of stride 2, conv2 of stride 1.
  tf.tidy(() => {
    const images = tf.tensor4d(numbers('style', 16 * 16 * 3), [1, 16, 16, 3]);
    const weight = (name: string): Tensor4D => parameters.get(`backbone.${name}.weight`).value as Tensor4D;
    const norm = (x: Tensor4D): Tensor4D => tf.div(x, Math.sqrt(1 + 1e-5)); // mean 0, variance 1, scale 1, shift 0
    const stem = tf.relu(norm(conv2d(images, weight('conv1'), { stride: 2, padding: 1 })));
    const first = tf.relu(norm(conv2d(stem, weight('layer1.0.conv1'), { stride: 2 })));
    const second = tf.relu(norm(conv2d(first, weight('layer1.0.conv2'), { padding: 1 })));
    const third = norm(conv2d(second, weight('layer1.0.conv3')));
    const expected = tf.relu(tf.add(third, norm(conv2d(stem, weight('layer1.0.downsample.0'), { stride: 2 }))));
    const [found] = backbone(parameters, one, images, false);
    near(found.dataSync(), [...expected.dataSync()], 1e-5, 'block');
  });
  parameters.dispose();
});

test('initial values: Kaiming deviation, prior of 0.01, the same for the same seed', () => {
  const [a, b, c] = [1, 1, 2].map((seed) => new RetinaNet(tiny, { seed }));
  const weights = (model: RetinaNet) =>
    model.parameters.get('backbone.layer4.0.conv2.weight').value.dataSync() as Float32Array;
  assert.deepEqual(weights(a), weights(b));
  assert.notDeepEqual(weights(a), weights(c));
  const deviation = Math.sqrt(weights(a).reduce((sum, w) => sum + w * w, 0) / weights(a).length);
  assert.ok(Math.abs(deviation / Math.sqrt(2 / (9 * 32)) - 1) < 0.03);
  const bias = a.parameters.get('bbox_head.retina_cls.bias').value.dataSync();
  assert.ok(bias.every((value) => Math.abs(1 / (1 + Math.exp(-value)) - 0.01) < 1e-6));
  for (const model of [a, b, c]) model.dispose();
  const sizes = [smallTeacher, smallStudent].map((config) => {
    const model = new RetinaNet(config);
    const size = model.parameters.numel();
    model.dispose();
    return size;
  });
  assert.deepEqual(sizes, [3105920, 600720]);
});

test(
  'any size of picture passes; eval mode leaves the running ' + 'statistics alone and does not depend on the batch',
  () => {
    const model = new RetinaNet(tiny);
    const running = () => model.parameters.get('backbone.bn1.running_mean').value.dataSync().slice();
    const untouched = running();
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const images = tf.tensor4d(numbers('odd', 2 * 37 * 51 * 3), [2, 37, 51, 3]);
      const pyramid = model.pyramid(images);
      assert.deepEqual(
        pyramid.map((map) => map.shape),
        [8, 16, 32].map((stride) => [2, Math.ceil(37 / stride), Math.ceil(51 / stride), 16]),
      );
      const alone = model.pyramid(tf.slice(images, 1, 1));
      for (const [i, map] of alone.entries())
        near(map.dataSync(), tf.slice(pyramid[i], 1, 1).dataSync(), 1e-5, `level ${i}`);
      assert.deepEqual(running(), untouched);
      model.pyramid(images, true);
      assert.notDeepEqual(running(), untouched);
    });
    assert.equal(tf.memory().numTensors, before);
    model.dispose();
  },
);

test('two pictures are learnt by heart and found again; memory stays constant', () => {
  const model = new RetinaNet(tiny);
  const images = twoPictures();
  const optimizer = createOptimizer({ kind: 'adamw' }, model.parameters.trainable());
  const losses = [trainStep(model, images, optimizer)];
  const before = tf.memory().numTensors;
  for (let step = 1; step < 6; step++) losses.push(trainStep(model, images, optimizer));
  assert.equal(tf.memory().numTensors, before);
  for (let step = 6; step < 60; step++) losses.push(trainStep(model, images, optimizer));
  assert.ok(losses[59] < 0.1 * losses[0], `loss ${losses[0]} -> ${losses[59]}`);
  const extents = twoTargets.map(() => ({ inputWidth: 64, inputHeight: 64 }));
  const outputs = tf.tidy(
    () => model.head(model.pyramid(images)) as unknown as tf.TensorContainer,
  ) as unknown as HeadOutput[];
  const found = model.detect(outputs, extents, { scoreThreshold: 0.4 });
  tf.dispose(outputs as unknown as tf.TensorContainer);
  for (const [n, { boxes, labels }] of twoTargets.entries()) {
    assert.deepEqual([...found[n].labels].sort(), [...labels]);
    for (const [i, label] of found[n].labels.entries()) {
      const object = labels.indexOf(label);
      for (let k = 0; k < 4; k++)
        assert.ok(Math.abs(found[n].boxes[4 * i + k] - boxes[4 * object + k]) < 3, 'within 3 pixels');
    }
  }
  assert.equal(tf.memory().numTensors, before);
  optimizer.dispose();
  model.dispose();
  images.dispose();
});

test('is a detector like any other, of the kind "retinanet" where the config has none', () => {
  const configs: RetinaNetConfig[] = [{ ...tiny, kind: 'retinanet' }, tiny];
  const [named, unnamed] = configs.map((config) => createDetector(config, { seed: 4 }));
  const own = new RetinaNet(tiny, { seed: 4 });
  assert.equal(named.channels, 16);
  assert.deepEqual(named.strides, [8, 16, 32]);
  for (const detector of [named, unnamed])
    assert.deepEqual([...detector.parameters.read()], [...own.parameters.read()]);
  tf.tidy(() => {
    const outputs = own.head(own.pyramid(twoPictures()));
    assert.deepEqual(named.regression(outputs), outputs.map(({ deltas }) => deltas));
  });
  for (const detector of [named, unnamed, own]) detector.dispose();
  assert.throws(
    () => createDetector({ ...tiny, kind: 'fovea' as never }),
    /there is no detector of the kind "fovea": it can be retinanet/,
  );
});

test('losses leave out anchors beyond the picture, where its size is given', () => {
  const model = new RetinaNet(tiny);
  tf.tidy(() => {
    const images = twoPictures();
    const outputs = model.head(model.pyramid(images));
    const none = twoTargets.map(() => ({ boxes: new Float32Array(), labels: new Int32Array() }));
    const loss = (extents?: Extent[]): number =>
      model.loss(outputs, none, { extents }).classification.value.dataSync()[0];
    const [half, whole] = [{ inputWidth: 32, inputHeight: 64 }, { inputWidth: 64, inputHeight: 64 }];
    assert.equal(loss([whole, whole]), loss());
    const left = loss([half, half]);
    assert.ok(Math.abs(left / loss() - 0.5) < 0.05, `${left} of ${loss()}: half of the anchors`);
  });
  model.dispose();
});

test('what does not fit together is named', () => {
  const model = new RetinaNet(tiny);
  tf.tidy(() => {
    const images = twoPictures();
    assert.throws(() => model.pyramid(tf.zeros([2, 64, 64, 1])), /\[N, H, W, 3\], not \[2,64,64,1\]/);
    const pyramid = model.pyramid(images);
    assert.throws(() => model.head(pyramid.slice(1)), /expects 3 pyramid levels \(strides 8,16,32\), not 2/);
    const outputs = model.head(pyramid);
    assert.throws(() => model.loss(outputs, twoTargets.slice(1)), /2 pictures went through the network, but 1 targets/);
    assert.throws(() => model.detect(outputs, []), /the sizes of 0 are given/);
    const wrong = [twoTargets[0], { boxes: Float32Array.of(1, 1, 9, 9), labels: Int32Array.of(5) }];
    assert.throws(() => model.loss(outputs, wrong), /target 1, object 0: label 5 is not one of the model's 3 classes/);
  });
  model.dispose();
  const backbone = { ...tiny.backbone, widths: [8, 16] };
  assert.throws(() => new RetinaNet({ ...tiny, backbone }), /backbone.blocks has 4 stages but backbone.widths has 2/);
  assert.throws(
    () => new RetinaNet({ ...tiny, backbone: { ...tiny.backbone, groups: 4 } }),
    /backbone.groups 4 and widthPerGroup 64 are for the block 'bottleneck'/,
  );
  assert.throws(
    () => new RetinaNet({ ...tiny, backbone: { ...tiny.backbone, levels: [1] } }),
    /backbone.levels: 1 is not one of 2 to 5/,
  );
  assert.throws(
    () => new RetinaNet({ ...tiny, head: { convs: 1, channels: 16, norm: { groups: 3 } } }),
    /16 channels cannot be split/,
  );
});
