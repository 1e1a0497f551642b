/**
 * Ten steps of the paper's row Faster R-CNN R101 -> R50 against plain PyTorch
 * (test/golden/faster_rcnn_steps.py), with fewer regions proposed, so that rounding decides no choice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { FasterRcnn } from '../../lib/dist/detection/faster-rcnn';
import { fasterRcnnR50 as model } from '../../lib/dist/detection/faster-rcnn/presets';
import { fasterRcnnR101R50Coco as row } from '../../lib/dist/experiments/rows/faster-rcnn-r101-r50-coco';
import { fill, firstOf, publishedRegionNumbers } from '../detection/golden';
import { holdTenSteps } from './golden-run';

test("ten steps of the paper's Faster R-CNN row change every parameter as PyTorch does", async (t) => {
  assert.equal(row.student.model, model);
  const training = { perLevel: 16, iouThreshold: 0.7, maximum: 32 };
  const student = new FasterRcnn({ ...model, proposals: { ...model.proposals, training } }, { choose: firstOf });
  const teacher = createDetector(row.teacher.model);
  fill(teacher, publishedRegionNumbers, 'teacher/');
  fill(student, publishedRegionNumbers);
  await holdTenSteps(t, 'faster_rcnn_steps', row, { teacher, student });
});
