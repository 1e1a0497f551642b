/**
 * The published networks with numbers that both sides make from names, a batch for them, and single
 * steps of the real trainer.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Parameters,
  RetinaNet,
  retinaNetR18,
  retinaNetR50,
  tf,
  train,
  type LossParts,
  type RetinaNetConfig,
} from 'freekd';
import type { Target } from '../../../lib/dist/coco/types';
import type { Tensor4D } from '../../../lib/dist/tf';
import { numbers, parameterNumbers } from '../../detection/golden';
import type { Task } from '../side';

export const BATCH = 8;
export const SIDE = 128;
const OBJECTS = 5;

export const configs = { r18: retinaNetR18, r50: retinaNetR50 };

/** Fills every parameter with the numbers of its name. */
export function fill(parameters: Parameters): void {
  parameters.load(
    new Map(parameters.all().map(({ name, shape }) => [name, { shape, data: parameterNumbers(name, shape) }])),
  );
}

export function network(config: RetinaNetConfig): RetinaNet {
  const model = new RetinaNet(config);
  fill(model.parameters);
  return model;
}

export function images(count: number, side: number): Tensor4D {
  return tf.tensor4d(numbers('bench/images', count * side * side * 3, -2, 2), [count, side, side, 3]);
}

export function targets(): Target[] {
  return Array.from({ length: BATCH }, (_, n) => {
    const sides = numbers(`bench/${n}/side`, 2 * OBJECTS, 16, 96);
    const corners = numbers(`bench/${n}/corner`, 2 * OBJECTS, 0, 1);
    const boxes = new Float32Array(4 * OBJECTS);
    for (let i = 0; i < OBJECTS; i++)
      for (const axis of [0, 1]) {
        const start = Math.fround(corners[2 * i + axis] * Math.fround(SIDE - sides[2 * i + axis]));
        boxes[4 * i + axis] = start;
        boxes[4 * i + 2 + axis] = start + sides[2 * i + axis];
      }
    return { boxes, labels: Int32Array.from({ length: OBJECTS }, (_, i) => i) };
  });
}

/**
 * Steps of `train` on one batch, one at a time: the loop waits after each until the next is asked
 * for. The rate is too small to change anything, so that every step is the same work.
 * @returns a function that takes one step and gives its loss
 */
export function steps(stores: Record<string, Parameters>, loss: (pictures: Tensor4D) => LossParts): Task {
  const pictures = images(BATCH, SIDE);
  let taken: (check: number[]) => void;
  let go: (() => void) | undefined;
  const begin = (): void =>
    void train({
      folder: mkdtempSync(join(tmpdir(), 'freekd-bench-')),
      config: {},
      stores,
      schedule: { kind: 'cosine', base: 1e-9, steps: 1e9 },
      optimizer: { kind: 'sgd', momentum: 0.9, weightDecay: 1e-4 },
      checkpointEvery: 0,
      batchSize: BATCH,
      batch: async () => pictures,
      loss,
      onStep: (record) =>
        new Promise((resolve) => {
          go = resolve;
          taken([record.losses.loss]);
        }),
    });
  return () =>
    new Promise((resolve) => {
      taken = resolve;
      (go ?? begin)();
    });
}
