/**
 * A rank of a distributed run, or a process alone: `[mpirun -np N] node rank.mjs JSON` trains a
 * tiny student, and rank 0 prints one line of JSON: all parameters, the losses of every step, the
 * scores of the evaluation. The fields of the argument are those of `options` below.
 */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);
const lib = load('../../../lib/dist/index.js');
const { connect } = load('../../../lib/dist/train/distributed/communicator.js');

/**
 * batch: pictures a step of all ranks; accumulate: into how many parts a rank's batch is cut;
 * unsharded: the same pictures for all; die: the step after which rank 1 ends, and how.
 */
const options = JSON.parse(process.argv[2]);
const {
  data,
  folder,
  model,
  teacher: teacherModel,
  distillation,
  design,
  batch,
  accumulate,
  steps,
  optimizer,
  rate,
  cached,
  unsharded,
  die,
} = options;

const world = await connect();
const shard = { rank: world.rank, size: world.size };
const size = { width: 64, height: 64 };
const dataset = lib.openCoco(data, 'train');
const pass = (flip) => lib.createLoader(dataset, { size, batch: 2, flip, workers: 0, shard });
const loader = lib.createLoader(dataset, {
  size,
  batch: batch / world.size,
  shuffle: true,
  flip: 0.5,
  seed: 3,
  workers: 0,
  shard: unsharded ? undefined : shard,
});

// Every rank starts elsewhere: rank 0's parameters count. What is drawn at random is the same for all.
const student = lib.createDetector(model, { seed: 2 + world.rank });
const detector = lib.createDetector(teacherModel, { seed: 5 });
const teacher = new lib.Teacher(detector, detector.strides.map((_, level) => [0.5, 2, 1][level]));
const features = cached
  ? await lib.cachedFeatures(teacher, { plain: pass(0), flipped: pass(1) })
  : lib.liveFeatures(teacher);
const losses = [];
const onStep = ({ step, losses: parts }) => {
  losses.push(parts);
  if (world.rank !== 1 || step !== die?.step) return;
  if (die.how === 'kill') process.kill(process.pid, 'SIGKILL');
  throw new Error('rank 1 has had enough');
};
const schedule = { kind: 'cosine', base: rate, steps, warmup: { steps: 3, ratio: 0.1 } };
const run = (name) => ({
  folder: `${folder}/${name}`,
  config: { steps, batch },
  resume: true,
  checkpointEvery: 4,
  onStep,
});

let prompt;
if (design) {
  prompt = lib.createPromptState(2, teacher.channels, design, 1 + world.rank);
  const dissimilarity =
    design.profile === 'released'
      ? { similarity: 'dice', pairs: 'distinct' }
      : { similarity: 'jaccard', pairs: 'all' };
  const tuning = { lambda: 1, ...dissimilarity, steps, learningRate: 0.01, weightDecay: 1e-3 };
  const setup = { teacher, features, state: prompt, loader, tuning, batchSize: batch, accumulate };
  await lib.tunePrompt(setup, run('prompt'));
}
await lib.trainStudent(
  {
    student,
    loader,
    batchSize: batch,
    accumulate,
    schedule,
    optimizer,
    clip: 1,
    distillation,
    side: { teacher, features, prompt },
    seed: student.drawsRegions ? 2 : 2 + world.rank,
  },
  run('student'),
);

const val = lib.openCoco(data, 'val');
const { stats, detections } = await lib.evaluateDetector(
  student,
  val,
  lib.createLoader(val, { size, batch: 2, workers: 0, shard }),
);
const values = (store) =>
  Object.fromEntries([...store.read()].map(([name, { data: numbers }]) => [name, Array.from(numbers)]));
if (world.rank === 0) {
  const bound = Object.keys(load.cache).some((file) => file.includes('koffi'));
  const result = {
    ranks: world.size,
    bound,
    parameters: { ...values(student.parameters), ...(prompt && values(prompt.parameters)) },
    losses,
    stats,
    detections,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
