/**
 * What a session hands to its runs: schedule, sampling, the teacher's side, what students start
 * with.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { standardAugmentation } from '../../lib/dist/coco/augmentation';
import { headsOf, imitatedIn, inheritNeckAndHead } from '../../lib/dist/distill/distill-student';
import { liveFeatures } from '../../lib/dist/distill/feature-cache';
import type { Imitation, ImitationContext, ImitationInput } from '../../lib/dist/distill/imitations/imitation';
import { activeImitations, createImitations } from '../../lib/dist/distill/imitations/index';
import type { Normalization } from '../../lib/dist/data/types';
import { createDetector, detectorKinds, smallDetectors } from '../../lib/dist/detection/families';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { featureMSE } from '../../lib/dist/freekd/feature-mse';
import { promptsOf } from '../../lib/dist/experiments/prompts';
import { openSplits } from '../../lib/dist/experiments/data';
import { emojiScenes, type Experiment } from '../../lib/dist/experiments/experiment';
import { Session } from '../../lib/dist/experiments/session';
import { Workbench, type SessionOptions } from '../../lib/dist/experiments/workbench';
import { readResults, saveResult } from '../../lib/dist/runs/results';
import { variantRow, type Variant } from '../../lib/dist/runs/variants';
import type { LossParts } from '../../lib/dist/train/step';
import { readLog } from '../../lib/dist/train/log';
import { Stopped } from '../../lib/dist/train/stop';
import { exportWeights } from '../../lib/dist/weights/import';
import { readSafetensors, writeSafetensors } from '../../lib/dist/weights/safetensors';
import { tf } from '../../lib/dist/tf';
import { temporary, tinyStudent, tinyTeacher, writePictures } from '../distill/tiny';

const experiment: Experiment = {
  ...emojiScenes,
  name: 'tiny',
  size: { width: 64, height: 64 },
  teacher: { ...emojiScenes.teacher, model: tinyTeacher, steps: 4, batch: 4 },
  student: { ...emojiScenes.student, model: tinyStudent, steps: 2, batch: 4 },
  prompt: promptsOf(2),
};

const averaging: Partial<Experiment> = { student: { ...experiment.student, average: 0.5 } };

let folder: string;
let teacherFile: string;
before(async () => {
  folder = await writePictures();
  teacherFile = join(temporary(), 'teacher');
});

const optionsOf = (changed: Partial<Experiment> = {}): SessionOptions => ({
  experiment: { ...experiment, ...changed },
  splits: openSplits(folder),
  out: temporary(),
  root: folder,
  teacherFile,
  trainTeacher: false,
  resume: false,
  goOn: 'run it again',
  progress: () => ({ update: () => undefined, stop: () => undefined }),
  say: () => undefined,
});

const sessions: Session[] = [];
after(() => Promise.all(sessions.map((session) => session.close())));
function open(changed?: Partial<Experiment>): Session {
  const session = new Session(optionsOf(changed));
  sessions.push(session);
  return session;
}

/** Trains a student for two steps; the SHA-256 of its weights and the losses of the first step. */
async function train(variant: Variant, changed?: Partial<Experiment>, seed = 1) {
  const session = open(changed);
  const { result, detector } = await session.student(variant, seed);
  detector.dispose();
  const [first] = readLog(join(session.options.out, 'runs', `${variant}-seed${seed}`));
  return { session, parameters: result.parameters, losses: first.losses, rate: first.learningRate };
}

test('a schedule has the warm-up, clipping, optimizer and milestones of its configuration', async () => {
  const bench = new Workbench(optionsOf());
  const { loader, ...plain } = bench.schedule({ ...experiment.student, steps: 40, warmupSteps: 6 }, 1);
  await loader.close();
  const { optimizer, clip, learningRate: base } = experiment.student;
  const warmup = { steps: 6, ratio: 0.001 };
  assert.deepEqual(plain, { batchSize: 4, schedule: { kind: 'cosine', base, steps: 40, warmup }, optimizer, clip });
  const steps = bench.schedule({ ...experiment.student, steps: 8, warmupSteps: 6, milestones: [4, 6] }, 1);
  await steps.loader.close();
  const short = { steps: 2, ratio: 0.001 };
  assert.deepEqual(steps.schedule, { kind: 'step', milestones: [4, 6], base, steps: 8, warmup: short });
  await bench.close();
});

