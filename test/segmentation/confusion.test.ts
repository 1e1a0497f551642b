/** mIoU against mmsegmentation's definition in NumPy: equal numbers, not near ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfusionMatrix } from '../../lib/dist/segmentation/confusion';
import { hashes } from '../detection/golden';
import { golden, labelMaps } from './golden';

for (const c of golden.scores)
  test(`scores of ${c.name}: every digit`, () => {
    const parts = c.shapes.map(([h, w], i) => {
      const matrix = new ConfusionMatrix(c.classes);
      const [target] = labelMaps(`${c.name}/${i}/label`, [1, h, w], c.classes - 1);
      const raw = hashes(`${c.name}/${i}/noise`, h * w);
      const most = c.name === 'nineteen' ? c.classes : c.classes - 1;
      const predicted = target.labels.map((label, k) =>
        raw[k] % 4 === 0 ? (raw[k] >>> 8) % most : label === 255 ? 0 : label,
      );
      matrix.add(predicted, target);
      return matrix;
    });
    const all = new ConfusionMatrix(c.classes);
    for (const { counts } of [...parts].reverse()) all.merge(counts);
    const { aAcc, mIoU, mAcc, iou, accuracy } = all.score();
    assert.deepEqual(c.intersect, c.intersect.map((_, i) => all.counts[i * c.classes + i]));
    const known = (values: number[]): (number | null)[] => values.map((v) => (Number.isNaN(v) ? null : v));
    assert.deepEqual({ aAcc, mIoU, mAcc }, { aAcc: c.aAcc, mIoU: c.mIoU, mAcc: c.mAcc });
    assert.deepEqual([known(iou), known(accuracy)], [c.IoU, c.Acc]);
  });

test('what fits no class or size is named with its pixel', () => {
  const matrix = new ConfusionMatrix(2);
  const target = { height: 1, width: 3, labels: Uint8Array.of(0, 2, 255) };
  assert.throws(() => matrix.add([0, 0, 0], target), /pixel 1, 0 has the label 2 and the prediction 0/);
  assert.throws(() => matrix.add([5, 0, 0], target), /pixel 0, 0 has the label 0 and the prediction 5/);
  assert.throws(() => matrix.add([0], target), /1 predictions for a label map of 3 x 1/);
});
