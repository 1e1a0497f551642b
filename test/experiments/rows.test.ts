/**
 * The rows of the paper's table: configured as published, clear about what is missing, and run from
 * import to evaluation with tiny networks.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  cascadeRcnnX101,
  createPromptState,
  experimentNames,
  experiments,
  exportWeights,
  fasterRcnnR50ClassAgnostic,
  profiles,
  publishedCheckpoint,
  readPublished,
  RetinaNet,
  retinaNetR101,
  retinaNetR50,
  retinaNetX101,
  withBatch,
  withSteps,
  writeSafetensors,
  type Experiment,
  type ExperimentName,
  type ImportedTeacher,
  type RetinaNetConfig,
} from 'freekd';
import { checkpointFile } from '../../lib/dist/experiments/checkpoint-file';
import { readResult } from '../../lib/dist/runs/results';
import { temporary, writeFixture } from '../coco/fixture';
import { interrupted, reproduce } from './command';

const root = join(__dirname, '../..');
const coco: Experiment = experiments['retinanet-r101-r50-coco'];

test('the COCO row is the released config: schedule, sizes, losses, prompt', () => {
  const { stage2, prompt, loss, dissimilarity, stage1 } = profiles.released;
  const { student, size, sampling, weights } = coco;
  const epoch = Math.ceil(117266 / stage2.batch);
  assert.equal(student.steps, stage2.epochs * epoch);
  assert.deepEqual(student.milestones, stage2.milestones.map((at) => at * epoch));
  assert.deepEqual(student.optimizer, {
    kind: 'sgd',
    momentum: stage2.momentum,
    weightDecay: stage2.weightDecay,
    decayed: 'all',
  });
  assert.deepEqual(
    [student.batch, student.learningRate, student.warmupSteps, student.clip, size, sampling!.flip.released],
    [
      stage2.batch,
      stage2.learningRate,
      stage2.warmupSteps,
      stage2.clipNorm,
      { longSide: stage2.width, shortSide: stage2.height },
      stage2.flip,
    ],
  );
  assert.equal(sampling!.flip.paper, 0.5);
  assert.deepEqual(weights.released, { frequency: loss.freekd, mse: loss.featureMSE, regression: loss.regression });
  assert.deepEqual(coco.prompt.released.frequency, { profile: 'released', tokens: prompt.tokens });
  assert.deepEqual(coco.prompt.released.tuning, {
    ...dissimilarity,
    steps: stage1.steps,
    learningRate: stage1.learningRate,
    weightDecay: stage1.weightDecay,
  });
  const { tokens, level, gate } = coco.prompt.paper.frequency as { tokens: number; level: number; gate: boolean };
  assert.deepEqual([tokens, level, gate, coco.prompt.paper.tuning.steps], [2, 3, true, 2000]);
  assert.deepEqual([coco.teacher.model, student.model], [retinaNetR101, retinaNetR50]);
  assert.equal((coco.teacher as ImportedTeacher).AP, 38.9);
  const { inherit, ...x101 } = experiments['retinanet-x101-r50-coco'];
  const { title, name, teacher } = x101;
  assert.deepEqual([teacher.model, inherit], [retinaNetX101, true]);
  // Of the peers' configs for this teacher (mmrazor's, MasKD's).
  assert.deepEqual([weights.cwd, weights.pkd, weights.maskd!.refineAfter], [{ weight: 1 }, { weight: 6 }, 7000]);
  const peers = { cwd: { weight: 5 }, pkd: { weight: 10 }, maskd: { weight: 7, refineAfter: 8500 } };
  const own = { title, name, teacher, weights: { ...weights, ...peers } };
  assert.deepEqual(x101, { ...coco, ...own }, `${name}, ${title}: the rest is the same`);
});

test('the Cascade row: class-agnostic on both sides, only the neck inherited, the weights of its own config', () => {
  const row: Experiment = experiments['faster-rcnn-cascade-x101-r50-coco'];
  const { student, teacher, weights, inherit, prompt } = row;
  assert.deepEqual([teacher.model, student.model, inherit], [cascadeRcnnX101, fasterRcnnR50ClassAgnostic, 'neck']);
  assert.deepEqual(student.model.input, teacher.model.input);
  assert.deepEqual(weights.released, { frequency: 1, mse: 2, regression: 1 });
  assert.deepEqual([student.learningRate, student.clip, student.warmupSteps, student.batch], [0.02, 35, 500, 16]);
  assert.deepEqual([prompt.paper, prompt.released].map(({ tuning }) => tuning.weightDecay), [0.1, 0.1]);
  const { head, stages, rpn, proposals } = cascadeRcnnX101;
  assert.deepEqual(stages.map(({ regions, deviations, weight }) => [regions.positive, ...deviations, weight]), [
    [0.5, 0.1, 0.2, 1],
    [0.6, 0.05, 0.1, 0.5],
    [0.7, 0.033, 0.067, 0.25],
  ]);
  assert.deepEqual([head.beta, rpn.beta, rpn.allowedBorder, proposals.training.maximum], [1, 1 / 9, 0, 2000]);
});

test('every row has its own name, which is what it is called by', () => {
  for (const name of experimentNames) assert.equal(experiments[name].name, name);
});

test('another batch scales rate, steps and milestones; another length the milestones', () => {
  const { student } = coco;
  const quarter = withBatch(student, 4);
  assert.deepEqual(
    [quarter.batch, quarter.learningRate, quarter.steps, quarter.milestones, quarter.warmupSteps],
    [4, 0.005, 4 * 175920, [4 * 117280, 4 * 161260], 1000],
  );
  assert.deepEqual(withSteps(student, 24).milestones, [16, 22]);
  assert.deepEqual(withBatch(student, 16), student);
  assert.equal(withSteps({ ...student, milestones: undefined }, 5).milestones, undefined);
});

test('what is missing is said, with the command that brings it', async () => {
  const folder = temporary();
  if (!existsSync(publishedCheckpoint('retinanet-r50-2x').file()))
    await assert.rejects(
      checkpointFile('retinanet-r50-2x', folder),
      /retinanet-r50-2x is not there.*npm run data -- weights retinanet-r50-2x/s,
    );
  await assert.rejects(checkpointFile('no-name', folder), /no published checkpoint is called "no-name"/);
  await assert.rejects(checkpointFile('mine.pth', folder), /checkpoint mine\.pth is not there: expected .*mine\.pth/);
  const cases: [string[], RegExp][] = [
    [['--experiment', 'none'], /Allowed choices are retinanet-r101-r50-coco/],
    [
      ['--experiment', 'bccd', '--data', 'nowhere'],
      /bccd needs pictures that are not there: .*nowhere; put the pictures of/,
    ],
    [['--experiment', 'emoji-scenes', '--data', folder], /--experiment: this one is of emoji scenes/],
    [['--experiment', 'bccd', '--setting', 'few'], /cannot be used with option/],
  ];
  if (!existsSync(join(root, 'data/coco')))
    cases.push([
      ['--experiment', 'retinanet-r101-r50-coco'],
      /retinanet-r101-r50-coco needs .*data\/coco; npm run data -- coco, or --data/,
    ]);
  for (const [words, expected] of cases) {
    const { status, stderr } = await reproduce(folder, words);
    assert.equal(status, 1, words.join(' '));
    assert.match(stderr, expected);
  }
});

/**
 * The published network with few blocks and channels; `set` makes the same of the row on the
 * command line.
 */
