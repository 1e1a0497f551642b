/**
 * The input pipeline at mmdetection's 1333 x 800 on the pictures of coco128: decode, resize, flip,
 * normalise, pad, in worker threads. How many pictures a second it makes, what one costs on the
 * processor, and how long a training step waits for its batch when steps block the main thread.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { availableParallelism } from 'node:os';
import { createLoader, openCoco } from 'freekd';

export interface InputRate {
  /** One entry a number of threads. */
  runs: {
    workers: number;
    imagesPerSecond: number;
    /** Processor time of all threads. */
    cpuMillisecondsPerImage: number;
    /**
     * Milliseconds that steps waited for their batch while each step blocked the main thread for
     * `blockedMilliseconds`.
     */
    waits: number[];
  }[];
  /** Pictures a batch. */
  batch: number;
  blockedMilliseconds: number;
}

const BATCH = 2;
/**
 * What a step on a batch is taken to last: an assumption, of the order of RetinaNet-R50 at this
 * size on one GPU; no measurement of ours.
 */
const BLOCKED = 205;
const STEPS = 24;

export const coco128 = join(__dirname, '../../../shared/data/coco128');

export async function inputRate(onRun: (done: number, total: number) => void): Promise<InputRate> {
  if (!existsSync(coco128))
    throw new Error(
      `the work "input" reads the pictures of coco128 in COCO's layout from ${coco128}, which is not there`,
    );
  const dataset = openCoco(coco128, 'val2017');
  const counts = [...new Set([1, availableParallelism()])];
  const runs: InputRate['runs'] = [];
  for (const workers of counts) {
    const loader = createLoader(dataset, {
      batch: BATCH,
      size: { longSide: 1333, shortSide: 800 },
      flip: 0.5,
      shuffle: true,
      groupByAspect: true,
      workers,
      ahead: 2 * workers + 1,
      cache: 'none',
    });
    const take = async (step: number): Promise<void> => (await loader.batch(step)).images.dispose();
    try {
      for (let step = 0; step < STEPS; step++) await take(step); // threads start, code becomes fast
      const began = performance.now();
      const cpu = process.cpuUsage();
      for (let step = STEPS; step < 2 * STEPS; step++) await take(step);
      const seconds = (performance.now() - began) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      const waits: number[] = [];
      for (let step = 2 * STEPS; step < 3 * STEPS; step++) {
        block(BLOCKED);
        const asked = performance.now();
        await take(step);
        waits.push(performance.now() - asked);
      }
      const images = STEPS * BATCH;
      runs.push({
        workers,
        imagesPerSecond: images / seconds,
        cpuMillisecondsPerImage: (user + system) / 1000 / images,
        waits,
      });
    } finally {
      await loader.close();
    }
    onRun(runs.length, counts.length);
  }
  return { runs, batch: BATCH, blockedMilliseconds: BLOCKED };
}

/** Keeps the main thread from everything else without using the processor, as a step on a GPU does. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
