/**
 * Bilinear resize with half-pixel centres, as PyTorch's `interpolate(mode='bilinear',
 * align_corners=False)`, with a gradient: tfjs's own ignores the half-pixel option.
 */
import { tf, type Tensor2D, type Tensor4D } from '../tf';

/** The [to, from] matrix of the resize along one axis: two weights a row, the border repeated. */
function interpolation(from: number, to: number): Tensor2D {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const position = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(position), from - 1);
    const high = Math.min(low + 1, from - 1);
    const fraction = position - low;
    matrix[i * from + low] += 1 - fraction;
    matrix[i * from + high] += fraction;
  }
  return tf.tensor2d(matrix, [to, from]);
}

/** [N, h, w, C] -> [N, H, W, C] for `size` [H, W]; differentiable. */
export function interpolate(x: Tensor4D, size: [number, number]): Tensor4D {
  const [n, h, w, c] = x.shape;
  const [H, W] = size;
  if (h === H && w === W) return x.clone();
  const resize = tf.customGrad<Tensor4D>((input) => ({
    value: tf.image.resizeBilinear(input as Tensor4D, size, false, true),
    gradFunc: (dy: Tensor4D) => {
      const rows = tf.matMul(interpolation(h, H), dy.reshape([n, H, W * c]), true); // [N, h, W C]
      const columns = tf.matMul(interpolation(w, W), rows.reshape([n * h, W, c]), true); // [N h, w, C]
      return columns.reshape([n, h, w, c]);
    },
  }));
  return resize(x);
}