const tiny = {
  'backbone.blocks': [1, 1, 1, 1],
  'backbone.widths': [4, 4, 4, 4],
  'backbone.stem.channels': 4,
  'neck.channels': 8,
  'head.channels': 8,
  'head.convs': 1,
  classes: 2,
};
const set = (fields: Record<string, unknown>): string[] =>
  Object.entries(fields).flatMap(([field, value]) => ['--set', `${field}=${JSON.stringify(value)}`]);
const tinyModel: RetinaNetConfig = {
  ...retinaNetR50,
  classes: 2,
  neck: { ...retinaNetR50.neck, channels: 8 },
  head: { ...retinaNetR50.head, channels: 8, convs: 1 },
  backbone: {
    ...retinaNetR50.backbone,
    blocks: [1, 1, 1, 1],
    widths: [4, 4, 4, 4],
    stem: { ...retinaNetR50.backbone.stem, channels: 4 },
  },
};

/** Made COCO with splits train and val, and checkpoints of all three kinds for the tiny networks. */
async function madeCoco(): Promise<{ folder: string; words: string[] }> {
  const folder = await writeFixture();
  cpSync(join(folder, 'train'), join(folder, 'val'), { recursive: true });
  cpSync(join(folder, 'annotations/instances_train.json'), join(folder, 'annotations/instances_val.json'));
  const write = async (
    name: string,
    entries: ReturnType<typeof exportWeights>,
    rename: (ours: string) => string,
  ): Promise<string> => {
    await writeSafetensors(join(folder, name), new Map([...entries].map(([ours, entry]) => [rename(ours), entry])));
    return join(folder, name);
  };
  const [teacher, backbone] = [7, 8].map((seed) => new RetinaNet(tinyModel, { seed }));
  const masks = { 'roi_head.mask_head.0.bias': { shape: [1], data: Float32Array.of(0) } }; // of no use here
  const teacherFile = await write(
    'teacher.safetensors',
    new Map([...exportWeights(teacher.parameters), ...Object.entries(masks)]),
    (ours) => `state_dict.${ours}`,
  );
  const bodies = new Map([...exportWeights(backbone.parameters)].filter(([ours]) => ours.startsWith('backbone.')));
  const backboneFile = await write('backbone.safetensors', bodies, (ours) => ours.slice('backbone.'.length));
  const prompt = createPromptState(5, 8, { profile: 'released', tokens: 6 }, 9);
  await write('prompt.safetensors', prompt.parameters.read(), (ours) =>
    ours.replace(/prompts\.(\d)\.tokens/, 'state_dict.mask_modules.$1.mask_token'),
  );
  [teacher, backbone].forEach((detector) => detector.dispose());
  prompt.parameters.dispose();
  const sizes = Object.fromEntries(
    ['teacher', 'student'].flatMap((role) =>
      Object.entries(tiny).map(([field, value]) => [`${role}.model.${field}`, value]),
    ),
  );
  const words = [
    '--experiment',
    'retinanet-r101-r50-coco',
    '--data',
    folder,
    '--batch',
    '2',
    '--steps',
    '4',
    ...set({
      ...sizes,
      'teacher.checkpoint': teacherFile,
      'student.backbone.checkpoint': backboneFile,
      'size.longSide': 96,
      'size.shortSide': 64,
      'prompt.paper.tuning.steps': 2,
    }),
  ];
  return { folder, words };
}

