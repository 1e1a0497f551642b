/** Two-dimensional convolution with PyTorch's symmetric padding. */
import { tf, type Tensor, type Tensor1D, type Tensor4D } from '../tf';
import { attribute, execute1, kernelLevel, type Attribute } from './native';
import { defineOperation, stopGradient } from './operation';

export interface Conv2dOptions {
  /** Default 1. */
  stride?: number;
  /** Zeros on each of the four sides, as in PyTorch. Default 0. */
  padding?: number;
  /** [Cout], added to each output channel. */
  bias?: Tensor1D;
  /** False when nobody needs the gradient of `x`. Default true. */
  inputGradient?: boolean;
}

/**
 * Convolution (cross-correlation).
 * @param x [N, H, W, Cin]
 * @param filter [kh, kw, Cin, Cout]
 * @returns [N, floor((H + 2 padding - kh) / stride) + 1, floor((W + 2 padding - kw) / stride) + 1, Cout]
 */
export function conv2d(x: Tensor4D, filter: Tensor4D, options: Conv2dOptions = {}): Tensor4D {
  const { stride = 1, padding = 0, bias, inputGradient = true } = options;
  if (x.shape[3] !== filter.shape[2]) {
    throw new Error(`conv2d: x of shape [${x.shape}] has ${x.shape[3]} channels, the filter [${filter.shape}] wants ${filter.shape[2]}`);
  }
  const input = inputGradient ? x : stopGradient(x);
  if (kernelLevel() === 'stock') {
    const padded = padding > 0 ? tf.pad(input, sides(padding)) : input;
    const y = tf.conv2d(padded, filter, stride, 'valid');
    return bias ? tf.add(y, bias) : y;
  }
  return convolution(bias ? { x: input, filter, bias } : { x: input, filter }, { stride, padding })[0] as Tensor4D;
}

interface Geometry {
  stride: number;
  padding: number;
}
type Shape = [number, number, number, number];
type Padding = 'VALID' | 'SAME' | 'EXPLICIT';

const convolution = defineOperation<Geometry>({
  name: 'Conv2d',
  forward: ({ x, filter, bias }, geometry) => {
    // Measured: oneDNN's kernel is slower where a window is one pixel, and up to three times slower on a single picture.
    const wide = filter.shape[0] > 1;
    const onednn = kernelLevel() === 'onednn' && (x.shape[0] > 1 || (!wide && bias !== undefined));
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

/** oneDNN's gradients take no explicit padding: where it is not SAME, the input is padded and its gradient cropped. */
function inputGradient(x: Tensor, filter: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const kind = paddingKind(filter, geometry);
  if (kernelLevel() !== 'onednn') {
    return execute1('Conv2DBackpropInput', convAttributes(geometry, kind, false), [sizes(x.shape), filter, dy]);
  }
  const [n, h, w, c] = x.shape as Shape;
  const p = kind === 'EXPLICIT' ? geometry.padding : 0;
  const attributes = convAttributes(geometry, p > 0 ? 'VALID' : kind, true);
  const dx = execute1('_MklNativeConv2DBackpropInput', attributes, [sizes([n, h + 2 * p, w + 2 * p, c]), filter, dy]);
  if (p === 0) return dx;
  return execute1('Slice', [attribute.float32(), attribute.int32('Index')], [dx, sizes([0, p, p, 0]), sizes(x.shape)]);
}

function filterGradient(x: Tensor, filter: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const kind = paddingKind(filter, geometry);
  const [size, , channels] = filter.shape as Shape;
  // Measured: oneDNN's filter gradient wins for stride 1 and for an image's few channels, the plain one elsewhere.
  const onednn = kernelLevel() === 'onednn' && size > 1 && (kind === 'SAME' || channels <= 4);
  const pad = onednn && kind === 'EXPLICIT';
  const name = onednn ? '_MklNativeConv2DBackpropFilter' : 'Conv2DBackpropFilter';
  const input = pad
    ? execute1('Pad', [attribute.float32(), attribute.int32('Tpaddings')], [x, tf.tensor2d(sides(geometry.padding), [4, 2], 'int32')])
    : x;
  return execute1(name, convAttributes(geometry, pad ? 'VALID' : kind, onednn), [input, sizes(filter.shape), dy]);
}

function paddingKind(filter: Tensor, { stride, padding }: Geometry): Padding {
  if (padding === 0) return 'VALID';
  const [kh, kw] = filter.shape as Shape;
  return stride === 1 && kh === 2 * padding + 1 && kw === kh ? 'SAME' : 'EXPLICIT';
}

function convAttributes({ stride, padding: p }: Geometry, padding: Padding, onednn: boolean): Attribute[] {
  const attributes = [attribute.float32(), attribute.int('strides', [1, stride, stride, 1]), attribute.string('padding', padding)];
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
