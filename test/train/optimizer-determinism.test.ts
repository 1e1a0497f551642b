/**
 * The same start gives the same bits: fifty steps, twice, on all threads. An exact resume rests on
 * this.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { createOptimizer, type OptimizerConfig } from '../../lib/dist/train/optimizer';
import { clipByGlobalNorm } from '../../lib/dist/train/clip';
import { tf } from '../../lib/dist/tf';
import { network } from '../kernels/network';

/** Trains from scratch; returns every loss and, last, all parameters. */
function train(
  config: OptimizerConfig,
  steps: number,
): { losses: number[]; parameters: Float32Array[]; tensors: number[] } {
  const { parameters, loss, dispose } = network([4, 64, 64, 3], 16);
  const trainable = parameters.trainable();
  const optimizer = createOptimizer(config, trainable);
  const losses: number[] = [];
  const tensors: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { value, gradients } = valueAndGradients(loss, trainable);
    const clipped = clipByGlobalNorm(gradients, 1);
    optimizer.apply(clipped.gradients, 0.01);
    losses.push(value.dataSync()[0]);
    tf.dispose([value, clipped.norm, ...gradients, ...clipped.gradients]);
    tensors.push(tf.memory().numTensors);
  }
  const result = { losses, parameters: [...parameters.read().values()].map(({ data }) => data), tensors };
  optimizer.dispose();
  dispose();
  return result;
}

describe('training', () => {
  const configs: OptimizerConfig[] = [{ kind: 'sgd', momentum: 0.9, weightDecay: 1e-4 }, { kind: 'adamw' }];
  for (const config of configs) {
    it(`with ${config.kind} learns, ends with the same bits twice, and holds a constant number of tensors`, () => {
      const [one, two] = [train(config, 50), train(config, 50)];
      assert.ok(one.losses[49] < 0.9 * one.losses[0], `the loss went from ${one.losses[0]} to ${one.losses[49]}`);
      assert.deepEqual(two.losses, one.losses);
      assert.deepEqual(two.parameters, one.parameters);
      assert.equal(new Set(one.tensors).size, 1, `tensors: ${one.tensors}`);
    });
  }
});
