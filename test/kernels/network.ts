/** A small network with every operation, for tests of whole gradients and of training. */
import { relu } from '../../lib/dist/kernels/activation';
import { batchNorm, batchNormTraining } from '../../lib/dist/kernels/batch-norm';
import { conv2d } from '../../lib/dist/kernels/conv';
import { groupNorm } from '../../lib/dist/kernels/group-norm';
import { Parameters } from '../../lib/dist/core/parameters';
import { maxPool } from '../../lib/dist/kernels/pool';
import { Random } from '../../lib/dist/core/random';
import { upsampleNearest } from '../../lib/dist/kernels/upsample';
import { tf, type Scalar, type Tensor1D, type Tensor4D } from '../../lib/dist/tf';

export interface Network {
  parameters: Parameters;
  /** The same loss at each call, for a fixed random batch. */
  loss(): Scalar;
  dispose(): void;
}

/** @param shape of the images, [N, H, W, 3]; @param channels of the first layer, a multiple of 2 */
export function network(shape: [number, number, number, number] = [2, 12, 10, 3], channels = 4): Network {
  const random = new Random('network');
  const parameters = new Parameters();
  const wide = 2 * channels;
  const filter = (name: string, size: number, from: number, to: number): void => {
    parameters.create(
      name,
      [size, size, from, to],
      random.normals(size * size * from * to, 0, Math.sqrt(1 / (size * size * from))),
    );
  };
  const norm = (name: string, n: number): void => {
    parameters.create(`${name}.gamma`, [n], random.normals(n, 1, 0.4), 'norm');
    parameters.create(`${name}.beta`, [n], random.normals(n, 0, 0.4), 'norm');
  };
  filter('conv1', 3, 3, channels);
  norm('norm1', channels);
  filter('conv2', 3, channels, wide);
  parameters.create('bias2', [wide], random.normals(wide, 0, 0.4), 'bias');
  norm('norm2', wide);
  filter('conv3', 1, wide, channels);
  norm('norm3', channels);
  parameters.create('mean', [channels], random.normals(channels), 'statistic');
  parameters.create('variance', [channels], 2, 'statistic');
  parameters.create('unused', [2], 1);
  const image = tf.tensor4d(random.normals(tf.util.sizeFromShape(shape)), shape);
  const value = <T>(name: string): T => parameters.get(name).value as T;
  const affine = (name: string): { gamma: Tensor1D; beta: Tensor1D } => ({
    gamma: value(`${name}.gamma`),
    beta: value(`${name}.beta`),
  });
  const loss = (): Scalar => tf.tidy(() => {
    const first = conv2d(image, value<Tensor4D>('conv1'), { padding: 1, inputGradient: false });
    const pooled = maxPool(batchNormTraining(first, { ...affine('norm1'), relu: true }).y, {
      size: 3,
      stride: 2,
      padding: 1,
    });
    const second = conv2d(pooled, value<Tensor4D>('conv2'), { padding: 1, stride: 2, bias: value<Tensor1D>('bias2') });
    const third = relu(groupNorm(second, { ...affine('norm2'), groups: 2 }));
    const lateral = batchNorm(conv2d(third, value<Tensor4D>('conv3')), {
      ...affine('norm3'),
      mean: value('mean'),
      variance: value('variance'),
    });
    const top = upsampleNearest(lateral, [pooled.shape[1], pooled.shape[2]]);
    return tf.mean(tf.square(tf.sub(tf.add(pooled, top), 0.5))) as Scalar;
  });
  return { parameters, loss, dispose: () => { parameters.dispose(); image.dispose(); } };
}
