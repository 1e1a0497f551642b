/** Two-dimensional convolution with PyTorch's symmetric padding. */
import { tf, type Tensor, type Tensor1D, type Tensor4D } from '../tf';
import { attribute, execute1, kernelLevel, onGpu, type Attribute } from '../core/native';
import { relu as rectify } from './activation';
import { depthwiseConv2d } from './depthwise-conv';
import { dilatedConv2d, dilatesByKernel } from './dilated-conv';
import { defineOperation, stopGradient } from '../core/operation';
import { winograd, winogradServes } from './winograd';

export interface Conv2dOptions {
  /** Default 1. */
  stride?: number;
  /** Zeros on each of the four sides, as in PyTorch. Default 0. */
  padding?: number;
  /**
   * Cin and Cout are cut into this many parts, and each part of the output sees its part of the
   * input only. Default 1.
   */
  groups?: number;
  /**
   * Pixels from one tap of the filter to the next; above 1 for filters of stride 1 whose padding
   * keeps height and width. Default 1.
   */
  dilation?: number;
  /** [Cout], added to each output channel. */
  bias?: Tensor1D;
  /** False when nobody needs the gradient of `x`. Default true. */
  inputGradient?: boolean;
}

/**
 * Convolution (cross-correlation).
 * @param x [N, H, W, Cin]
 * @param filter [kh, kw, Cin / groups, Cout]
 * @returns [N, floor((H + 2 padding - kh) / stride) + 1, floor((W + 2 padding - kw) / stride) + 1,
 *   Cout], kh and kw those of the filter with its taps apart
 */
export function conv2d(x: Tensor4D, filter: Tensor4D, options: Conv2dOptions = {}): Tensor4D {
  const { stride = 1, padding = 0, groups = 1, bias, inputGradient = true } = options;
  const dilation = Math.max(...filter.shape.slice(0, 2)) > 1 ? (options.dilation ?? 1) : 1;
  if (x.shape[3] !== filter.shape[2] * groups) {
    throw new Error(
      `conv2d: x of shape [${x.shape}] has ${x.shape[3]} channels, the filter ` +
        `[${filter.shape}] of ${groups} groups wants ${filter.shape[2] * groups}`,
    );
  }
  if (filter.shape[3] % groups !== 0)
    throw new Error(
      `conv2d: the filter [${filter.shape}] has ${filter.shape[3]} outputs, not a multiple of ${groups} groups`,
    );
  const input = inputGradient ? x : stopGradient(x);
  if (dilation > 1) {
    const [kh, kw] = filter.shape;
    if (stride !== 1 || groups !== 1 || kh !== kw || 2 * padding !== dilation * (kh - 1))
      throw new Error(
        `conv2d: dilation ${dilation} is for one group, stride 1 and a padding that keeps the size, ` +
          `not ${groups} groups, stride ${stride} and padding ${padding} of a filter [${filter.shape}]`,
      );
    const [, h, w] = x.shape;
    // All taps but the middle one meet zeros only.
    const middle = (kh - 1) / 2;
    if (dilation >= Math.max(h, w))
      return conv2d(input, tf.slice(filter, [middle, middle], [1, 1]), { bias });
    if (!dilatesByKernel(x.shape, dilation)) return dilatedConv2d(input, filter, { dilation, bias, conv2d });
  }
  if (groups > 1 && groups === x.shape[3] && groups === filter.shape[3] && kernelLevel() !== 'onednn') {
    const y = depthwiseConv2d(input, filter, { stride, padding });
    return bias ? tf.add(y, bias) : y;
  }
  if (kernelLevel() === 'stock') {
    const padded = covered(padding > 0 ? tf.pad(input, sides(padding)) : input, filter, stride);
    const one = (part: Tensor4D, own: Tensor4D): Tensor4D => tf.conv2d(part, own, stride, 'valid');
    const y = byGroup(one, padded, filter, groups);
    return bias ? tf.add(y, bias) : y;
  }
  if (winogradServes([x.shape], filter.shape, { stride, padding, groups }))
    return winograd([input], filter, { bias, relu: false })[0];
  return convolution(bias ? { x: input, filter, bias } : { x: input, filter }, {
    stride,
    padding,
    groups,
    dilation,
  })[0] as Tensor4D;
}

