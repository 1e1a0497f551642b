/** CrossKD against plain PyTorch (test/golden/crosskd.py), and what it asks of teacher and student. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  createDetector,
  detectorKinds,
  smallDetectors,
  type DetectorConfig,
} from '../../../lib/dist/detection/families';
import type { Detector } from '../../../lib/dist/detection/detector';
import { liveFeatures } from '../../../lib/dist/distill/feature-cache';
import { crossKDLoss, type CrossKDSettings } from '../../../lib/dist/distill/imitations/crosskd';
import { activeImitations, createImitations } from '../../../lib/dist/distill/imitations/index';
import { createOwn } from '../../../lib/dist/distill/imitations/own';
import { Teacher } from '../../../lib/dist/distill/teacher';
import { tf, type Scalar, type Tensor, type Tensor4D } from '../../../lib/dist/tf';
import { readLog } from '../../../lib/dist/train/log';
import { fcosNumbers, fill, near, nearGradients, numbers, parameterNumbers } from '../../detection/golden';
import { distil } from '../setup';
import { tinyModel, tinyStudent, writePictures } from '../tiny';

interface Case {
  kind: 'retinanet' | 'fcos';
  head: { convs: number; channels: number; norm: 'none' | { groups: number } };
  after: number;
  classes: number;
  boxes: number;
  pyramid: number[][];
  gradients: Record<string, [number, number]>;
}
const golden = JSON.parse(readFileSync(path.join(__dirname, '../../golden/crosskd.json'), 'utf8')) as {
  levels: [number, number, number][];
  classes: number;
  channels: number;
  normalizers: [number, number];
  cases: Case[];
};

/** A detector with the head of a case; its backbone takes no part. */
function detectorOf({ kind, head }: Case): Detector {
  const { channels, classes } = golden;
  const { backbone, assign, loss } = tinyModel(channels);
  const network = { classes, backbone, neck: { channels, extraLevels: 0 } };
  const { student: fcos } = smallDetectors('fcos');
  const ranges = fcos.assign.ranges.slice(0, 2);
  const config =
    kind === 'fcos'
      ? { ...fcos, ...network, assign: { ...fcos.assign, ranges }, head }
      : { ...network, head, assign, loss, anchors: { baseScale: 2, scalesPerOctave: 2, ratios: [1] } };
  return createDetector(config as DetectorConfig);
}

const maps = (name: string): Tensor4D[] =>
  golden.levels.map(([n, h, w], i) => {
    const shape: [number, number, number, number] = [n, h, w, golden.channels];
    return tf.tensor4d(numbers(`${name}/${i}`, n * h * w * golden.channels, -2, 2), shape);
  });

for (const expected of golden.cases)
  test(`CrossKD is that of PyTorch: ${expected.kind}, cut after ${expected.after} of ${expected.head.convs}`, () => {
    const [student, teacher] = ['student/', 'teacher/'].map((prefix) => {
      const detector = detectorOf(expected);
      fill(detector, expected.kind === 'fcos' ? fcosNumbers : parameterNumbers, prefix);
      return detector;
    });
    const { after } = expected;
    const [own, given] = [maps('student/pyramid'), maps('teacher/pyramid')];
    const trained = student.parameters.trainable().filter(({ name }) => name.startsWith('bbox_head.'));
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const dense = teacher.dense!;
      const taught = dense.predictions(teacher.head(given));
      const [classification, box] = golden.normalizers;
      const values: number[] = [];
      const loss = (): Scalar => {
        const outputs = student.head(own, { training: true, keepAfter: after });
        const crossed = dense.predictions(dense.from(outputs, after));
        const { classes, boxes } = crossKDLoss(crossed, taught, { classification, box });
        values.push(classes.dataSync()[0], boxes.dataSync()[0]);
        return tf.add(tf.mul(classes, 2), tf.mul(boxes, 3));
      };
      const inputs: Tensor[] = [...own, ...trained.map(({ value }) => value)];
      const { grads } = tf.engine().gradients(loss, inputs, undefined, true) as { grads: (Tensor | undefined)[] };
      near(values, [expected.classes, expected.boxes], 1e-5, 'values');
      expected.pyramid.forEach((gradient, i) => near(grads[i]!.dataSync(), gradient, 1e-4, `gradient of level ${i}`));
      const learned = trained.map((parameter, i) => ({ parameter, gradient: grads[own.length + i] }));
      const moved = learned.filter(({ parameter: { name } }) => name in expected.gradients);
      nearGradients(
        moved.map(({ parameter }) => parameter),
        moved.map(({ gradient }) => gradient!),
        expected.gradients,
      );
      for (const { parameter, gradient } of learned)
        if (!(parameter.name in expected.gradients))
          assert.equal(gradient, undefined, `${parameter.name} learns nothing`);
    });
    assert.equal(tf.memory().numTensors, before);
    tf.dispose([own, given]);
    for (const detector of [student, teacher]) detector.dispose();
  });

