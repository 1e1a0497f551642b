/**
 * MobileNetV2 against torchvision's (test/golden/mobilenet_v2.py), read from a file with its names:
 * maps, gradients, running statistics; and what is frozen.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDetector, importWeights, mobileNetV2, Parameters, Random, retinaNetMobileNetV2, tf } from 'freekd';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { checked } from '../../lib/dist/core/schema';
import { backbone, backboneChannels, createBackbone } from '../../lib/dist/backbone/backbone';
import type { MobileNetV2Config } from '../../lib/dist/backbone/mobilenet-v2';
import { backbone as schema } from '../../lib/dist/backbone/schema';
import type { Scalar, Tensor4D } from '../../lib/dist/tf';
import { nameMaps } from '../../lib/dist/weights/names';
import { torchvisionFile } from '../weights/torchvision-file';
import { numbers } from '../detection/golden';
import { hold, measure, type Measured, type Sketch } from '../detection/sketch';

interface Case {
  images: string;
  width: number;
  levels: number[];
  shapes: Record<string, number[]>;
  maps: Record<string, Sketch>;
  gradients: Record<string, Sketch>;
  running?: Record<string, Sketch>;
}
const golden = JSON.parse(readFileSync(join(__dirname, '../golden/mobilenet_v2.json'), 'utf8')) as {
  size: [number, number, number];
} & Record<'training' | 'evaluation', Case>;

const images = (name: string): Tensor4D => {
  const [n, height, width] = golden.size;
  return tf.tensor4d(numbers(name, n * height * width * 3, -2, 2), [n, height, width, 3]);
};
const created = (config: MobileNetV2Config): Parameters => {
  const parameters = new Parameters();
  createBackbone(parameters, config, new Random(0));
  return parameters;
};

for (const [mode, norm] of [['training', 'batch'], ['evaluation', 'frozen']] as const)
  test(`torchvision's MobileNetV2, imported, has its maps and gradients in ${mode}`, async (t) => {
    const { images: name, width, levels, shapes, ...expected } = golden[mode];
    const before = tf.memory().numTensors;
    const config: MobileNetV2Config = { ...mobileNetV2, width, levels, norm, frozenStages: -1 };
    const parameters = created(config);
    const file = await torchvisionFile(`mobilenet_v2-${width}`, shapes);
    await importWeights(parameters, file, { names: 'torchvision-mobilenetv2' });
    const trained = parameters.trainable();
    const maps: Measured[] = [];
    const { value, gradients } = tf.tidy(() => {
      const pictures = images(name);
      return valueAndGradients(() => {
        const found = backbone(parameters, config, pictures, true);
        assert.deepEqual(found.map(({ shape }) => shape[3]), backboneChannels(config));
        const products = found.map((map, i) => {
          const key = `C${levels[i]}`;
          maps.push(measure(`mobilenet/${key}`, map.dataSync(), expected.maps[key]));
          return tf.sum(tf.mul(map, tf.tensor(numbers(`mobilenet/${key}`, map.size), map.shape)));
        });
        return tf.addN(products) as Scalar;
      }, trained);
    });
    hold(t, 'maps', maps, 1e-5);
    const values = new Map(trained.map(({ name }, i) => [name, gradients[i].dataSync()]));
    const ours = nameMaps['torchvision-mobilenetv2'];
    const sketches = Object.entries(expected.gradients);
    hold(t, 'gradients', sketches.map(([name, s]) => measure(`mobilenet/${name}`, values.get(ours(name)!)!, s)), 5e-5);
    const running = Object.entries(expected.running ?? {});
    const moved = running.map(([name, s]) =>
      measure(`mobilenet/${name}`, parameters.get(ours(name)!).value.dataSync(), s),
    );
    if (running.length > 0) hold(t, 'running statistics', moved, 1e-5);
    tf.dispose([value, gradients]);
    parameters.dispose();
    assert.equal(tf.memory().numTensors, before);
  });

test('stem and stages are frozen as asked, and their statistics stay', () => {
  const config: MobileNetV2Config = { ...mobileNetV2, width: 0.25, norm: 'batch', frozenStages: 2 };
  const parameters = created(config);
  assert.ok(parameters.trainable().every(({ name }) => /^backbone\.layer[3-7]\./.test(name)));
  const statistics = (): [string, number][] =>
    parameters
      .all()
      .filter(({ name }) => name.endsWith('running_var'))
      .map(({ name, value }) => [name, value.dataSync()[0]]);
  tf.tidy(() => backbone(parameters, config, images('some'), false));
  assert.ok(statistics().every(([, variance]) => variance === 1), 'none moves without training');
  tf.tidy(() => backbone(parameters, config, images('some'), true));
  for (const [name, variance] of statistics()) assert.equal(variance !== 1, /layer[3-7]/.test(name), name);
  parameters.dispose();
});

test('a RetinaNet stands on it, with strides and channels of its levels', () => {
  assert.deepEqual(backboneChannels(mobileNetV2), [32, 96, 320]);
  const model = createDetector({ ...retinaNetMobileNetV2, backbone: { ...mobileNetV2, width: 0.25 } });
  assert.deepEqual(model.strides, [8, 16, 32, 64, 128]);
  tf.tidy(() => {
    const pyramid = model.pyramid(images('some'));
    assert.deepEqual(pyramid.map(({ shape }) => shape.slice(1, 3)), [[8, 8], [4, 4], [2, 2], [1, 1], [1, 1]]);
  });
  model.dispose();
});

test('what its config may not be is said', () => {
  assert.throws(() => created({ ...mobileNetV2, levels: [1] }), /backbone\.levels: 1 is not one of 2 to 5/);
  assert.deepEqual(checked(schema, mobileNetV2, ''), mobileNetV2);
  for (const [changed, expected] of [
    [{ kind: 'mobilenetv3' }, /kind: must be one of resnet, mobilenetv2, is "mobilenetv3"/],
    [{ width: 0 }, /width: must be a number above 0/],
    [{ frozenStages: 8 }, /frozenStages: must be a whole number from -1 to 7, is 8/],
    [{ blocks: [1] }, /there is no field "blocks"/],
  ] as const)
    assert.throws(() => checked(schema, { ...mobileNetV2, ...changed }, ''), expected);
});
