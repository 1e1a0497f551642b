/** Detectors in stages on batches in which nothing is proposed, with and without objects beside them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { smallCascadeRcnnStudent } from '../../lib/dist/detection/cascade-rcnn/presets';
import type { Detector } from '../../lib/dist/detection/detector';
import { createDetector, type DetectorConfig } from '../../lib/dist/detection/families';
import { smallFasterRcnnStudent } from '../../lib/dist/detection/faster-rcnn/presets';
import { headSmoothL1 } from '../../lib/dist/freekd/feature-mse';
import { tf, type Scalar, type Tensor4D } from '../../lib/dist/tf';
import { alone } from '../../lib/dist/train/distributed/communicator';
import { amongRanks, normalizersOf } from '../../lib/dist/train/shares';

const classAgnostic = { ...smallFasterRcnnStudent, head: { ...smallFasterRcnnStudent.head, classAgnostic: true } };
const families: [string, DetectorConfig][] = [
  ['Faster R-CNN', smallFasterRcnnStudent],
  ['class-agnostic Faster R-CNN', classAgnostic],
  ['Cascade R-CNN', smallCascadeRcnnStudent],
];
const empty = { boxes: new Float32Array(0), labels: new Int32Array(0) };
const one = { boxes: Float32Array.of(8, 8, 40, 40), labels: Int32Array.of(3) };
const extents = [0, 1].map((id) => ({ inputWidth: 64, inputHeight: 64, id }));

/** Every anchor is moved beyond the right edge of its picture, where clipping leaves nothing of it. */
function proposesNothing(config: DetectorConfig): Detector {
  const detector = createDetector(config, { seed: 1 });
  const { name, shape } = detector.parameters.get('rpn_head.rpn_reg.bias');
  const data = Float32Array.from({ length: shape[0] }, (_, i) => (i % 4 === 0 ? 1e3 : 0));
  detector.parameters.load(new Map([[name, { shape, data }]]), { strict: false });
  return detector;
}

for (const [name, config] of families) {
  test(`${name}: losses and gradients are numbers where there is neither an object nor a proposal`, () => {
    const detector = proposesNothing(config);
    const before = tf.memory().numTensors;
    const trained = detector.parameters.trainable();
    const images = tf.ones([2, 64, 64, 3]) as Tensor4D;
    const { value, gradients } = valueAndGradients(() => {
      const outputs = detector.head(detector.pyramid(images, true));
      assert.deepEqual(detector.detect(outputs, extents).map(({ scores }) => scores.length), [0, 0]);
      const losses = detector.loss(outputs, [empty, empty], { extents });
      for (const [part, { value: loss, normalizer, counted }] of Object.entries(losses)) {
        if (part === 'objectness') continue;
        assert.equal(loss.dataSync()[0], 0, part);
        if (part !== 'proposal') assert.deepEqual([normalizer, counted], [1, 0], part);
      }
      const shares = amongRanks({ ...alone, size: 2, sum: (own) => [...own] })(normalizersOf(losses));
      assert.ok(Object.values(shares).every((share) => share === 1), 'of two ranks, none of which has regions');
      const [regression] = detector.regression(outputs);
      assert.equal(regression.shape[0], 0);
      const imitated = headSmoothL1([regression], [regression]);
      assert.equal(imitated.dataSync()[0], 0, 'of no regions');
      return tf.addN([imitated, ...Object.values(losses).map((part) => part.value)]) as Scalar;
    }, trained);
    assert.ok(Number.isFinite(value.dataSync()[0]));
    for (const [i, gradient] of gradients.entries())
      assert.ok(gradient.dataSync().every(Number.isFinite), trained[i].name);
    tf.dispose([images, value, gradients]);
    assert.equal(tf.memory().numTensors, before);
    detector.dispose();
  });

  test(`${name}: of an object without a proposal the object itself is the one region`, () => {
    const detector = proposesNothing(config);
    tf.tidy(() => {
      const outputs = detector.head(detector.pyramid(tf.ones([2, 64, 64, 3]) as Tensor4D, true));
      const losses = detector.loss(outputs, [empty, one], { extents });
      const second = Object.entries(losses).filter(([part]) => part !== 'objectness' && part !== 'proposal');
      for (const [part, { value, normalizer }] of second) {
        assert.equal(normalizer, 1, part);
        const loss = value.dataSync()[0];
        assert.ok(Number.isFinite(loss) && (loss > 0 || part.startsWith('box')), `${part}: ${loss}`);
      }
      assert.equal(detector.regression(outputs)[0].shape[0], 1);
    });
    detector.dispose();
  });
}