test(
  'the COCO row from import to evaluation with tiny networks: teacher measured first, ' +
    'batch scaled, prompt tuned or imported, a resumed run equal',
  async () => {
    const { folder, words } = await madeCoco();
    const refused = await reproduce(folder, words);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /the teacher reaches \d\.\d AP where 38\.9 is expected/);
    assert.ok(!existsSync(join(folder, 'out')), 'nothing was distilled');

    const run = (...more: string[]): ReturnType<typeof reproduce> =>
      reproduce(folder, [...words, '--set', 'teacher.AP=0', '--prompt', 'prompt.safetensors', ...more]);
    const whole = await run('--variants', 'student,freekd,released', '--out', 'out');
    assert.equal(whole.status, 0, whole.stderr);
    assert.match(
      whole.stdout,
      /linear scaling: 2 pictures a step in place of 16, learning rate 0\.0025 in place of 0\.02/,
    );
    assert.match(whole.stdout, /teacher: \d+ tensors imported from .*teacher\.safetensors/);
    assert.match(whole.stdout, /; read over: 1 of roi_head\.mask_head/);
    const result = readResult(join(folder, 'out/freekd-seed1.json'));
    assert.deepEqual(Object.keys(result.curve[0].losses).sort(), ['box', 'classification', 'freekd', 'loss']);
    const released = readResult(join(folder, 'out/released-seed1.json'));
    assert.deepEqual(Object.keys(released.curve[0].losses).sort(), [
      'box',
      'classification',
      'freekd',
      'loss',
      'mse',
      'regression',
    ]);
    assert.ok(!whole.stdout.includes('prompt, released'), 'the imported prompt is not tuned');
    assert.match((released.config as { prompt: { file: string } }).prompt.file, /^[0-9a-f]{64}$/);

    const stopped = await reproduce(
      folder,
      [...words, '--set', 'teacher.AP=0', '--variants', 'freekd', '--out', 'stopped'],
      interrupted((output) => /prompt, paper, seed 1 2\/2/.test(output)),
    );
    assert.equal(stopped.status, 130, stopped.stderr);
    const resumed = await reproduce(folder, [
      ...words,
      '--set',
      'teacher.AP=0',
      '--variants',
      'freekd',
      '--out',
      'stopped',
      '--resume',
    ]);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.equal(readResult(join(folder, 'stopped/freekd-seed1.json')).parameters, result.parameters);
    assert.notEqual(result.parameters, released.parameters);
  },
);

test('headers say what the published table says', () => {
  const header = (file: string): string =>
    readFileSync(join(root, 'lib/experiments/rows', file), 'utf8').split('*/')[0];
  for (const { experiment, student, teacher, freekd } of readPublished(root).rows) {
    if (experiment === null) continue;
    const expected =
      `student alone ${student.AP.toFixed(1)}, teacher ` +
      `${teacher.AP.toFixed(1)}, FreeKD ${freekd.toFixed(1)} AP on val2017`;
    assert.ok(header(`${experiment}.ts`).includes(expected), `${experiment}: ${expected}`);
    const imported = experiments[experiment as ExperimentName].teacher as ImportedTeacher;
    assert.equal(imported.AP, teacher.AP);
    assert.equal(publishedCheckpoint(imported.checkpoint).AP, teacher.AP);
  }
});
