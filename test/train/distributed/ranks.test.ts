/**
 * Two ranks under mpirun against one process: the same parameters, losses and scores; deaths end
 * the job; runs go on with another number of ranks.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { type DetectorConfig, smallDetectors } from '../../../lib/dist/detection/families';
import type { OnResNet } from '../../../lib/dist/backbone/resnet';
import { mpirun } from '../../../setup/mpirun.mjs';
import { distillations, frequencies } from '../../distill/setup';
import { temporary, tinyStudent, tinyTeacher, writePictures } from '../../distill/tiny';

const script = join(__dirname, 'rank.mjs');

interface Result {
  ranks: number;
  bound: boolean;
  parameters: Record<string, number[]>;
  losses: Record<string, number>[];
  stats: number[];
  detections: unknown[];
}

interface Ended {
  status: number | null;
  errors: string;
  result?: Result;
}

/** Batch norm with fixed statistics: those of a batch would be another for each rank. */
const frozen = <Config extends DetectorConfig>(model: Config): Config => ({
  ...model,
  backbone: { ...model.backbone, norm: 'frozen' },
});
const common = {
  model: frozen(tinyStudent),
  teacher: frozen(tinyTeacher),
  distillation: { ...distillations.freekd, mse: 1 },
  design: frequencies.paper,
  batch: 4,
  steps: 10,
  optimizer: { kind: 'sgd', momentum: 0.9, weightDecay: 1e-4 },
  rate: 0.02,
};

/** Of few channels, and with so few regions proposed that pictures with an object have more regions. */
function narrow(config: OnResNet<DetectorConfig>): object {
  const { stem, widths } = config.backbone;
  const narrowed = {
    ...config,
    classes: 2,
    backbone: { ...config.backbone, norm: 'frozen', stem: { ...stem, channels: 8 }, widths: widths.map(() => 8) },
    neck: { ...config.neck, channels: 16 },
    head: { ...config.head, channels: 16 },
  };
  if (!('proposals' in config)) return narrowed;
  const { training, test } = config.proposals;
  return {
    ...narrowed,
    rpn: { ...config.rpn, channels: 16 },
    proposals: { training: { ...training, maximum: 16 }, test: { ...test, maximum: 16 } },
  };
}

