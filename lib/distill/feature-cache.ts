/**
 * The teacher's pyramids of a fixed picture set, both flips, computed once: with flipping as the only augmentation a
 * picture has two pyramids, and the teacher's forward pass need not be repeated in every epoch.
 *
 * Pictures are always computed in the order of the data set, in batches of the same size, so that a resumed run sees
 * the same bits as an undisturbed one.
 */
import type { Loader } from '../coco/loader';
import type { Batch } from '../coco/types';
import { tf } from '../tf';
import type { Tensor4D } from '../tf';
import type { Teacher } from './teacher';

/** Gives the teacher's divided pyramid of a batch; the receiver disposes it. */
export type TeacherFeatures = (batch: Batch) => Tensor4D[];

/** The teacher's forward pass in every step: for augmentations that never repeat. */
export function liveFeatures(teacher: Teacher): TeacherFeatures {
  return (batch) => teacher.pyramid(batch.images);
}

const key = (id: number, flipped: boolean): string => `${id}${flipped ? '|' : ''}`;

/**
 * Computes and keeps every picture's pyramid, about `4 * values` bytes a picture and flip.
 * @param loaders one in data-set order without flipping, one with everything flipped
 * @param onProgress called with the number of batches done and their total
 */
export async function cachedFeatures(
  teacher: Teacher,
  loaders: { plain: Loader; flipped: Loader },
  onProgress?: (done: number, total: number) => void,
): Promise<TeacherFeatures> {
  const pyramids = new Map<string, Float32Array[]>();
  const shapes: [number, number, number][] = [];
  const total = loaders.plain.batchesPerEpoch + loaders.flipped.batchesPerEpoch;
  let done = 0;
  for (const loader of [loaders.plain, loaders.flipped]) {
    for (let step = 0; step < loader.batchesPerEpoch; step++) {
      const batch = await loader.batch(step);
      const maps = teacher.pyramid(batch.images);
      maps.forEach((map, level) => {
        shapes[level] = map.shape.slice(1) as [number, number, number];
        const values = map.dataSync() as Float32Array;
        const size = values.length / batch.origins.length;
        batch.origins.forEach(({ id, flipped }, i) => {
          const name = key(id, flipped);
          if (!pyramids.has(name)) pyramids.set(name, []);
          (pyramids.get(name) as Float32Array[])[level] = values.slice(i * size, (i + 1) * size);
        });
      });
      tf.dispose([maps, batch.images]);
      onProgress?.(++done, total);
    }
  }
  return ({ origins }) =>
    shapes.map((shape, level) => {
      const size = shape[0] * shape[1] * shape[2];
      const values = new Float32Array(origins.length * size);
      origins.forEach(({ id, flipped }, i) => {
        const maps = pyramids.get(key(id, flipped));
        if (!maps) throw new Error(`picture ${id} is not in the cache of teacher features: it belongs to another data set`);
        values.set(maps[level], i * size);
      });
      return tf.tensor4d(values, [origins.length, ...shape]);
    });
}
