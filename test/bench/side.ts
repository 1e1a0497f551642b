/** Our side of a benchmark: tsx test/bench/side.ts TASK; the protocol is that of protocol.ts. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tf } from 'freekd';

/** One piece of work on prepared inputs; returns numbers that the reference's side must agree with. */
export type Task = () => number[] | Promise<number[]>;

const tasks: Record<string, () => Promise<{ prepare(name: string): Task }>> = {
  'train-frozen': () => import('./tasks/train'),
  'train-batch': () => import('./tasks/train'),
  distillation: () => import('./tasks/distillation'),
  'memory-forward': () => import('./tasks/inference'),
  'memory-distillation': () => import('./tasks/distillation'),
  inference: () => import('./tasks/inference'),
  'frequency-loss': () => import('./tasks/frequency-loss'),
  'wavelet-haar': () => import('./tasks/wavelet'),
  'wavelet-db4': () => import('./tasks/wavelet'),
  'train-fcos': () => import('./tasks/families'),
  'train-faster-rcnn': () => import('./tasks/families'),
  'train-reppoints': () => import('./tasks/families'),
  'roi-align': () => import('./tasks/detector-kernels'),
  'deform-conv': () => import('./tasks/detector-kernels'),
  evaluation: () => import('./tasks/evaluation'),
};

const answer = (values: object): void => void process.stdout.write(`@${JSON.stringify(values)}\n`);

/** Bytes of VmHWM or VmRSS; 0 where the system does not tell. */
function memory(field: 'VmHWM' | 'VmRSS'): number {
  if (!existsSync('/proc/self/status')) return 0;
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return match ? 1024 * Number(match[1]) : 0;
}

/** Bytes in use on the first GPU, by whomever. */
function cardMemory(): number {
  const words = ['--id=0', '--query-gpu=memory.used', '--format=csv,noheader,nounits'];
  return 2 ** 20 * Number(execFileSync('nvidia-smi', words, { encoding: 'utf8' }));
}

const onGpu = process.env.FREEKD_BENCH_DEVICE === 'gpu';

async function main(): Promise<void> {
  const name = process.argv[2];
  const run = (await tasks[name]()).prepare(name);
  const before = onGpu ? cardMemory() : memory('VmRSS');
  if (before > 0 && !onGpu) writeFileSync('/proc/self/clear_refs', '5'); // the high-water mark starts again
  const check = await run();
  // What TensorFlow has taken of a card it keeps.
  const peak = (onGpu ? cardMemory() : memory('VmHWM')) - before;
  answer({ check, peak, version: tf.version_core });
  for await (const line of createInterface({ input: process.stdin })) {
    const milliseconds: number[] = [];
    for (let i = Number(line.split(' ')[1]); i > 0; i--) {
      const began = performance.now();
      await run();
      milliseconds.push(performance.now() - began);
    }
    answer({ milliseconds });
  }
}

void main();
