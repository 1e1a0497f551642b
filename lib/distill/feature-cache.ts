/**
 * The teacher's pyramids of a fixed picture set, both flips, computed once: with flipping as the
 * only augmentation a picture has two pyramids, and the teacher's forward pass need not be repeated
 * in every epoch.
 *
 * Pictures are always computed in the order of the data set, in batches of the same size, so that a
 * resumed run sees the same bits as an undisturbed one.
 */
import type { Loader } from '../coco/loader';
import type { Batch } from '../data/types';
import { tf } from '../tf';
import type { Tensor4D } from '../tf';
import { connect, gatherJson, type Communicator } from '../train/distributed/communicator';
import { checkShards } from '../train/shares';
import { throwIfStopped } from '../train/stop';
import type { Teacher } from './teacher';

/** Gives the teacher's divided pyramid of a batch; the receiver disposes it. */
export type TeacherFeatures = (batch: Batch) => Tensor4D[];

/** The teacher's forward pass in every step: for augmented pictures, which never repeat. */
export function liveFeatures(teacher: Teacher): TeacherFeatures {
  return (batch) => teacher.pyramid(batch.images);
}

/** Undivided features divided by one deviation a level; see `Teacher`. */
export function dividedFeatures(features: TeacherFeatures, deviations: readonly number[]): TeacherFeatures {
  return (batch) => tf.tidy(() => features(batch).map((map, level) => tf.div(map, deviations[level]) as Tensor4D));
}

const key = (id: number, flipped: boolean): string => `${id}${flipped ? '|' : ''}`;

type Shape = [height: number, width: number, channels: number];

/** The pyramids of one batch. */
interface Part {
  /** Of each picture. */
  keys: string[];
  /** Of each level. */
  shapes: Shape[];
  /** [N, H, W, C] of each level, one after the other. */
  values: Float32Array;
}

/**
 * Computes and keeps every picture's pyramid, about `4 * values` bytes a picture and flip. Of
 * several ranks each computes its part of the batches, and all keep everything: the order of
 * training changes from epoch to epoch, so a rank meets every picture.
 * @param loaders one in data-set order without flipping, one with everything flipped
 * @param onProgress called with the number of batches done and their total, of this rank
 * @param signal ends it after the batch under way; its reason is thrown
 */
export async function cachedFeatures(
  teacher: Teacher,
  loaders: { plain: Loader; flipped: Loader },
  onProgress?: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<TeacherFeatures> {
  const world = await connect();
  const pyramids = new Map<string, Float32Array[]>();
  let shapes: Shape[] | undefined;
  const total = loaders.plain.batchesPerEpoch + loaders.flipped.batchesPerEpoch;
  let done = 0;
  for (const loader of [loaders.plain, loaders.flipped]) {
    checkShards(world, loader);
    const rounds = Math.max(...gatherJson(world, loader.batchesPerEpoch));
    for (let step = 0; step < rounds; step++) {
      throwIfStopped(signal, world);
      const own =
        step < loader.batchesPerEpoch
          ? pyramidsOf(teacher, await loader.batch(step))
          : { keys: [], shapes: [], values: new Float32Array() };
      for (const part of exchange(world, own)) {
        if (part.keys.length === 0) continue;
        shapes ??= part.shapes;
        if (String(part.shapes) !== String(shapes))
          throw new Error('teacher features can only be cached where all inputs have one size: use liveFeatures');
        part.keys.forEach((picture, i) => pyramids.set(picture, mapsOf(part, i)));
      }
      if (own.keys.length > 0) onProgress?.(++done, total);
    }
  }
  return fromCache(pyramids, shapes ?? []);
}

/** Frees the batch's images. */
function pyramidsOf(teacher: Teacher, { images, origins }: Batch): Part {
  const maps = teacher.pyramid(images);
  const levels = maps.map((map) => map.dataSync() as Float32Array);
  const shapes = maps.map((map) => map.shape.slice(1) as Shape);
  tf.dispose([maps, images]);
  const values = new Float32Array(levels.reduce((sum, { length }) => sum + length, 0));
  levels.reduce((start, level) => (values.set(level, start), start + level.length), 0);
  return { keys: origins.map(({ id, flipped }) => key(id, flipped)), shapes, values };
}

/** What all ranks have computed, by rank. */
function exchange(world: Communicator, { keys, shapes, values }: Part): Part[] {
  const heads = gatherJson(world, { keys, shapes });
  const bytes = world.gather(new Uint8Array(values.buffer));
  return heads.map((head, rank) => ({
    ...head,
    values: new Float32Array(bytes[rank].buffer, bytes[rank].byteOffset, bytes[rank].byteLength / 4),
  }));
}

/** The levels of picture `i` of a part, copied. */
function mapsOf({ keys, shapes, values }: Part, i: number): Float32Array[] {
  let start = 0;
  return shapes.map(([h, w, c]) => {
    const size = h * w * c;
    const map = values.slice(start + i * size, start + (i + 1) * size);
    start += keys.length * size;
    return map;
  });
}

function fromCache(pyramids: Map<string, Float32Array[]>, shapes: Shape[]): TeacherFeatures {
  return ({ origins }) =>
    shapes.map((shape, level) => {
      const size = shape[0] * shape[1] * shape[2];
      const values = new Float32Array(origins.length * size);
      origins.forEach(({ id, flipped, augmented }, i) => {
        if (augmented)
          throw new Error(`picture ${id} is augmented, and its features are not in a cache: use liveFeatures`);
        const maps = pyramids.get(key(id, flipped));
        if (!maps)
          throw new Error(`picture ${id} is not in the cache of teacher features: it belongs to another data set`);
        values.set(maps[level], i * size);
      });
      return tf.tensor4d(values, [origins.length, ...shape]);
    });
}
