/**
 * One batch of network inputs from picture files: decode, corrupt where that is asked for, resize,
 * keep the resized bytes for the next epoch, augment, flip, normalise, pad. This is what a loader's
 * worker thread does; it knows no TensorFlow.
 */
import type { Normalization } from '../data/types';
import { Random } from '../core/random';
import { cut, keptSize, viewOf, type Augmentation, type Rectangle, type View } from './augmentation';
import { changeColor } from './color';
import { corrupt, type Corruption } from './corruptions/corrupt';
import { decodeChecked, type Picture } from './image';
import { inputSize, paddedSize, type InputSize, type Size } from './input-size';
import { DatasetError, type Problem } from './problems';
import { resizeBilinear } from './resize';
import { resizeAntialias } from './resize-antialias';
import type { Draw } from './sampler';
import { fill, normalizationTable } from './transforms';
import type { CocoImage } from './types';

/** Resized pictures in memory that all threads share. */
export interface PictureCache {
  bytes: SharedArrayBuffer;
  /** One int32 a picture: 1 when its bytes are there. Threads that race write the same bytes. */
  ready: SharedArrayBuffer;
}

/** A corruption of every picture, the same whenever that picture comes. */
export interface SeededCorruption extends Corruption {
  /** Default 0. */
  seed?: number | string;
}

/** All that a thread is told once; it can be sent to a worker. */
export interface AssemblyPlan {
  images: readonly CocoImage[];
  files: readonly string[];
  size: InputSize;
  padMultiple: number;
  antialias: boolean;
  normalization: Normalization;
  corruption?: SeededCorruption;
  augmentation?: Augmentation;
  /**
   * What becomes of a bad picture: an error, the next good one of the data set in its place, or a
   * smaller batch.
   */
  onBad: 'throw' | 'replace' | 'leave-out';
  cache?: PictureCache;
}

export interface Assembly {
  /** [N, H, W, 3]. */
  shape: [number, number, number, number];
  inputs: Float32Array;
  /** What is in the batch in the end. */
  draws: Draw[];
  /** Bad pictures that were replaced or left out. */
  problems: Problem[];
}

/**
 * Memory for all pictures at the size that they are kept at, or undefined when that is more than
 * `limit` bytes, or none for all epochs.
 */
export function createPictureCache(
  images: readonly CocoImage[],
  size: InputSize,
  augmentation: Augmentation | undefined,
  limit: number,
): PictureCache | undefined {
  const bytes = images.reduce((sum, image) => sum + byteLength(image, size, augmentation), 0);
  if (augmentation?.sizes || bytes > limit) return undefined;
  return { bytes: new SharedArrayBuffer(bytes), ready: new SharedArrayBuffer(images.length * 4) };
}

function byteLength(image: CocoImage, size: InputSize, augmentation: Augmentation | undefined): number {
  const { width, height } = keptSize(image, inputSize(image, size), augmentation?.zoom);
  return width * height * 3;
}

/** What to make a batch of. */
export interface Order {
  draws: Draw[];
  /** What other ranks make of the same step: their pictures count for the padded size. */
  beside: Draw[];
}

/** A function that makes batches by `plan`. Its result depends on the order only. */
export function createAssembler(plan: AssemblyPlan): (order: Order) => Promise<Assembly> {
  const { images, files, size, augmentation, cache } = plan;
  const { order } = plan.normalization;
  const table = normalizationTable(plan.normalization);
  const resize = plan.antialias ? resizeAntialias : resizeBilinear;
  const ready = cache && new Int32Array(cache.ready);
  const offsets = [0];
  if (cache) images.forEach((image, i) => offsets.push(offsets[i] + byteLength(image, size, augmentation)));

  /** As mmdetection's Corrupt: after decoding, before resizing. */
  const original = async (index: number): Promise<Picture> => {
    const picture = await decodeChecked(files[index], images[index]);
    if (!plan.corruption) return picture;
    const { name, severity, seed = 0 } = plan.corruption;
    return corrupt(picture, plan.corruption, new Random(`${seed}/${name}/${severity}/${images[index].id}`));
  };

  const load = async (index: number, { width, height }: Size): Promise<Picture> => {
    const kept = cache && new Uint8Array(cache.bytes, offsets[index], width * height * 3);
    if (kept && ready && Atomics.load(ready, index) === 1) return { width, height, data: kept };
    const picture = await resize(await original(index), width, height);
    if (kept && ready) {
      kept.set(picture.data);
      Atomics.store(ready, index, 1);
    }
    return picture;
  };

  /** What is shown of a picture, and where in its input. */
  const show = async ({ index, drawn }: Draw): Promise<{ picture: Picture } & Pick<View, 'place' | 'input'>> => {
    const { kept, part, place, input } = viewOf(images[index], size, augmentation, drawn);
    const shown = await resize(cut(await load(index, kept), part), place.width, place.height);
    return { picture: drawn?.color ? changeColor(shown, drawn.color) : shown, place, input };
  };

  return async ({ draws, beside }) => {
    const loaded: { draw: Draw; picture: Picture; place: Rectangle; input: Size }[] = [];
    const problems: Problem[] = [];
    for (const drawn of draws) {
      for (let tried = 0; tried < images.length; tried++) {
        const draw = { ...drawn, index: (drawn.index + tried) % images.length };
        try {
          loaded.push({ draw, ...(await show(draw)) });
          break;
        } catch (error) {
          if (plan.onBad === 'throw' || !(error instanceof DatasetError)) throw error;
          problems.push(...error.problems);
          if (plan.onBad === 'leave-out') break;
        }
      }
    }
    if (loaded.length === 0) {
      const files = problems.map(({ file }) => file).join(', ');
      throw new Error(
        `No picture of this batch can be used (${files}). Run ` +
          'checkPictures(dataset) first: it returns the data set without them.',
      );
    }
    const sizes = [
      ...loaded.map(({ input }) => input),
      ...beside.map(({ index, drawn }) => inputSize(images[index], drawn?.size ?? size)),
    ];
    const { width, height } = paddedSize(sizes, plan.padMultiple);
    const each = height * width * 3;
    const inputs = new Float32Array(loaded.length * each);
    loaded.forEach(({ draw: { flip }, picture, place, input }, i) => {
      const left = flip ? input.width - place.x - place.width : place.x;
      fill(inputs, i * each + (place.y * width + left) * 3, width, picture, flip, table, order);
    });
    return { shape: [loaded.length, height, width, 3], inputs, draws: loaded.map(({ draw }) => draw), problems };
  };
}