/**
 * The convolution of several maps with one filter, of stride 1 and with half a kernel of zeros on
 * each side: a head's layer on every level.
 * @param maps each [N, H, W, Cin]
 * @param filter [k, k, Cin, Cout], k odd
 * @param options.bias [Cout], added to each output channel
 * @param options.relu apply a ReLU to the result, which costs less than a second call. Default
 *   false
 * @returns for each map [N, H, W, Cout]
 */
export function conv2dLevels(
  maps: readonly Tensor4D[],
  filter: Tensor4D,
  options: { bias?: Tensor1D; relu?: boolean } = {},
): Tensor4D[] {
  const { bias, relu = false } = options;
  const padding = (filter.shape[0] - 1) / 2;
  const shapes = maps.map(({ shape }) => shape);
  const fits = shapes.every(([, , , channels]) => channels === filter.shape[2]);
  if (fits && winogradServes(shapes, filter.shape, { stride: 1, padding, groups: 1 }))
    return winograd(maps, filter, { bias, relu });
  return maps.map((x) => {
    const y = conv2d(x, filter, { padding, ...(bias ? { bias } : {}) });
    return relu ? rectify(y) : y;
  });
}

interface Geometry {
  stride: number;
  padding: number;
  groups: number;
  dilation: number;
}
type Shape = [number, number, number, number];
type Padding = 'VALID' | 'SAME' | 'EXPLICIT';

const convolution = defineOperation<Geometry>({
  name: 'Conv2d',
  forward: ({ x, filter, bias }, geometry) => {
    // Measured: oneDNN's kernel is slower where a window is one pixel, and up to three times slower
    // on a single picture, but twice as fast in groups.
    const wide = filter.shape[0] > 1 || geometry.groups > 1;
    const onednn =
      kernelLevel() === 'onednn' && (x.shape[0] > 1 || geometry.groups > 1 || (!wide && bias !== undefined));
    const attributes = convAttributes(geometry, paddingKind(filter, geometry), onednn);
    if (bias && onednn) return [execute1('_MklNativeConv2DWithBias', attributes, [x, filter, bias])];
    const y = onednn && wide
      ? execute1('_MklNativeConv2D', attributes, [x, filter])
      : execute1('Conv2D', convAttributes(geometry, paddingKind(filter, geometry), false), [x, filter]);
    return [bias ? execute1('BiasAdd', [attribute.float32()], [y, bias]) : y];
  },
  saveInputs: ['x', 'filter'],
  saveOutputs: [false],
  backward: ([dy], [x, filter], geometry) => ({
    x: () => inputGradient(x, filter, dy, geometry),
    filter: () => filterGradient(x, filter, dy, geometry),
    bias: () => execute1('BiasAddGrad', [attribute.float32()], [dy]),
  }),
});

/**
 * oneDNN's gradients take no explicit padding: where it is not SAME, the input is padded and its
 * gradient cropped.
 */
function inputGradient(x: Tensor, filter: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const kind = paddingKind(filter, geometry);
  const [n, h, w, c] = x.shape as Shape;
  if (kernelLevel() !== 'onednn') {
    const pieces = gradientPieces(geometry);
    const one = (part: Tensor, own: Tensor): Tensor =>
      execute1('Conv2DBackpropInput', convAttributes(geometry, kind, false), [sizes([n, h, w, c / pieces]), own, part]);
    return byGroup(one, dy, filter, pieces);
  }
  const p = kind === 'EXPLICIT' ? geometry.padding : 0;
  const attributes = convAttributes(geometry, p > 0 ? 'VALID' : kind, true);
  const dx = execute1('_MklNativeConv2DBackpropInput', attributes, [sizes([n, h + 2 * p, w + 2 * p, c]), filter, dy]);
  if (p === 0) return dx;
  return execute1('Slice', [attribute.float32(), attribute.int32('Index')], [dx, sizes([0, p, p, 0]), sizes(x.shape)]);
}

