/** Three levels of a wavelet transform, the inverse, and the gradient of both. */
import { tf, wavedec2, waverec2, type WaveletMode } from 'freekd';
import type { Tensor4D } from '../../../lib/dist/tf';
import { numbers } from '../../detection/golden';
import type { Task } from '../side';

const SHAPE: [number, number, number, number] = [8, 64, 64, 64];
const modes: Record<string, WaveletMode> = { haar: 'zero', db4: 'symmetric' };

export function prepare(name: string): Task {
  const wavelet = name.split('-')[1];
  const options = { wavelet, mode: modes[wavelet] };
  const size = SHAPE[0] * SHAPE[1] * SHAPE[2] * SHAPE[3];
  const [x, along] = ['bench/x', 'bench/along'].map((key) => tf.tensor4d(numbers(key, size), SHAPE));
  return () => {
    const { value, grad } = tf.valueAndGrad((map) => {
      const decomposition = wavedec2(map as Tensor4D, { ...options, level: 3 });
      const inverse = waverec2(decomposition, options);
      return inverse.mul(along).sum().add(decomposition.approximation.square().sum());
    })(x);
    const check = [value.dataSync()[0]];
    tf.dispose([value, grad]);
    return check;
  };
}
