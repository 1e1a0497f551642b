/**
 * What several ranks cost and bring, beside one process: `[.runtime/openmpi/bin/mpirun -np 2
 * --bind-to none] node test/bench/ranks.mjs`, with TF_NUM_INTRAOP_THREADS=1 to compare ranks that
 * have one thread each. Rank 0 prints, as medians: the time to sum gradients of a RetinaNet-R50's
 * size, in buckets as in training, and of a training step of the small student on 8 emoji scenes a
 * rank.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

const load = createRequire(import.meta.url);
const lib = load('../../lib/dist/index.js');

const VALUES = 37e6; // about the gradients of a RetinaNet-R50
const BUCKET = 2 ** 20;
const STEPS = 40;

const world = await lib.connect();
const shard = { rank: world.rank, size: world.size };
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const times = [];
const gradients = new Float32Array(VALUES).fill(1e-3);
for (let round = 0; round < 7; round++) {
  await world.barrier();
  const began = performance.now();
  const pending = [];
  for (let start = 0; start < VALUES; start += BUCKET)
    pending.push(world.startSum(gradients.subarray(start, start + BUCKET)));
  for (const sum of pending) sum.finish();
  times.push(performance.now() - began);
}

const folder = mkdtempSync(join(tmpdir(), 'freekd-ranks-'));
const { folder: scenes } = await lib.ensureEmojiScenes({ train: 80, val: 40 });
const batch = 8 * world.size;
const loader = lib.createLoader(lib.openCoco(scenes, 'train'), {
  size: { width: 128, height: 128 },
  batch: 8,
  shuffle: true,
  flip: 0.5,
  shard,
});
const student = new lib.RetinaNet(lib.smallStudent, { seed: 1 });
const steps = [];
await lib.trainStudent(
  {
    student,
    loader,
    batchSize: batch,
    distillation: {},
    seed: 1,
    clip: 10,
    schedule: { kind: 'constant', base: 1e-3, steps: STEPS },
    optimizer: { kind: 'adamw', weightDecay: 0.05 },
  },
  {
    folder,
    config: {},
    checkpointEvery: 0,
    onStep: ({ step, milliseconds }) => void (step >= 10 && steps.push(milliseconds)),
  },
);
await loader.close();
rmSync(folder, { recursive: true, force: true });
if (world.rank === 0) {
  const step = median(steps);
  const sum = world.size > 1 ? `${VALUES / 1e6} M values summed in ${median(times).toFixed(0)} ms; ` : '';
  console.log(
    `ranks: ${world.size}; ${sum}a step ${step.toFixed(0)} ms, ${((1000 * batch) / step).toFixed(1)} images/s`,
  );
}
