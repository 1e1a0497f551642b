/**
 * The weighted distance of two features in the frequency domain, which every FreeKD loss is an instance of:
 *
 *   sum_b s_b sum_{n,h,w,c} omega[n,c] m_b[n,h,w] | xi(student - teacher)_b[n,h,w,c] |
 *
 * with a factor s_b a band (the reduction), one weight map m_b a band (the T masks collapsed: sigma > 0, so
 * sum_i |sigma_i d| = (sum_i sigma_i) |d|, and no [N, T, H, W, C] tensor exists), and a weight omega a channel.
 *
 * Forward: one transform of the difference (the transform is linear). Backward, one custom gradient: the adjoint
 * transform of s_b m_b sign(d_b), times omega, which commutes with a transform that works on each channel alone. The
 * teacher and the maps get no gradient. omega gets its own at no cost: the loss is sum omega S with
 * S[n,c] = sum_b s_b sum_hw m_b |d_b|, so it is S.
 */
import { tf, type Scalar, type Tensor, type Tensor2D, type Tensor4D } from '../tf';
import { wavedec2, wavedec2Adjoint } from '../wavelet/transform';
import { bandsOf, decompositionOf, type Transform } from './bands';

export interface BandDistance {
  /** [N, H, W, C], a constant. */
  teacher: Tensor4D;
  /** [N, H, W, C], differentiable. */
  student: Tensor4D;
  transform: Transform;
  /** The factor of each band, from the shapes of all bands; a band whose factor is 0 is left out. */
  scales: (shapes: number[][]) => number[];
  /** The weight map of each band [N, H_b, W_b, 1], 1 if absent; called where nothing is recorded for a gradient. */
  maps?: (shapes: number[][]) => Tensor4D[];
  /** omega [N, C], 1 if absent; differentiable. */
  weights?: Tensor2D;
}

/** S [N, C] of one band: sum over positions of |d| m. */
function channelSums(band: Tensor4D, map: Tensor4D | undefined): Tensor2D {
  const [n, h, w, c] = band.shape;
  const magnitude = band.abs(); // [N, H, W, C]
  if (!map) return magnitude.sum([1, 2]);
  return tf.matMul(map.reshape([n, 1, h * w]), magnitude.reshape([n, h * w, c])).reshape([n, c]);
}

/** The distance above as a scalar. Shapes are the caller's to check. */
export function bandDistance({ teacher, student, transform, scales, maps, weights }: BandDistance): Scalar {
  const size: [number, number] = [student.shape[1], student.shape[2]];

  const distance = tf.customGrad<Scalar>((...inputs) => {
    const save = inputs.pop() as (tensors: Tensor[]) => void;
    const [s, omega] = inputs as [Tensor4D, Tensor2D | undefined];
    const bands = bandsOf(wavedec2(tf.sub(s, teacher), transform)); // B of [N, H_b, W_b, C]
    const shapes = bands.map((band) => band.shape);
    const scale = scales(shapes);
    const used = scale.flatMap((factor, b) => (factor === 0 ? [] : [b]));
    const map = maps?.(shapes);

    const sums = used.map((b) => channelSums(bands[b], map?.[b]).mul(scale[b])); // [N, C] a band
    const total = (sums.length > 0 ? tf.addN(sums) : tf.zeros([s.shape[0], s.shape[3]])) as Tensor2D;
    save([total, ...(omega ? [omega] : []), ...used.map((b) => bands[b]), ...(map ? used.map((b) => map[b]) : [])]);

    const gradFunc = (dy: Scalar, saved: Tensor[]): Tensor[] => {
      const [savedTotal, ...rest] = saved;
      const savedOmega = omega && rest.shift();
      const byChannel = savedOmega ? savedOmega.mul(dy).reshape([savedOmega.shape[0], 1, 1, -1]) : dy;
      const signed = shapes.map((shape) => tf.zeros(shape) as Tensor4D);
      used.forEach((b, i) => {
        const sign = rest[i].sign() as Tensor4D;
        signed[b] = map ? sign.mul(rest[used.length + i].mul(scale[b])) : sign.mul(scale[b]);
      });
      const gradient = wavedec2Adjoint(decompositionOf(signed), { ...transform, size }).mul(byChannel);
      return savedOmega ? [gradient, savedTotal.mul(dy)] : [gradient];
    };
    return { value: (omega ? total.mul(omega) : total).sum(), gradFunc };
  });
  return weights ? distance(student, weights) : distance(student);
}

/** Runs `f` without recording it for a gradient: its result is a constant to whatever is computed from it. */
export function withoutGradient<T extends Tensor>(f: () => T): T {
  return tf.tidy(() => tf.customGrad<T>(() => ({ value: f(), gradFunc: () => tf.scalar(0) }))(tf.scalar(0)));
}
