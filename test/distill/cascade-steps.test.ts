/**
 * Ten steps of the paper's row Faster R-CNN R50 <- Cascade X101 against plain PyTorch
 * (test/golden/cascade_steps.py), with fewer regions proposed, so that rounding decides no choice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { FasterRcnn } from '../../lib/dist/detection/faster-rcnn';
import { fasterRcnnR50ClassAgnostic as model } from '../../lib/dist/detection/faster-rcnn/presets';
import { fasterRcnnCascadeX101R50Coco as row } from '../../lib/dist/experiments/rows/faster-rcnn-cascade-x101-r50-coco';
import { fill, firstOf, publishedRegionNumbers } from '../detection/golden';
import { holdTenSteps } from './golden-run';

test("ten steps of the paper's row Faster R-CNN <- Cascade change every parameter as PyTorch does", async (t) => {
  assert.equal(row.student.model, model);
  const training = { perLevel: 16, iouThreshold: 0.7, maximum: 32 };
  const student = new FasterRcnn({ ...model, proposals: { ...model.proposals, training } }, { choose: firstOf });
  const teacher = createDetector(row.teacher.model);
  fill(teacher, publishedRegionNumbers, 'teacher/');
  fill(student, publishedRegionNumbers);
  await holdTenSteps(t, 'cascade_steps', row, { teacher, student });
});