/** A copy of a folder of pictures in which every third has no objects. */
function withoutSome(data: string): string {
  const folder = temporary();
  cpSync(data, folder, { recursive: true });
  const file = join(folder, 'annotations/instances_train.json');
  const { annotations, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as { annotations: { image_id: number }[] };
  writeFileSync(file, JSON.stringify({ ...rest, annotations: annotations.filter(({ image_id }) => image_id % 3 > 0) }));
  return folder;
}

/** Runs rank.mjs alone (ranks 0) or under mpirun. */
function run(ranks: number, options: Record<string, unknown>, environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const [program, ...words] = [
    ...(ranks > 0 ? mpirun(ranks) : []),
    process.execPath,
    script,
    JSON.stringify({ ...common, ...options }),
  ];
  const child = spawn(program, words, {
    env: { ...process.env, NODE_OPTIONS: '', TF_NUM_INTRAOP_THREADS: '1', ...environment },
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (output += String(text)));
  child.stderr.on('data', (text: Buffer) => (errors += String(text)));
  return new Promise((resolve) => {
    child.on('close', (status) => {
      const line = output.split('\n').find((text) => text.startsWith('{'));
      resolve({ status, errors: output + errors, result: line ? (JSON.parse(line) as Result) : undefined });
    });
  });
}

async function finished(ranks: number, options: Record<string, unknown>): Promise<Result> {
  const { status, errors, result } = await run(ranks, options);
  assert.equal(status, 0, errors);
  assert.ok(result, errors);
  return result;
}

/** The largest difference of two runs' parameters. */
function distance(a: Result, b: Result): number {
  assert.deepEqual(Object.keys(a.parameters), Object.keys(b.parameters));
  const differences = Object.entries(a.parameters).flatMap(([name, values]) =>
    values.map((value, i) => Math.abs(value - b.parameters[name][i])),
  );
  assert.ok(differences.length > 5000 && differences.every(Number.isFinite));
  return differences.reduce((most, difference) => Math.max(most, difference), 0);
}

describe('two ranks', () => {
  let data: string;
  /** The same without the objects of every third picture. */
  let uneven: string;
  let folder: string;
  let one: Result;
  before(async () => {
    const [program] = mpirun(2);
    assert.ok(existsSync(program), `${program} is missing: npm run setup -- --openmpi`);
    data = await writePictures({ train: 10, val: 5 });
    uneven = withoutSome(data);
    folder = temporary();
    one = await finished(0, { data, folder, cached: true });
  });

  it('with batch b end as one with batch 2b: both stages, cached features, losses and parameters', async () => {
    assert.deepEqual([one.ranks, one.bound], [1, false], 'a process alone does not load MPI');
    const two = await finished(2, { data, folder: temporary(), cached: true });
    assert.deepEqual([two.ranks, two.bound], [2, true]);
    assert.ok(distance(one, two) < 1e-5, `${distance(one, two)}`);
    assert.equal(two.losses.length, 20);
    two.losses.forEach((losses, step) => {
      assert.deepEqual(Object.keys(losses), Object.keys(one.losses[step]));
      for (const [part, value] of Object.entries(losses))
        assert.ok(Math.abs(value - one.losses[step][part]) < 1e-4, `step ${step}, ${part}`);
    });
  });

  it('with each batch cut in two end as one with the batch at once', async () => {
    const two = await finished(2, { data, folder: temporary(), cached: true, accumulate: 2 });
    assert.ok(distance(one, two) < 1e-5, `${distance(one, two)}`);
  });

  it('of which batch norm takes the statistics end as one in as many turns, running statistics too', async () => {
    const options = { data, design: undefined, distillation: {}, model: tinyStudent, steps: 4 };
    const turns = await finished(0, { ...options, folder: temporary(), accumulate: 2 });
    const ranks = await finished(2, { ...options, folder: temporary() });
    assert.ok(distance(turns, ranks) < 1e-5, `${distance(turns, ranks)}`);
  });

  for (const kind of ['fcos', 'faster-rcnn', 'cascade-rcnn'] as const)
    it(`train ${kind} as one does, where pictures have no object, one, and more regions than others`, async () => {
      const model = narrow(smallDetectors(kind).student as OnResNet<DetectorConfig>);
      const options = {
        data: uneven,
        model,
        teacher: model,
        distillation: { released: { frequency: 0, mse: 1, regression: 5 } },
        design: undefined,
        steps: 4,
      };
      const own = await finished(0, { ...options, folder: temporary() });
      const two = await finished(2, { ...options, folder: temporary() });
      assert.ok(distance(own, two) < 1e-5, `${distance(own, two)}`);
      assert.ok(own.losses.every(({ regression, mse }) => regression > 0 && mse > 0));
      own.losses.forEach((losses, step) => {
        for (const [part, value] of Object.entries(losses)) {
          const other = two.losses[step][part];
          assert.ok(Math.abs(other - value) < 1e-5 * Math.max(1, value), `step ${step}, ${part}: ${other}, not ${value}`);
        }
      });
    });

  it('end so without distillation and with AdamW, and under profile released with live features', async () => {
    const others = [
      { distillation: {}, design: undefined, optimizer: { kind: 'adamw', weightDecay: 0.05 }, rate: 0.002 },
      { distillation: distillations.released, design: frequencies.released },
    ];
    for (const options of others) {
      const [a, b] = [
        await finished(0, { data, folder: temporary(), ...options }),
        await finished(2, { data, folder: temporary(), ...options }),
      ];
      assert.ok(distance(a, b) < 1e-5, `${distance(a, b)}`);
    }
  });

  it('take up what one has trained, and score it as one does, detection by detection', async () => {
    const copy = temporary();
    const trained = { data, steps: 40, design: undefined, distillation: {}, optimizer: { kind: 'adamw' } };
    const alone = await finished(0, { ...trained, folder: copy });
    const two = await finished(2, { ...trained, folder: copy });
    assert.equal(two.losses.length, 0, 'nothing was left to train');
    assert.equal(distance(alone, two), 0);
    assert.ok(two.detections.length > 20);
    assert.deepEqual(two.detections, alone.detections);
    assert.deepEqual(two.stats, alone.stats);
  });

  it('of which one is killed end, and one rank goes on from the last checkpoint to the same parameters', async () => {
    const own = temporary();
    cpSync(join(folder, 'prompt'), join(own, 'prompt'), { recursive: true });
    const killed = await run(2, { data, folder: own, cached: true, die: { step: 6, how: 'kill' } });
    assert.notEqual(killed.status, 0);
    assert.equal(killed.result, undefined);
    assert.match(killed.errors, /signal 9/);
    const resumed = await finished(0, { data, folder: own, cached: true });
    assert.deepEqual(resumed.losses.length, 6, 'from the checkpoint of step 4 on');
    assert.ok(distance(one, resumed) < 1e-5, `${distance(one, resumed)}`);
  });

  it('of which one fails end with its message', async () => {
    const { status, errors } = await run(2, {
      data,
      folder: temporary(),
      design: undefined,
      distillation: {},
      die: { step: 2, how: 'throw' },
    });
    assert.notEqual(status, 0);
    assert.match(errors, /rank 1 has had enough/);
  });

  it('end well where their heap cannot grow', async () => {
    const library = join(temporary(), 'heap-end.so');
    execFileSync('g++', ['-x', 'c', '-shared', '-fPIC', '-o', library, join(__dirname, 'heap-end.c')]);
    const options = { data, folder: temporary(), design: undefined, distillation: {}, steps: 1 };
    const { status, errors } = await run(1, options, { LD_PRELOAD: library });
    assert.equal(status, 0, errors);
  });

  it(
    'are told when a loader gives them the same pictures, or batch ' + 'norm would use statistics of their own',
    async () => {
      const same = await run(2, { data, folder: temporary(), design: undefined, distillation: {}, unsharded: true });
      assert.notEqual(same.status, 0);
      assert.match(same.errors, /this is rank \d of 2, but its loader gives part 0 of 1/);
      const { status, errors } = await run(2, {
        data,
        folder: temporary(),
        design: undefined,
        distillation: {},
        model: tinyStudent,
        steps: 2,
      });
      assert.equal(status, 0, errors);
      assert.equal(errors.match(/batch norm takes the statistics of each rank's own 2 pictures/g)?.length, 1, errors);
    },
  );
});