test('each profile mirrors pictures as often as its experiment says', async () => {
  const sampling = (paper: number, released: number): Partial<Experiment> => ({
    sampling: { flip: { paper, released }, skipEmpty: false, groupByAspect: false },
  });
  const flipped = async (changed: Partial<Experiment>, profile: 'paper' | 'released'): Promise<boolean[]> => {
    const bench = new Workbench(optionsOf(changed));
    const loader = bench.trainingLoader(4, 1, profile);
    const { origins, images } = await loader.batch(0);
    images.dispose();
    await loader.close();
    await bench.close();
    return origins.map((origin) => origin.flipped);
  };
  assert.deepEqual(await flipped(sampling(0, 1), 'paper'), [false, false, false, false]);
  assert.deepEqual(await flipped(sampling(0, 1), 'released'), [true, true, true, true]);
  const [never, always] = [await train('released', sampling(0, 0)), await train('released', sampling(0, 1))];
  assert.notEqual(never.losses.classification, always.losses.classification, "a variant's run has its profile's");
  const [same, other] = [await train('mse', sampling(0, 0)), await train('mse', sampling(0, 1))];
  assert.equal(same.parameters, other.parameters);
});

test('augmented pictures: the teacher sees each anew, and a run is the same again', async () => {
  const augmentation = standardAugmentation;
  const titles: string[] = [];
  const options = optionsOf({ augmentation });
  options.progress = (title) => (titles.push(title), { update: () => undefined, stop: () => undefined });
  const session = new Session(options);
  sessions.push(session);
  const { result, detector } = await session.student('mse', 1);
  detector.dispose();
  assert.deepEqual((result.config as { augmentation?: unknown }).augmentation, augmentation);
  assert.ok(!titles.includes('teacher features'), `${titles}`);
  assert.equal((await train('mse', { augmentation })).parameters, result.parameters);
  const plain = await train('mse');
  assert.notEqual(plain.parameters, result.parameters);
  assert.ok(!('augmentation' in (await plain.session.configOf('mse', 1))), 'what is off is in no fingerprint');
});

test('a student with an average of weights is scored and kept with it', async () => {
  const [plain, averaged] = [await train('student'), await train('student', averaging)];
  assert.deepEqual(averaged.losses, plain.losses);
  assert.notEqual(averaged.parameters, plain.parameters);
  const { out } = averaged.session.options;
  const file = join(out, 'runs/student-seed1/checkpoints/step-00000002.safetensors');
  const stored = await readSafetensors(file);
  const { detector } = await averaged.session.student('student', 1);
  for (const { name, trainable } of detector.parameters.all()) {
    const { data } = stored.get(trainable ? `average/student/${name}` : `student/${name}`)!;
    assert.deepEqual(detector.parameters.get(name).variable.read(), data, name);
  }
  detector.dispose();
});

test('feature MSE imitates the divided pyramid, as the losses it is compared with', async () => {
  const { session, losses } = await train('mse');
  const { teacher } = await session.teacher();
  assert.ok(teacher.deviations.every((deviation) => Math.abs(deviation - 1) > 0.01), `${teacher.deviations}`);
  const bench = new Workbench(optionsOf());
  const loader = bench.trainingLoader(4, 1);
  const batch = await loader.batch(0);
  const side = { teacher, features: liveFeatures(teacher) };
  const student = new RetinaNet(tinyStudent, { seed: 1 });
  const asked = activeImitations(variantRow('mse').distillation(experiment));
  const imitations = createImitations(asked, { student, ...side, seed: 1 });
  const pyramid = student.pyramid(batch.images, true);
  const imitated = imitatedIn(batch, imitations, side);
  const heads = headsOf(student, student.head(pyramid, { training: true }), imitations, imitated, teacher);
  const { mse } = imitations.losses({ ...imitated, ...heads, step: 0, student: pyramid });
  const [value] = mse.value.dataSync();
  assert.ok(Math.abs(losses.mse / value - 1) < 1e-5, `${losses.mse}, expected ${value}`);
  batch.images.dispose();
  await loader.close();
  await bench.close();
});

