/** A batch learnt from in turns against the same batch at once: parameters, losses, memory, resume. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openCoco } from '../../lib/dist/coco/dataset';
import { createLoader, type Loader } from '../../lib/dist/coco/loader';
import type { Parameters } from '../../lib/dist/core/parameters';
import { Random } from '../../lib/dist/core/random';
import type { Batch, Target } from '../../lib/dist/data/types';
import { createDetector, type DetectorConfig, detectorKinds, smallDetectors } from '../../lib/dist/detection/families';
import type { Detector } from '../../lib/dist/detection/detector';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { trainDetector, type TeacherSide } from '../../lib/dist/distill/distill-student';
import { liveFeatures } from '../../lib/dist/distill/feature-cache';
import type { Distillation } from '../../lib/dist/distill/imitations/index';
import { createPromptState } from '../../lib/dist/distill/prompt-state';
import { Teacher } from '../../lib/dist/distill/teacher';
import { tunePrompt } from '../../lib/dist/distill/tune-prompt';
import { tf } from '../../lib/dist/tf';
import { readLog, type StepRecord } from '../../lib/dist/train/log';
import { writeFixture } from '../coco/fixture';
import { fcosNumbers, fill, parameterNumbers } from '../detection/golden';
import { distillations, frequencies, promptState, tuningOf } from './setup';
import { hashOf, temporary, tinyStudent, tinyTeacher } from './tiny';

const PICTURES = 4;

/** Batch norm with fixed statistics: those of a batch would be another for each part. */
const frozen = <Config extends DetectorConfig>(config: Config): Config => ({
  ...config,
  backbone: { ...config.backbone, norm: 'frozen' },
});

/** With so few regions proposed that pictures with more objects have more regions. */
const sparing = (config: DetectorConfig): DetectorConfig =>
  'proposals' in config
    ? { ...config, proposals: { ...config.proposals, training: { ...config.proposals.training, maximum: 16 } } }
    : config;

/** Objects of a picture of 64 x 48 in an input of 64 x 64; the first has none, the others one to three. */
function objectsOf(picture: number, classes: number): Target {
  const random = new Random(`objects ${picture}`);
  const each = Array.from({ length: picture }, () => {
    const [x, y, side] = [random.uniform(0, 30), random.uniform(0, 20), random.uniform(14, 28)];
    return { box: [x, y, x + side, y + side], label: random.int(classes) };
  });
  return {
    boxes: Float32Array.from(each.flatMap(({ box }) => box)),
    labels: Int32Array.from(each.map(({ label }) => label)),
  };
}

/** Batches of the same objects on noise that differs from step to step. */
function noise(classes: number): Loader {
  const indices = Array.from({ length: PICTURES }, (_, i) => i);
  const origin = { width: 64, height: 48, scaleX: 1, scaleY: 1, flipped: false, inputWidth: 64, inputHeight: 48 };
  return {
    length: PICTURES,
    batchesPerEpoch: 1,
    shard: { rank: 0, size: 1 },
    batch: async (step): Promise<Batch> => ({
      images: tf.tensor4d(new Random(`images ${step}`).normals(PICTURES * 64 * 64 * 3, 0, 1), [PICTURES, 64, 64, 3]),
      targets: indices.map((picture) => objectsOf(picture, classes)),
      origins: indices.map((picture) => ({ id: 10 + picture, ...origin })),
    }),
    order: () => indices,
    close: async () => undefined,
  };
}

interface Run {
  values: Map<string, Float32Array>;
  log: StepRecord[];
  tensors: number[];
}

/** Trains a new detector of `config` with SGD. */
async function trained(
  config: DetectorConfig,
  accumulate: number | undefined,
  { distillation = {}, side, steps = 2, loader = noise(config.classes) }: {
    distillation?: Distillation;
    side?: TeacherSide;
    steps?: number;
    loader?: Loader;
  } = {},
): Promise<Run> {
  const detector = createDetector(config, { seed: 1 });
  const [folder, tensors]: [string, number[]] = [temporary(), []];
  await trainDetector(
    {
      detector,
      loader,
      batchSize: PICTURES,
      accumulate,
      schedule: { kind: 'constant', base: 0.02, steps },
      optimizer: { kind: 'sgd', momentum: 0.9, weightDecay: 1e-4 },
      clip: 5,
      distillation,
      side,
      seed: 3,
    },
    { folder, config: {}, checkpointEvery: 0, onStep: () => void tensors.push(tf.memory().numTensors) },
  );
  const values = valuesOf(detector.parameters);
  detector.dispose();
  return { values, log: readLog(folder), tensors };
}

const valuesOf = (parameters: Parameters): Map<string, Float32Array> =>
  new Map(parameters.all().map(({ name, variable }) => [name, variable.read()]));

