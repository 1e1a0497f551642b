/**
 * Trains a tiny student under feature MSE, in a process of its own that may be killed: `node
 * killable.mjs DATA FOLDER`. Prints a line a step and, last, the SHA-256 of all weights. With
 * KILL_AT_RENAME=n it kills itself just before the n-th rename of its checkpoints' files: of the
 * tensors where n is odd, of the JSON where it is even.
 */
import fs from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);
const { openCoco } = load('../../lib/dist/coco/dataset.js');
const { createLoader } = load('../../lib/dist/coco/loader.js');
const { RetinaNet } = load('../../lib/dist/detection/retinanet/index.js');
const { trainStudent } = load('../../lib/dist/distill/distill-student.js');
const { liveFeatures } = load('../../lib/dist/distill/feature-cache.js');
const { Teacher } = load('../../lib/dist/distill/teacher.js');

const [data, folder, model] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4])];
const steps = 30;

let renames = Number(process.env.KILL_AT_RENAME ?? 0);
const { rename } = fs;
fs.rename = async (...names) => {
  if (--renames === 0) process.kill(process.pid, 'SIGKILL');
  return rename(...names);
};

const student = new RetinaNet(model, { seed: 2 });
const teacher = new Teacher(new RetinaNet(model, { seed: 5 }), [0.5, 2]);
const loader = createLoader(openCoco(data, 'train'), {
  size: { width: 64, height: 64 },
  batch: 4,
  shuffle: true,
  flip: 0.5,
  seed: 3,
});
await trainStudent(
  {
    student,
    loader,
    batchSize: 4,
    schedule: { kind: 'cosine', base: 2e-3, steps, warmup: { steps: 5, ratio: 0.1 } },
    optimizer: { kind: 'adamw', weightDecay: 0.05 },
    clip: 10,
    distillation: { mse: 1 },
    side: { teacher, features: liveFeatures(teacher) },
    seed: 2,
  },
  {
    folder,
    config: { steps },
    resume: true,
    checkpointEvery: 4,
    onStep: ({ step }) => void process.stdout.write(`step ${step}\n`),
  },
);
await loader.close();
const hash = createHash('sha256');
for (const [name, { data: values }] of student.parameters.read())
  hash.update(name).update(new Uint8Array(values.buffer));
process.stdout.write(`weights ${hash.digest('hex')}\n`);
