/**
 * The frequency loss of profile `released` alone, forward and backward: five levels of 256
 * channels, batch 4.
 */
import { releasedFreeKDLoss, tf } from 'freekd';
import type { Tensor3D, Tensor4D } from '../../../lib/dist/tf';
import { numbers } from '../../detection/golden';
import type { Task } from '../side';

const [BATCH, CHANNELS, SIDES] = [4, 256, [64, 32, 16, 8, 4]];
export const TOKENS = 6;

export const tokenNumbers = (level: number): Float32Array =>
  numbers(`bench/tokens.${level}`, 4 * TOKENS * CHANNELS, -0.1, 0.1);

export function prepare(): Task {
  const features = (who: string): Tensor4D[] =>
    SIDES.map((side, i) =>
      tf.tensor4d(numbers(`bench/${who}.${i}`, BATCH * side * side * CHANNELS), [BATCH, side, side, CHANNELS]),
    );
  const [teacher, student] = [features('teacher'), features('student')];
  const tokens = SIDES.map((_, i) => tf.tensor3d(tokenNumbers(i), [4, TOKENS, CHANNELS]) as Tensor3D);
  return () => {
    const { value, grads } = tf.valueAndGrads((...maps) =>
      releasedFreeKDLoss({ student: maps as Tensor4D[], teacher, tokens }),
    )(student);
    const loss = value.dataSync()[0];
    tf.dispose([value, grads]);
    return [loss];
  };
}