/** Both runs ended the same: losses and gradient norms to 1e-5, parameters to 1e-5 of their greatest or to 1e-6. */
function same(own: Run, whole: Run, what: string, tolerance = 1e-5): void {
  assert.equal(own.log.length, whole.log.length);
  const numbers = ({ losses, gradientNorm }: StepRecord): Record<string, number> => ({
    ...losses,
    ...(gradientNorm !== undefined && { gradientNorm }),
  });
  for (const [step, record] of whole.log.entries()) {
    const [found, expected] = [numbers(own.log[step]), numbers(record)];
    assert.deepEqual(Object.keys(found), Object.keys(expected), what);
    for (const [part, value] of Object.entries(expected)) {
      const off = Math.abs(found[part] - value) / Math.max(Math.abs(value), 1e-2);
      assert.ok(off < tolerance, `${what}, step ${step}, ${part}: ${found[part]}, not ${value}`);
    }
  }
  for (const [name, values] of whole.values) {
    const greatest = Math.max(0.1, values.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
    const furthest = own.values.get(name)!.reduce((most, v, i) => Math.max(most, Math.abs(v - values[i])), 0);
    assert.ok(furthest < tolerance * greatest, `${what}: ${name} differs by ${furthest} of ${greatest}`);
  }
}

describe('a batch in turns', () => {
  for (const kind of detectorKinds)
    it(`trains ${kind} as the batch at once, in 2 and in 4 parts, of which one shows no object`, async () => {
      const config = sparing(frozen(smallDetectors(kind).student));
      const whole = await trained(config, undefined);
      for (const parts of [2, 4]) {
        const own = await trained(config, parts);
        same(own, whole, `${kind} in ${parts}`);
        assert.equal(new Set(own.tensors).size, 1, `tensors: ${own.tensors}`);
      }
    });

  it('of pictures of many sizes is padded to the size of the batch', async () => {
    const dataset = openCoco(await writeFixture(), 'train');
    const options = { size: { longSide: 64, shortSide: 40 }, batch: PICTURES, shuffle: true, seed: 2, workers: 0 };
    const config = { ...frozen(tinyStudent), assign: { positive: 0.3, negative: 0.2 } };
    const whole = await trained(config, undefined, { loader: createLoader(dataset, options) });
    same(await trained(config, 4, { loader: createLoader(dataset, options) }), whole, 'many sizes');
  });

  it('that cannot be cut into equal parts is refused', async () => {
    await assert.rejects(
      trained(frozen(tinyStudent), 3),
      /a batch of 4 pictures cannot be cut into 3 equal parts: accumulate must be a divisor of the batch/,
    );
  });
});

describe('stage 2 in turns', () => {
  const { freekd } = distillations.freekd;
  const losses: Record<string, Distillation> = {
    freekd: { freekd },
    'freekd, the literal norm': { freekd: { ...freekd!, mu: 1e-4, reduction: 'sum' } },
    'profile released': distillations.released,
    'mse and mgd': { mse: 1, mgd: { weight: 1e-3 } },
    'cwd and fgd': { cwd: { weight: 2 }, fgd: { weight: 1e-2 } },
    maskd: { maskd: { weight: 1, refineAfter: 1 } },
  };
  let detector: Detector;
  let side: TeacherSide;
  before(() => {
    detector = new RetinaNet(frozen(tinyTeacher), { seed: 5 });
    const teacher = new Teacher(detector, [0.5, 2]);
    side = { teacher, features: liveFeatures(teacher) };
  });
  after(() => detector.dispose());

  for (const [name, distillation] of Object.entries(losses))
    it(`distils by ${name} as the batch at once`, async () => {
      const profile = distillation.released ? 'released' : distillation.maskd ? 'maskd' : 'paper';
      const prompt = promptState(side, profile);
      const options = { distillation, side: { ...side, prompt } };
      const whole = await trained(frozen(tinyStudent), 1, options);
      same(await trained(frozen(tinyStudent), 2, options), whole, name);
      same(await trained(frozen(tinyStudent), 4, options), whole, name);
      prompt.parameters.dispose();
    });

  for (const kind of ['retinanet', 'fcos'] as const)
    it(`distils ${kind} by crosskd, divided as the task is, as the batch at once`, async () => {
      const { student, teacher: large } = smallDetectors(kind);
      const network = createDetector(frozen(large), { seed: 5 });
      fill(network, kind === 'fcos' ? fcosNumbers : parameterNumbers); // fresh from a seed all scores are 0.01
      const teacher = new Teacher(network, network.strides.map(() => 1));
      const distillation = { crosskd: { weight: 0.1 } };
      const options = { distillation, side: { teacher, features: liveFeatures(teacher) } };
      const whole = await trained(frozen(student), 1, options);
      assert.ok(whole.log[0].losses.crosskd > 1e-4 && whole.log[0].losses.crosskdBox > 1e-4);
      same(await trained(frozen(student), 4, options), whole, kind);
      network.dispose();
    });

  for (const kind of ['faster-rcnn', 'cascade-rcnn', 'reppoints', 'fcos'] as const)
    it(`imitates the boxes of ${kind}, of regions where it draws them, as the batch at once`, async () => {
      const { student, teacher: large } = smallDetectors(kind);
      const network = createDetector(frozen(large), { seed: 5 });
      const teacher = new Teacher(network, network.strides.map(() => 1));
      const options = {
        distillation: { released: { frequency: 0, mse: 1, regression: 5 } },
        side: { teacher, features: liveFeatures(teacher) },
      };
      const config = sparing(frozen(student));
      const whole = await trained(config, 1, options);
      assert.ok(whole.log[0].losses.regression > 1e-4);
      same(await trained(config, 4, options), whole, kind);
      network.dispose();
    });

  it('says which losses take statistics over a part, and batch norm', async () => {
    const warnings: string[] = [];
    const listen = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', listen);
    const options = { distillation: { cankd: { weight: 1 } }, side, steps: 1 };
    for (const parts of [1, 2]) await trained(tinyStudent, parts, options);
    await trained(frozen(tinyStudent), 2, { steps: 1 });
    await new Promise(setImmediate);
    process.off('warning', listen);
    assert.deepEqual(warnings, [
      "batch norm and cankd take the statistics of each part's own 2 pictures: the outcome is not that of a whole " +
        'batch of 4',
    ]);
  });
});

describe('stage 1 in turns', () => {
  for (const profile of ['paper', 'released', 'maskd'] as const)
    for (const kind of ['retinanet', 'reppoints'] as const)
      it(`tunes the prompt of profile ${profile} under ${kind} as the batch at once`, async () => {
        const network = createDetector(frozen(smallDetectors(kind).teacher), { seed: 5 });
        const teacher = new Teacher(network, network.strides.map(() => 1));
        const run = async (accumulate: number): Promise<Run> => {
          const state = createPromptState(network.strides.length, network.channels, frequencies[profile], 1);
          const [folder, tensors]: [string, number[]] = [temporary(), []];
          const tuning = { ...tuningOf(state), steps: 3, learningRate: 1e-3 };
          const loader = noise(network.config.classes);
          const setup = { teacher, features: liveFeatures(teacher), state, loader, tuning };
          await tunePrompt(
            { ...setup, batchSize: PICTURES, accumulate },
            { folder, config: {}, checkpointEvery: 0, onStep: () => void tensors.push(tf.memory().numTensors) },
          );
          const values = valuesOf(state.parameters);
          state.parameters.dispose();
          return { values, log: readLog(folder), tensors };
        };
        const whole = await run(1);
        for (const parts of [2, 4]) {
          const own = await run(parts);
          same(own, whole, `${profile}, ${kind} in ${parts}`, 1e-4);
          assert.equal(new Set(own.tensors).size, 1, `tensors: ${own.tensors}`);
        }
        network.dispose();
      });
});

describe('running statistics', () => {
  // Of a network that runs once a turn, and of one that runs before as well, to know what it draws.
  for (const kind of ['retinanet', 'faster-rcnn'] as const)
    it(`of ${kind} end a step as the mean of what its parts made of them`, async () => {
      const { student } = smallDetectors(kind);
      const [whole, parts] = [await trained(student, 1, { steps: 1 }), await trained(student, 4, { steps: 1 })];
      // The first layer's input is the same for a part: the mean of its means is the batch's mean.
      const [expected, found] = [whole, parts].map(({ values }) => values.get('backbone.bn1.running_mean')!);
      assert.ok(expected.every((value, i) => value !== 0 && Math.abs(value - found[i]) < 1e-6));
    });
});

describe('a run in turns', () => {
  it('resumes bit for bit, and may go on with another number of parts', async () => {
    const run = async (
      folder: string,
      accumulate: number,
      { until, resume = false }: { until?: number; resume?: boolean },
    ) => {
      const student = new RetinaNet(tinyStudent, { seed: 2 });
      const stop = new AbortController();
      const result = await trainDetector(
        {
          detector: student,
          loader: noise(2),
          batchSize: PICTURES,
          accumulate,
          schedule: { kind: 'constant', base: 0.01, steps: 6 },
          optimizer: { kind: 'adamw' },
          distillation: {},
          seed: 2,
        },
        {
          folder,
          config: { name: 'run' },
          checkpointEvery: 2,
          resume,
          signal: stop.signal,
          onStep: ({ step }) => void (step === until && stop.abort()),
        },
      );
      const hash = hashOf(student.parameters);
      student.dispose();
      return { ...result, hash };
    };
    const whole = await run(temporary(), 2, {});
    const own = temporary();
    assert.equal((await run(own, 2, { until: 3 })).finished, false);
    assert.equal((await run(own, 2, { resume: true })).hash, whole.hash);
    const other = temporary();
    assert.equal((await run(other, 2, { until: 3 })).steps, 4);
    const { finished, steps } = await run(other, 4, { resume: true });
    assert.deepEqual([finished, steps], [true, 6]);
  });
});