const asked = (crosskd: Partial<CrossKDSettings> = {}) => activeImitations({ crosskd: { weight: 1, ...crosskd } });

test('teacher and student should be of one family whose head has two towers, cut where their channels agree', () => {
  const create = (student: DetectorConfig, teacher: DetectorConfig, settings?: Partial<CrossKDSettings>): void => {
    const [own, taught] = [createDetector(student), createDetector(teacher)];
    const made = new Teacher(taught, taught.strides.map(() => 1));
    try {
      createImitations(asked(settings), { student: own, teacher: made, seed: 0 }).dispose();
    } finally {
      for (const detector of [own, taught]) detector.dispose();
    }
  };
  for (const kind of detectorKinds) {
    const { student, teacher } = smallDetectors(kind);
    if (kind === 'retinanet' || kind === 'fcos') create(student, teacher);
    else assert.throws(() => create(student, teacher), new RegExp(`retinanet or fcos; here it is ${kind}$`));
  }
  const { fcos, retinanet } = { fcos: smallDetectors('fcos'), retinanet: smallDetectors('retinanet') };
  assert.throws(() => create(fcos.student, retinanet.teacher), /retinanet or fcos; here it is fcos and retinanet$/);
  assert.throws(
    () => create(tinyStudent, tinyModel(12), { after: 1 }),
    /student's have 8 channels and the teacher's 12/,
  );
  assert.throws(() => create(tinyStudent, tinyModel(12)), /student's have 8 channels and the teacher's 12/);
  assert.throws(() => create(tinyStudent, tinyStudent, { after: 2 }), /1 convolutions cannot be cut after 2/);
  assert.throws(() => createOwnBeside(1), /cut once, but losses ask for it after 0 and 1/);
});

/** CrossKD, which cuts the tiny towers after 0 convolutions, beside a loss of one's own. */
function createOwnBeside(keepsAfter: number): void {
  const [student, taught] = [tinyStudent, tinyStudent].map((config) => createDetector(config));
  const own = { name: 'own', text: '', create: () => ({ keepsAfter, losses: () => ({}) }) };
  assert.equal(createOwn(own, {} as never).keepsAfter, keepsAfter);
  try {
    const teacher = new Teacher(taught, [1, 1]);
    createImitations([...asked(), ...activeImitations({ own })], { student, teacher, seed: 0 }).dispose();
  } finally {
    for (const detector of [student, taught]) detector.dispose();
  }
}

test('a student equal to its teacher has nothing to imitate, and boxes of weight 0 are left out', async () => {
  const folder = await writePictures();
  const config = { ...tinyStudent, backbone: { ...tinyStudent.backbone, norm: 'frozen' as const } };
  const teacher = new Teacher(createDetector(config, { seed: 2 }), [1, 1]);
  const side = { teacher, features: liveFeatures(teacher) };
  const run = await distil(folder, { crosskd: { weight: 3, boxes: 0 } }, { side, steps: 1 });
  assert.deepEqual(Object.keys(readLog(run.folder)[0].losses), ['loss', 'classification', 'box', 'crosskd']);
  tf.tidy(() => {
    const dense = teacher.detector.dense!;
    const outputs = teacher.detector.head(maps('same'), { keepAfter: 1 });
    const [own, crossed] = [outputs, dense.from(outputs, 1)].map((given) => dense.predictions(given));
    const { classes, boxes } = crossKDLoss(crossed, own, { classification: 1, box: 1 });
    assert.equal(classes.dataSync()[0], 0);
    assert.ok(Math.abs(boxes.dataSync()[0]) < 1e-4);
  });
  run.student.dispose();
  teacher.detector.dispose();
});
