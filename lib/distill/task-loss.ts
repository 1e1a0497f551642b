/** A detector's own loss on given pictures, to see what it has learned by heart. */
import type { Loader } from '../coco/loader';
import type { Detector } from '../detection/detector';
import { tf } from '../tf';

/**
 * The sum of the parts of a detector's loss, as in evaluation of batch norm, mean over the batches
 * of an epoch.
 * @param loader in order, of all ranks the same
 */
export async function taskLoss(detector: Detector, loader: Loader): Promise<number> {
  let sum = 0;
  for (let step = 0; step < loader.batchesPerEpoch; step++) {
    const { images, targets, origins } = await loader.batch(step);
    tf.tidy(() => {
      const outputs = detector.head(detector.pyramid(images), { training: true });
      const losses = detector.loss(outputs, targets, { extents: origins, seed: `task/${step}` });
      for (const { value } of Object.values(losses)) sum += value.dataSync()[0];
    });
    images.dispose();
  }
  return sum / loader.batchesPerEpoch;
}
