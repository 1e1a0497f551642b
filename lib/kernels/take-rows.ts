/** Rows of a table by their numbers. */
import { attribute, execute1 } from '../core/native';
import { defineOperation } from '../core/operation';
import { tf, type Tensor, type Tensor1D } from '../tf';

/**
 * The rows of `x` that `rows` names, as tf.gather. That reads the numbers to check them, and where they
 * were computed on a GPU, it waits for all that the GPU has been asked; here TensorFlow's kernel
 * checks them on a processor, and takes zeros for a row that is not there on a GPU.
 * @param x float32, [R, ...]
 * @param rows int32, [P], each below R
 * @returns [P, ...]
 * @throws Error on a processor where a number is not below R
 */
export const takeRows = (x: Tensor, rows: Tensor1D): Tensor => taking({ x, rows }, { count: x.shape[0] })[0];

const taking = defineOperation<{ count: number }>({
  name: 'TakeRows',
  forward: ({ x, rows }) => {
    const types = [attribute.float32('Tparams'), attribute.int32('Tindices'), attribute.int32('Taxis')];
    return [execute1('GatherV2', [attribute.int('batch_dims', 0), ...types], [x, rows, tf.scalar(0, 'int32')])];
  },
  saveInputs: ['rows'],
  saveOutputs: [],
  backward: ([dy], [rows], { count }) => ({ x: () => tf.unsortedSegmentSum(dy, rows as Tensor1D, count) }),
});
