/** Convolution of each channel by itself, where kernels for groups would run channel by channel. */
import { tf, type Tensor, type Tensor4D } from '../tf';
import { attribute, execute1, kernelLevel, type Attribute } from '../core/native';
import { defineOperation } from '../core/operation';

interface Geometry {
  stride: number;
  padding: number;
}

/**
 * @param x [N, H, W, C]
 * @param filter [kh, kw, 1, C], as of a convolution with C groups
 * @returns as `conv2d`
 */
export function depthwiseConv2d(x: Tensor4D, filter: Tensor4D, { stride, padding: p }: Geometry): Tensor4D {
  const [kh, kw, , channels] = filter.shape;
  const own = tf.reshape(filter, [kh, kw, channels, 1]) as Tensor4D;
  if (kernelLevel() !== 'stock') return convolution({ x, filter: own }, { stride, padding: p })[0] as Tensor4D;
  return tf.depthwiseConv2d(p > 0 ? tf.pad(x, [[0, 0], [p, p], [p, p], [0, 0]]) : x, own, stride, 'valid');
}

const convolution = defineOperation<Geometry>({
  name: 'DepthwiseConv2d',
  forward: ({ x, filter }, geometry) => [execute1('DepthwiseConv2dNative', attributes(geometry), [x, filter])],
  saveInputs: ['x', 'filter'],
  saveOutputs: [false],
  backward: ([dy], [x, filter], geometry) => ({
    x: () => execute1('DepthwiseConv2dNativeBackpropInput', attributes(geometry), [sizes(x), filter, dy]),
    filter: () => execute1('DepthwiseConv2dNativeBackpropFilter', attributes(geometry), [x, sizes(filter), dy]),
  }),
});

function attributes({ stride, padding: p }: Geometry): Attribute[] {
  return [
    attribute.float32(),
    attribute.int('strides', [1, stride, stride, 1]),
    attribute.string('padding', 'EXPLICIT'),
    attribute.int('explicit_paddings', [0, 0, p, p, p, p, 0, 0]),
  ];
}

const sizes = ({ shape }: Tensor): Tensor => tf.tensor1d(shape, 'int32');