test('pictures are read by the colours, mean and deviation of the networks', async () => {
  const pixelsOf = async (input?: Normalization): Promise<Float32Array[]> => {
    const bench = new Workbench(optionsOf({ student: { ...experiment.student, model: { ...tinyStudent, input } } }));
    const loaders = [bench.trainingLoader(4, 1), bench.inOrder(bench.val)];
    const pixels: Float32Array[] = [];
    for (const loader of loaders) {
      const { images } = await loader.batch(0);
      pixels.push(images.dataSync() as Float32Array);
      images.dispose();
      await loader.close();
    }
    await bench.close();
    return pixels;
  };
  const standard = await pixelsOf();
  assert.deepEqual(await pixelsOf({ mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] }), standard);
  const caffe = await pixelsOf({ order: 'bgr', mean: [103.53, 116.28, 123.675], std: [57.375, 57.12, 58.395] });
  for (const [i, turned] of caffe.entries()) {
    assert.notDeepEqual(turned, standard[i]);
    for (let pixel = 0; pixel < turned.length; pixel += 3) turned.subarray(pixel, pixel + 3).reverse();
    assert.deepEqual(turned, standard[i]);
  }
});

test("a distilled student inherits the teacher's neck and head where its experiment says so", async () => {
  const wide = { student: { ...experiment.student, model: tinyTeacher } };
  const [own, inherited] = [await train('mse', wide), await train('mse', { ...wide, inherit: true })];
  const neck = await train('mse', { ...wide, inherit: 'neck' });
  const losses = [own, inherited, neck].map((result) => result.losses.classification);
  assert.equal(new Set(losses).size, 3, `nothing, both, the neck: ${losses}`);
  const [alone, still] = [await train('student', wide), await train('student', { ...wide, inherit: true })];
  assert.equal(alone.parameters, still.parameters, 'the student alone inherits nothing');
});

test('a student of any family starts with an imported backbone, and may inherit all else', async () => {
  const classes = tinyStudent.classes;
  for (const kind of detectorKinds) {
    const model = { ...smallDetectors(kind).student, classes };
    const [other, student, own] = [1, 2, 2].map((seed) => createDetector(model, { seed }));
    const file = join(temporary(), 'backbone.safetensors');
    const exported = [...exportWeights(other.parameters)].filter(([name]) => name.startsWith('backbone.'));
    await writeSafetensors(file, new Map(exported.map(([name, entry]) => [name.slice('backbone.'.length), entry])));
    const backbone = { checkpoint: file, names: 'torchvision-resnet' } as const;
    const { losses } = await train('student', { student: { ...experiment.student, model, backbone } });
    assert.ok(Number.isFinite(losses.loss), kind);
    inheritNeckAndHead(student, other);
    for (const { name, variable } of student.parameters.all()) {
      const source = name.startsWith('backbone.') ? own : other;
      assert.deepEqual(variable.read(), source.parameters.get(name).variable.read(), `${kind}: ${name}`);
    }
    [other, student, own].forEach((detector) => detector.dispose());
  }
});

test('every variant has the prompt and the losses of its row', () => {
  const parts = (variant: Variant): unknown => {
    const { prompt, distillation } = variantRow(variant);
    const { mse, freekd, released } = distillation(experiment);
    return [prompt, mse, freekd && [freekd.masks, freekd.relation, freekd.mu], released];
  };
  const { mse, mu, released } = experiment.weights;
  assert.deepEqual(parts('student'), [undefined, undefined, undefined, undefined]);
  assert.deepEqual(parts('mse'), [undefined, mse, undefined, undefined]);
  assert.deepEqual(parts('fkd'), [undefined, undefined, [false, false, mu], undefined]);
  assert.deepEqual(parts('prompt'), ['paper', undefined, [true, false, mu], undefined]);
  assert.deepEqual(parts('relation'), ['paper', undefined, [false, true, mu], undefined]);
  assert.deepEqual(parts('freekd'), ['paper', undefined, [true, true, mu], undefined]);
  assert.deepEqual(parts('released'), ['released', undefined, undefined, released]);
});

