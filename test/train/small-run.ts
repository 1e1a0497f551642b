/**
 * Training of two parameters towards a target that changes with the step: milliseconds a run, for
 * tests of the loop itself.
 */
import { Parameters } from '../../lib/dist/core/parameters';
import { train, type TrainOptions, type TrainResult } from '../../lib/dist/train/loop';
import { tf, type Scalar, type Tensor } from '../../lib/dist/tf';

export function smallParameters(): Parameters {
  const parameters = new Parameters();
  parameters.create('weight', [3], Float32Array.of(0.5, -1, 2));
  parameters.create('bias', [3], 0.25, 'bias');
  return parameters;
}

export function runSmall(
  parameters: Parameters,
  folder: string,
  options: Partial<TrainOptions<Tensor>> = {},
): Promise<TrainResult> {
  const [weight, bias] = [parameters.get('weight'), parameters.get('bias')];
  return train<Tensor>({
    folder,
    config: 'small',
    stores: { model: parameters },
    schedule: { kind: 'cosine', base: 0.05, steps: 20 },
    optimizer: { kind: 'adam' },
    batchSize: 2,
    batch: async (step) => tf.tensor1d([Math.sin(step), Math.cos(step), 1]),
    release: (batch) => batch.dispose(),
    loss: (batch) => ({
      fit: { value: tf.sum(tf.square(tf.sub(weight.value, batch))) as Scalar, weight: 1 },
      size: { value: tf.sum(tf.square(bias.value)) as Scalar, weight: 0.5 },
    }),
    checkpointEvery: 5,
    ...options,
  });
}
