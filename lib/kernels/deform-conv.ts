/**
 * Deformable convolution, version 1 (Dai et al., arXiv 1703.06211), value for value mmcv's and
 * torchvision's.
 *
 * Every tap of the window reads the picture at output * stride - padding + tap * dilation + offset,
 * bilinearly; pixels outside count 0. What the taps read is a matrix (`columns`), and the rest a
 * product with the filter. The columns come from lib/native/deformable.cc, or from gathering four
 * pixels a tap; the gradient makes them again rather than keep them.
 */
import { tf, type Tensor, type Tensor1D, type Tensor3D, type Tensor4D } from '../tf';
import { attribute, execute, execute1, ownKernels } from '../core/native';
import { defineOperation, stopGradient } from '../core/operation';
import { takeRows } from './take-rows';

export interface DeformConv2dOptions {
  /** Default 1. */
  stride?: number;
  /** Zeros on each of the four sides. Default 0. */
  padding?: number;
  /** Pixels from tap to tap. Default 1. */
  dilation?: number;
  /** Parts of the channels, in and out, that see each other only. Default 1. */
  groups?: number;
  /** D, the parts of the channels in that have offsets of their own. Default 1. */
  deformableGroups?: number;
}

/**
 * @param x [N, H, W, Cin]
 * @param offset [N, h, w, 2 D kh kw]: y and x in pixels of each tap, taps row by row, for each
 *   deformable group
 * @param filter [kh, kw, Cin / groups, Cout]
 * @returns [N, h, w, Cout] with h = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1
 */
export function deformConv2d(
  x: Tensor4D,
  offset: Tensor4D,
  filter: Tensor4D,
  options: DeformConv2dOptions = {},
): Tensor4D {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, deformableGroups = 1 } = options;
  const [[n, height, width, channels], [kh, kw, inputs, outputs]] = [x.shape, filter.shape];
  if (channels !== inputs * groups || outputs % groups !== 0 || channels % deformableGroups !== 0)
    throw new Error(
      `deformConv2d: x [${x.shape}], the filter [${filter.shape}], ${groups} groups and ` +
        `${deformableGroups} deformable groups do not fit each other in their channels`,
    );
  const positions = (size: number, kernel: number): number =>
    Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
  const expected = [n, positions(height, kh), positions(width, kw), 2 * deformableGroups * kh * kw];
  if (offset.shape.join() !== expected.join())
    throw new Error(`deformConv2d: offset is [${offset.shape}], expected [${expected}]`);
  const geometry = { kh, kw, stride, padding, dilation, groups, deformableGroups };
  if (ownKernels()) return convolution({ x, offset, filter }, geometry)[0] as Tensor4D;
  const y = tf.matMul(gatheredColumns(x, offset, geometry), filterMatrix(filter, groups));
  return fromGroups(y, [n, expected[1], expected[2], outputs]);
}

interface Geometry extends Required<DeformConv2dOptions> {
  kh: number;
  kw: number;
}

const convolution = defineOperation<Geometry>({
  name: 'DeformConv2d',
  forward: ({ x, offset, filter }, geometry) => {
    const y = product(ownColumns(x, offset, geometry), filterMatrix(filter as Tensor4D, geometry.groups));
    return [fromGroups(y, [x.shape[0], offset.shape[1]!, offset.shape[2]!, filter.shape[3]!])];
  },
  saveInputs: ['x', 'offset', 'filter'],
  saveOutputs: [false],
  backward: ([dy], [x, offset, filter], geometry) => {
    const { groups } = geometry;
    const dz = toGroups(dy, groups); // [G, P, Cout / G]
    // Both come from one call, whoever asks for them.
    const [dx, doffset] = tf.tidy(() => {
      const byColumn = product(dz, filterMatrix(filter as Tensor4D, groups), { adjointB: true });
      const inputs = [x, offset, window(geometry), byColumn];
      return execute('FreekdDeformableColumnsGradient', [], inputs, 2);
    });
    return {
      x: () => dx,
      offset: () => doffset,
      filter: () => {
        const [kh, kw, inputs, outputs] = (filter as Tensor4D).shape;
        const matrix = product(ownColumns(x, offset, geometry), dz, { adjointA: true }); // [G, K Cin / G, Cout / G]
        return tf.reshape(tf.transpose(matrix, [1, 0, 2]), [kh, kw, inputs, outputs]);
      },
    };
  },
});

function ownColumns(x: Tensor, offset: Tensor, geometry: Geometry): Tensor {
  return execute1('FreekdDeformableColumns', [], [x, offset, window(geometry)]);
}

/** As lib/native/deformable.cc takes it. */
function window({ kh, kw, stride, padding, dilation, groups, deformableGroups }: Geometry): Tensor {
  return tf.tensor1d([kh, kw, stride, padding, dilation, groups, deformableGroups], 'int32');
}

/** a b of [G, ., .] each. */
function product(a: Tensor, b: Tensor, { adjointA = false, adjointB = false } = {}): Tensor {
  const attributes = [attribute.float32(), attribute.bool('adj_x', adjointA), attribute.bool('adj_y', adjointB)];
  return execute1('BatchMatMulV2', attributes, [a, b]);
}

/** [kh, kw, Cin / G, Cout] -> [G, kh kw Cin / G, Cout / G] */
function filterMatrix(filter: Tensor4D, groups: number): Tensor3D {
  const [kh, kw, inputs, outputs] = filter.shape;
  return tf.transpose(tf.reshape(filter, [kh * kw * inputs, groups, outputs / groups]), [1, 0, 2]);
}

