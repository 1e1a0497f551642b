/**
 * RetinaNet-R50 on one 512 x 512 picture, to the detections after non-maximum suppression, and the
 * forward pass alone of RetinaNet-R101 on one of COCO's size.
 */
import { tf } from 'freekd';
import { parameterNumbers } from '../../detection/golden';
import type { Task } from '../side';
import { configs, images, LARGE, network } from './detector';

const SIZE = 512;
const BIAS = 'bbox_head.retina_cls.bias';

export function prepare(name: string): Task {
  return name === 'memory-forward' ? forwardPass() : detection();
}

function forwardPass(): Task {
  const model = network(configs.r101);
  const picture = images(LARGE);
  return () => {
    const outputs = tf.tidy(() => model.head(model.pyramid(picture)));
    const check = outputs.map(({ logits }) => tf.tidy(() => tf.mean(tf.abs(logits)).dataSync()[0]));
    tf.dispose(outputs.map(({ logits, deltas }) => [logits, deltas]));
    return check;
  };
}

function detection(): Task {
  const model = network(configs.r50);
  const bias = model.parameters.get(BIAS);
  // So that few pairs of anchor and class pass the threshold, as in a trained detector.
  model.parameters.load(
    new Map([[BIAS, { shape: bias.shape, data: parameterNumbers(BIAS, bias.shape).map((value) => value - 3.3) }]]),
    { strict: false },
  );
  const picture = images({ batch: 1, height: SIZE, width: SIZE });
  return () => {
    const outputs = tf.tidy(() => model.head(model.pyramid(picture)));
    const [found] = model.detect(outputs, [{ inputWidth: SIZE, inputHeight: SIZE }]);
    tf.dispose(outputs.map(({ logits, deltas }) => [logits, deltas]));
    return [found.scores.length, found.scores.reduce((sum, score) => sum + score, 0)];
  };
}