function filterGradient(x: Tensor, filter: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const kind = paddingKind(filter, geometry);
  const [size, width, channels, outputs] = filter.shape as Shape;
  // Measured: oneDNN's filter gradient wins for stride 1, for an image's few channels and in
  // groups, the plain one elsewhere.
  const onednn =
    kernelLevel() === 'onednn' && (geometry.groups > 1 || (size > 1 && (kind === 'SAME' || channels <= 4)));
  const pad = onednn && kind === 'EXPLICIT';
  const name = onednn ? '_MklNativeConv2DBackpropFilter' : 'Conv2DBackpropFilter';
  const input = pad
    ? execute1(
        'Pad',
        [attribute.float32(), attribute.int32('Tpaddings')],
        [x, tf.tensor2d(sides(geometry.padding), [4, 2], 'int32')],
      )
    : kind === 'VALID'
      ? covered(x as Tensor4D, filter, geometry.stride)
      : x;
  const pieces = onednn ? 1 : gradientPieces(geometry);
  const one = (part: Tensor, own: Tensor): Tensor =>
    execute1(name, convAttributes(geometry, pad ? 'VALID' : kind, onednn), [
      part,
      sizes([size, width, channels, outputs / pieces]),
      own,
    ]);
  return byGroup(one, input, dy, pieces);
}

/**
 * The part of an input without padding that windows cover. The filter gradient of TensorFlow 2.21's
 * own kernel writes past its memory where a single picture has rows that none covers: seen with a
 * window of one pixel and stride 2 on 16 rows.
 */
function covered(x: Tensor4D, filter: Tensor, stride: number): Tensor4D {
  const [n, h, w, c] = x.shape;
  const [height, width] = [h, w].map((size, axis) => size - ((size - filter.shape[axis]) % stride));
  return height === h && width === w ? x : tf.slice(x, 0, [n, height, width, c]);
}

/** TensorFlow's own processor kernels differentiate no grouped convolution, oneDNN's and CUDA's do. */
function gradientPieces({ groups }: Geometry): number {
  return onGpu() ? 1 : groups;
}

/** Cuts the channels of both tensors into `groups` parts, and joins what `f` makes of each pair. */
function byGroup<T extends Tensor>(f: (a: T, b: T) => T, a: T, b: T, groups: number): T {
  if (groups === 1) return f(a, b);
  const others = tf.split<T>(b, groups, 3);
  return tf.concat(tf.split<T>(a, groups, 3).map((part, g) => f(part, others[g])), 3);
}

function paddingKind(filter: Tensor, { stride, padding, dilation }: Geometry): Padding {
  if (padding === 0) return 'VALID';
  const [kh, kw] = filter.shape as Shape;
  return stride === 1 && dilation * (kh - 1) === 2 * padding && kw === kh ? 'SAME' : 'EXPLICIT';
}

function convAttributes({ stride, padding: p, dilation }: Geometry, padding: Padding, onednn: boolean): Attribute[] {
  const attributes = [
    attribute.float32(),
    attribute.int('strides', [1, stride, stride, 1]),
    attribute.string('padding', padding),
  ];
  if (dilation > 1) attributes.push(attribute.int('dilations', [1, dilation, dilation, 1]));
  if (padding === 'EXPLICIT') attributes.push(attribute.int('explicit_paddings', [0, 0, p, p, p, p, 0, 0]));
  if (onednn) attributes.push(attribute.onednn());
  return attributes;
}

function sides(p: number): [number, number][] {
  return [[0, 0], [p, p], [p, p], [0, 0]];
}

function sizes(values: number[]): Tensor {
  return tf.tensor1d(values, 'int32');
}