/** [N, h, w, C] -> [G, N h w, C / G] */
function toGroups(y: Tensor, groups: number): Tensor3D {
  const channels = y.shape[3]!;
  return tf.transpose(tf.reshape(y, [y.size / Math.max(channels, 1), groups, channels / groups]), [1, 0, 2]);
}

/** The inverse of `toGroups`. */
function fromGroups(y: Tensor, shape: [number, number, number, number]): Tensor4D {
  return tf.reshape(tf.transpose(y, [1, 0, 2]), shape);
}

/**
 * The columns by tfjs, differentiable: x as rows of one pixel and deformable group, four of them
 * gathered a tap.
 */
function gatheredColumns(x: Tensor4D, offset: Tensor4D, geometry: Geometry): Tensor3D {
  const { kh, kw, stride, padding, dilation, groups, deformableGroups: parts } = geometry;
  const [[n, height, width, channels], [, h, w]] = [x.shape, offset.shape];
  const taps = kh * kw;
  const [dy, dx] = tf.unstack(tf.reshape(offset, [n, h, w, parts, taps, 2]), 5); // [N, h, w, D, K]
  /** Places without offsets along an axis, one for each of the `outputs` and the K taps, row by row. */
  const grid = (outputs: number[], tap: (t: number) => number): Tensor => {
    const first = Array.from({ length: Math.max(...outputs) }, (_, i) => i * stride - padding);
    const steps = Array.from({ length: taps }, (_, t) => tap(t) * dilation);
    return tf.add(tf.tensor(first, outputs, 'float32'), tf.tensor1d(steps, 'float32'));
  };
  const y = tf.add(dy, grid([h, 1, 1, 1], (t) => Math.floor(t / kw)));
  const left = tf.add(dx, grid([w, 1, 1], (t) => t % kw));
  const { nan, corners } = tf.tidy(() => cornersOf(stopGradient(y), stopGradient(left), x.shape, parts));
  const pixels = tf.reshape(x, [n * height * width * parts, channels / parts]);
  const values = corners.map(({ valid, row, top, start, below, beside }) => {
    const share = (at: Tensor, from: Tensor, far: boolean): Tensor =>
      far ? tf.sub(at, from) : tf.sub(1, tf.sub(at, from));
    const weight = tf.mul(tf.mul(share(y, top, below), share(left, start, beside)), valid);
    return tf.mul(takeRows(pixels, row), tf.reshape(weight, [-1, 1])); // [N h w D K, C / D]
  });
  const sampled = tf.reshape(tf.add(tf.addN(values), nan), [n * h * w, parts, taps, channels / parts]);
  const byTap = tf.reshape(tf.transpose(sampled, [0, 2, 1, 3]), [n * h * w, taps, groups, channels / groups]);
  return tf.reshape(tf.transpose(byTap, [2, 0, 1, 3]), [groups, n * h * w, taps * (channels / groups)]);
}

// Type aliases and not interfaces, so that `tf.tidy` takes them.

type Corner = {
  /** 1 where the pixel counts, else 0. */
  valid: Tensor;
  /** Of `pixels`, int32. */
  row: Tensor1D;
  top: Tensor;
  start: Tensor;
  below: boolean;
  beside: boolean;
};

/** The four pixels around each place, constants; `nan` [., 1] is NaN where a place is, else 0. */
function cornersOf(
  y: Tensor,
  x: Tensor,
  [n, height, width]: number[],
  parts: number,
): { nan: Tensor; corners: Corner[] } {
  const within = (at: Tensor, low: number, size: number): Tensor =>
    tf.logicalAnd(tf.greater(at, low), tf.less(at, size));
  const near = tf.logicalAnd(within(y, -1, height), within(x, -1, width));
  const safe = (at: Tensor): Tensor => tf.where(near, tf.floor(at), tf.zerosLike(at));
  const [top, start] = [safe(y), safe(x)];
  // Rows are counted in float32, exact here: TensorFlow computes whole numbers in the host's memory
  // where it uses a GPU.
  if (n * height * width * parts > 2 ** 24)
    throw new Error(`deformConv2d: x [${[n, height, width]}] with ${parts} deformable groups has over 2^24 positions`);
  const image = tf.reshape(tf.range(0, n, 1, 'float32'), [n, 1, 1, 1, 1]);
  const part = tf.reshape(tf.range(0, parts, 1, 'float32'), [parts, 1]);
  const corners = [[false, false], [false, true], [true, false], [true, true]].map(([below, beside]) => {
    const [i, j] = [tf.add(top, below ? 1 : 0), tf.add(start, beside ? 1 : 0)];
    const valid = tf.logicalAnd(near, tf.logicalAnd(within(i, -0.5, height), within(j, -0.5, width)));
    // One that does not count stands for its neighbour: 0 times another pixel might be NaN.
    const index = (at: Tensor, size: number): Tensor => tf.clipByValue(at, 0, size - 1);
    const line = tf.add(tf.mul(image, height), index(i, height));
    const pixel = tf.add(tf.mul(line, width), index(j, width));
    const row = tf.cast(tf.reshape(tf.add(tf.mul(pixel, parts), part), [-1]), 'int32');
    return { valid: tf.cast(valid, 'float32'), row: row as Tensor1D, top, start, below, beside };
  });
  const lost = tf.logicalOr(tf.isNaN(y), tf.isNaN(x));
  return { nan: tf.reshape(tf.where(lost, NaN, 0), [-1, 1]), corners };
}