test("a loss of a cell is run as a variant, and resumed as long as its text is the same", async () => {
  const losses = ({ teacher, student }: ImitationInput): LossParts => ({
    mse: { value: featureMSE(teacher, student), weight: experiment.weights.mse },
  });
  const options = { ...optionsOf(), resume: true };
  const session = new Session(options);
  sessions.push(session);
  const known = await session.student('mse', 1);
  const mine = await session.student({ name: 'mine', title: 'Mine', color: '#00aaff', losses }, 1);
  assert.equal(mine.result.parameters, known.result.parameters, 'the same loss, the same student');
  assert.deepEqual([mine.result.variant, mine.result.look], ['mine', { title: 'Mine', color: '#00aaff' }]);
  assert.equal(known.result.look, undefined);
  await saveResult(options.out, mine.result);
  assert.deepEqual(
    readResults(options.out).map(({ variant }) => variant),
    ['mine'],
  );
  const again = await session.student({ name: 'mine', losses }, 1);
  assert.equal(again.result.parameters, mine.result.parameters);
  const other = { name: 'mine', losses: (input: ImitationInput) => losses(input) };
  await assert.rejects(session.student(other, 1), /distillation\.own\.text is "sha256:/);

  const deviations: (number[] | undefined)[] = [];
  for (const prompt of [undefined, 'paper', 'released'] as const) {
    const create = ({ teacher, prompt: tuned }: ImitationContext): Imitation => {
      deviations.push(teacher.deviations);
      assert.deepEqual([!!tuned?.prompts, !!tuned?.released], [prompt === 'paper', prompt === 'released']);
      return { losses: ({ student }) => ({ none: { value: student[0].mean(), weight: 0 } }) };
    };
    const { detector } = await session.student({ name: `with-${prompt ?? 'none'}`, prompt, create }, 1);
    detector.dispose();
  }
  const { teacher } = await session.teacher();
  assert.deepEqual(deviations, [teacher.deviations, teacher.deviations, teacher.deviations.map(() => 1)]);
  for (const { detector } of [known, mine, again]) detector.dispose();
});

test('a stopped loss goes on where it stopped; one that was changed meanwhile is trained from the start', async () => {
  const losses = ({ teacher, student }: ImitationInput): LossParts => ({
    mse: { value: featureMSE(teacher, student), weight: experiment.weights.mse },
  });
  let stop = new AbortController();
  const stopping = (input: ImitationInput): LossParts => {
    if (input.step === 0) stop.abort(new Stopped('stopped'));
    return losses(input);
  };
  const session = new Session({ ...optionsOf(), get signal() { return stop.signal; } });
  sessions.push(session);
  const known = await session.student('mse', 1);
  const ends: (string | undefined)[] = [];
  for (const second of [stopping, (input: ImitationInput): LossParts => losses(input)]) {
    await assert.rejects(session.student({ name: 'mine', losses: stopping }, 1), /stopped after step 1 of mine/);
    stop = new AbortController();
    const { result, detector } = await session.student({ name: 'mine', losses: second }, 1);
    ends.push(result.parameters);
    assert.deepEqual(readLog(join(session.options.out, 'runs/mine-seed1')).map(({ step }) => step), [0, 1]);
    detector.dispose();
  }
  assert.deepEqual(ends, [known.result.parameters, known.result.parameters]);
  known.detector.dispose();
});

test('no session trains a teacher over a shipped one, whatever it is told', async () => {
  for (const shippedTeacher of [undefined, false]) {
    const root = temporary();
    const session = new Session({
      ...optionsOf(),
      root,
      teacherFile: join(root, 'data/teachers/tiny'),
      shippedTeacher,
    });
    sessions.push(session);
    await assert.rejects(
      session.teacher(),
      /would be trained over the shipped .*tiny\.safetensors \(there is none yet\)/,
    );
    assert.equal(existsSync(join(root, 'data')), false);
  }
});

test('a closed session opens again on use, gives its memory back, and finds its prompts again', async () => {
  const titles: string[] = [];
  const options = optionsOf();
  options.progress = (title) => (titles.push(title), { update: () => undefined, stop: () => undefined });
  const session = new Session(options);
  sessions.push(session);
  assert.deepEqual(session.memory(), { teacher: 0, features: 0, prompts: 0 });
  const tokensOf = async (): Promise<Float32Array> => {
    const { parameters } = await session.prompt('paper', 1);
    return parameters.all()[0].variable.read();
  };
  const { score } = await session.teacher();
  const tokens = await tokensOf();
  const held = session.memory();
  const numbers = (await session.prompt('paper', 1)).parameters.numel();
  assert.equal(held.prompts, (4 * numbers) / 1e6);
  assert.ok(held.teacher > 0 && held.features > 0, JSON.stringify(held));
  await session.close();
  await session.close();
  assert.deepEqual(session.memory(), { teacher: 0, features: 0, prompts: 0 });
  const before = tf.memory().numTensors; // what TensorBoard's writers of both runs hold
  titles.length = 0;
  assert.deepEqual((await session.teacher()).score.metrics, score.metrics);
  assert.deepEqual(await tokensOf(), tokens);
  assert.ok(!titles.some((title) => title.startsWith('prompt')), `not trained twice: ${titles.join('; ')}`);
  assert.deepEqual(session.memory(), held);
  await session.close();
  assert.equal(tf.memory().numTensors, before);
  const { detector } = await session.student('prompt', 1);
  detector.dispose();
});
