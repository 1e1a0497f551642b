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
  retinaNetR101,
  retinaNetR18,
  retinaNetR50,
  tf,
  train,
  type LossParts,
  type RetinaNetConfig,
} from 'freekd';
import type { Target } from '../../../lib/dist/data/types';
import type { Tensor4D } from '../../../lib/dist/tf';
import { numbers, parameterNumbers } from '../../detection/golden';
import type { Task } from '../side';

/** A batch of network inputs. */
export interface Size {
  batch: number;
  height: number;
  width: number;
}
export const SMALL: Size = { batch: 8, height: 128, width: 128 };
/** COCO's size of most pictures. */
export const LARGE: Size = { batch: 1, height: 800, width: 1344 };
const OBJECTS = 5;
/** Objects lie in the upper left square of this side. */
const SIDE = 128;

export const configs = { r18: retinaNetR18, r50: retinaNetR50, r101: retinaNetR101 };

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

export function images({ batch, height, width }: Size): Tensor4D {
  return tf.tensor4d(numbers('bench/images', batch * height * width * 3, -2, 2), [batch, height, width, 3]);
}

export function targets({ batch }: Size): Target[] {
  return Array.from({ length: batch }, (_, n) => {
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
export function steps(
  stores: Record<string, Parameters>,
  size: Size,
  loss: (pictures: Tensor4D) => LossParts,
): Task {
  const pictures = images(size);
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
      batchSize: size.batch,
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
