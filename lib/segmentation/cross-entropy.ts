/**
 * Cross entropy of every pixel, summed over pixels; those that are ignored add nothing. One call of
 * TensorFlow's kernel gives the loss and its gradient.
 */
import { attribute, elementwise, execute } from '../core/native';
import { IGNORED, type LabelMap } from '../data/label-map';
import { tf, type Scalar, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '../tf';

/**
 * @param logits [N, H, W, K]
 * @param targets one a picture, of the logits' height and width, classes below K or `IGNORED`
 * @returns `sum` over the pixels that count, and how many they are
 */
export function crossEntropy(logits: Tensor4D, targets: readonly LabelMap[]): { sum: Scalar; counted: number } {
  const [n, h, w, classes] = logits.shape;
  if (targets.length !== n)
    throw new RangeError(`${n} pictures went through the network, but ${targets.length} label maps are given`);
  const labels = new Int32Array(n * h * w);
  const counts = new Float32Array(n * h * w);
  let counted = 0;
  targets.forEach(({ height, width, labels: own }, picture) => {
    if (height !== h || width !== w || own.length !== h * w)
      throw new RangeError(`logits of ${w} x ${h} pixels meet a label map of ${width} x ${height}`);
    for (let i = 0, to = picture * h * w; i < own.length; i++, to++) {
      if (own[i] === IGNORED) continue;
      if (own[i] >= classes) throw new RangeError(`a label map has the class ${own[i]}, where there are ${classes}`);
      labels[to] = own[i];
      counts[to] = 1;
      counted++;
    }
  });
  const sum = tf.tidy(() =>
    entropy(tf.reshape(logits, [n * h * w, classes]), tf.tensor1d(labels, 'int32'), tf.tensor1d(counts)),
  );
  return { sum, counted };
}

/** The losses of [P, K] by [P], times `counts` [P], summed. */
function entropy(logits: Tensor2D, labels: Tensor1D, counts: Tensor1D): Scalar {
  const summed = tf.customGrad<Scalar>((x, save) => {
    const types = [attribute.float32(), attribute.int32('Tlabels')];
    const [losses, gradient] = execute('SparseSoftmaxCrossEntropyWithLogits', types, [x as Tensor2D, labels], 2);
    (save as tf.GradSaveFunc)([elementwise('Mul', gradient, tf.expandDims(counts, 1))]);
    return {
      value: tf.sum(elementwise('Mul', losses, counts)),
      gradFunc: (dy: Scalar, [counting]: Tensor[]) => tf.mul(counting, dy),
    };
  });
  return summed(logits);
}
