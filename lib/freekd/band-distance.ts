/**
 * The weighted distance of two features in the frequency domain, which every FreeKD loss is an
 * instance of:
 *
 *   sum_b s_b sum_{n,h,w,c} omega[n,c] m_b[n,h,w] rho_b( xi(student - teacher)_b[n,h,w,c] )
 *
 * with a penalty rho_b (penalty.ts; the magnitude by default, in one native pass), a factor s_b a
 * band (the reduction), one weight map m_b a band (the T masks collapsed: sigma > 0, so sum_i
 * |sigma_i d| = (sum_i sigma_i) |d|, and no [N, T, H, W, C] tensor exists), and a weight omega a
 * channel.
 *
 * Forward: one transform of the difference (the transform is linear). Backward, one custom
 * gradient: the adjoint transform of s_b m_b rho_b'(d_b), times omega, which commutes with a
 * transform that works on each channel alone. The teacher and the maps get no gradient. omega gets
 * its own at no cost: the loss is sum omega S with S[n,c] = sum_b s_b sum_hw m_b rho_b(d_b), so it
 * is S.
 */
import { tf, type Scalar, type Tensor, type Tensor2D, type Tensor4D } from '../tf';
import { execute } from '../core/native';
import { multilevelPlan } from '../wavelet/levels';
import { planTensors, type Plan } from '../wavelet/plan';
import { wavedec2, wavedec2Adjoint } from '../wavelet/transform';
import { bandShapes, bandsOf, decompositionOf, type Transform } from './bands';
import { groupOf, penaltyShape, type BandGroup, type Penalty } from './penalty';

export interface BandDistance {
  /** [N, H, W, C], a constant. */
  teacher: Tensor4D;
  /** [N, H, W, C], differentiable. */
  student: Tensor4D;
  transform: Transform;
  /** The factor of each band, from the shapes of all bands; a band whose factor is 0 is left out. */
  scales: (shapes: number[][]) => number[];
  /** rho of LL and of the details, 'l1' if absent. */
  penalty?: Record<BandGroup, Penalty>;
  /**
   * The weight map of each band [N, H_b, W_b, 1], 1 if absent; called where nothing is recorded for
   * a gradient.
   */
  maps?: (shapes: number[][]) => Tensor4D[];
  /** omega [N, C], 1 if absent; differentiable. */
  weights?: Tensor2D;
}

/**
 * The value per image and channel, S [N, C], and its gradient by the student without omega,
 * computed when asked for.
 */
interface Evaluation {
  sums: Tensor2D;
  /** Tensors that `gradient` needs back. */
  saved: Tensor[];
  /** @param saved as above @param byChannel a factor that broadcasts over [N, H, W, C] */
  gradient(saved: Tensor[], byChannel: Tensor): Tensor4D;
}

/** The distance above as a scalar. Shapes are the caller's to check. */
export function bandDistance(distance: BandDistance): Scalar {
  const { student, transform, weights, penalty } = distance;
  const size: [number, number] = [student.shape[1], student.shape[2]];
  const literal = !penalty || (penalty.low === 'l1' && penalty.high === 'l1');
  const plan = literal ? multilevelPlan(transform, size, transform.level) : undefined;

  const differentiable = tf.customGrad<Scalar>((...inputs) => {
    const save = inputs.pop() as (tensors: Tensor[]) => void;
    const [s, omega] = inputs as [Tensor4D, Tensor2D | undefined];
    const { sums, saved, gradient } = plan ? byOwnKernel(s, distance, plan) : byBands(s, distance);
    save([sums, ...(omega ? [omega] : []), ...saved]);
    const gradFunc = (dy: Scalar, [savedSums, ...rest]: Tensor[]): Tensor[] => {
      const savedOmega = omega && rest.shift();
      const byChannel = savedOmega ? savedOmega.mul(dy).reshape([savedOmega.shape[0], 1, 1, -1]) : dy;
      const byStudent = gradient(rest, byChannel);
      return savedOmega ? [byStudent, savedSums.mul(dy)] : [byStudent];
    };
    return { value: (omega ? sums.mul(omega) : sums).sum(), gradFunc };
  });
  return weights ? differentiable(student, weights) : differentiable(student);
}

/** By lib/native/band_distance.cc: no band is ever a tensor, and the gradient comes with the value. */
function byOwnKernel(student: Tensor4D, { teacher, transform, scales, maps }: BandDistance, plan: Plan): Evaluation {
  const [n, h, w, c] = student.shape;
  const shapes = bandShapes([n, h, w, c], transform);
  const factors = scales(shapes);
  const map = maps?.(shapes).map((one) => one.reshape([n, -1]));
  const packed = map ? tf.concat(map, 1) : tf.tensor1d([], 'float32'); // [N, positions of all bands]
  const [sums, gradient] = execute(
    'FreekdBandDistance',
    [],
    [student, teacher, packed, tf.tensor1d(factors), ...planTensors(plan)],
    2,
  );
  return { sums: sums as Tensor2D, saved: [gradient], gradient: ([saved], byChannel) => saved.mul(byChannel) };
}

/** By the transform of every band: the reference, and what runs where lib/native does not. */
function byBands(student: Tensor4D, { teacher, transform, scales, maps, penalty }: BandDistance): Evaluation {
  const shapeOf = (b: number): ReturnType<typeof penaltyShape> => penaltyShape(penalty?.[groupOf(b)] ?? 'l1');
  const size: [number, number] = [student.shape[1], student.shape[2]];
  const bands = bandsOf(wavedec2(tf.sub(student, teacher), transform)); // B of [N, H_b, W_b, C]
  const shapes = bands.map((band) => band.shape);
  const scale = scales(shapes);
  const used = scale.flatMap((factor, b) => (factor === 0 ? [] : [b]));
  const map = maps?.(shapes);
  const sums = used.map((b) => channelSums(shapeOf(b).value(bands[b]), map?.[b]).mul(scale[b])); // [N, C] a band
  return {
    sums: (sums.length > 0 ? tf.addN(sums) : tf.zeros([student.shape[0], student.shape[3]])) as Tensor2D,
    saved: [...used.map((b) => bands[b]), ...(map ? used.map((b) => map[b]) : [])],
    gradient: (saved, byChannel) => {
      const sloped = shapes.map((shape) => tf.zeros(shape) as Tensor4D);
      used.forEach((b, i) => {
        const slope = shapeOf(b).slope(saved[i]) as Tensor4D;
        sloped[b] = map ? slope.mul(saved[used.length + i].mul(scale[b])) : slope.mul(scale[b]);
      });
      return wavedec2Adjoint(decompositionOf(sloped), { ...transform, size }).mul(byChannel);
    },
  };
}

/** S [N, C] of one band: sum over positions of m rho(d); `cost` is rho(d) [N, H, W, C]. */
function channelSums(cost: Tensor, map: Tensor4D | undefined): Tensor2D {
  const [n, h, w, c] = cost.shape;
  if (!map) return cost.sum([1, 2]);
  return tf.matMul(map.reshape([n, 1, h * w]), cost.reshape([n, h * w, c])).reshape([n, c]);
}

/**
 * Runs `f` without recording it for a gradient: its result is a constant to whatever is computed
 * from it.
 */
export function withoutGradient<T extends Tensor>(f: () => T): T {
  return tf.tidy(() => tf.customGrad<T>(() => ({ value: f(), gradFunc: () => tf.scalar(0) }))(tf.scalar(0)));
}
