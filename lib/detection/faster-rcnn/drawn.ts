/** What a student's head may imitate of boxes where regions are drawn: the same regions on both sides. */
import { tf, type Tensor2D, type Tensor4D } from '../../tf';

/** What a loss leaves beside the outputs that it was asked of. */
export interface Drawn {
  /** The regions that were drawn [R, 5], and the head's deltas of them. */
  drawn?: { boxes: Float32Array; deltas: Tensor2D };
}

/**
 * `Detector.regression`: the deltas [R, 1, 1, ...] of the regions that were drawn for `drawn`.
 * @param deltasOf the head, on regions of another detector
 */
export function regressionOf(
  outputs: Drawn,
  drawn: unknown,
  deltasOf: (boxes: Float32Array) => Tensor2D,
): Tensor4D[] {
  const of = (drawn as Drawn).drawn;
  if (!of) throw new Error('the regions of a detector in stages are drawn by its loss: ask for that first');
  const deltas = drawn === outputs ? of.deltas : tf.tidy(() => deltasOf(of.boxes));
  return [tf.reshape(deltas, [deltas.shape[0], 1, 1, deltas.shape[1]])];
}
