/** The answers of test/golden/segmentation.py, and the inputs that both sides make from names. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { IGNORED, type LabelMap } from '../../lib/dist/data/label-map';
import type { SegmenterConfig } from '../../lib/dist/segmentation/segmenter';
import { tf, type Tensor, type Tensor4D } from '../../lib/dist/tf';
import { hashes, numbers } from '../detection/golden';

type Size = [number, number];

export interface KernelCase {
  name: string;
  shape: [number, number, number, number];
  y: number[];
  gradients: number[][];
}
export interface NetworkCase {
  name: string;
  config: SegmenterConfig;
  size: [number, number, number];
  training: boolean;
  logits: number[];
  layer4: [number, number];
  losses: Record<string, number>;
  gradients: Record<string, [number, number]>;
  running: Record<string, number[]>;
}
interface Golden {
  kernels: {
    resize: (KernelCase & { size: Size; alignCorners: boolean })[];
    pool: (KernelCase & { parts: number })[];
    conv: (KernelCase & { dilation: number; filter: [number, number, number, number] })[];
  };
  networks: NetworkCase[];
  slide: { config: SegmenterConfig; size: Size; crop: Size; stride: Size } & Record<
    'whole' | 'slide',
    { sample: number[]; classes: number[] }
  >;
  scores: {
    name: string;
    classes: number;
    shapes: Size[];
    intersect: number[];
    aAcc: number;
    mIoU: number;
    mAcc: number;
    IoU: (number | null)[];
    Acc: (number | null)[];
  }[];
}

export const golden = JSON.parse(
  readFileSync(path.join(__dirname, '../golden/segmentation.json'), 'utf8'),
) as Golden;

/** A tensor of the numbers of its name. */
export const hashed = <T extends Tensor = Tensor4D>(name: string, shape: number[], low = -1, high = 1): T =>
  tf.tensor(numbers(name, shape.reduce((product, n) => product * n, 1), low, high), shape) as T;

/** segmentation.py's `labels_of`: blocks of 8 x 8 pixels, some of them ignored. */
export function labelMaps(name: string, [n, h, w]: readonly number[], classes: number): LabelMap[] {
  const [rows, columns] = [Math.floor(h / 8) + 1, Math.floor(w / 8) + 1];
  const raw = hashes(name, n * rows * columns);
  return Array.from({ length: n }, (_, picture) => {
    const labels = new Uint8Array(h * w);
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const block = raw[(picture * rows + (y >> 3)) * columns + (x >> 3)] % (classes + 1);
        labels[y * w + x] = block === classes ? IGNORED : block;
      }
    return { height: h, width: w, labels };
  });
}
