/**
 * Ten steps of the row RetinaNet R50 <- FCOS X101-64x4d, two families in one pair, against plain
 * PyTorch (test/golden/heterogeneous_steps.py).
 */
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { retinanetFcosX101R50Coco as row } from '../../lib/dist/experiments/rows/retinanet-fcosx101-r50-coco';
import { fill, publishedFcosNumbers, publishedNumbers } from '../detection/golden';
import { holdTenSteps } from './golden-run';

test('ten steps of a RetinaNet that learns from an FCOS change every parameter as PyTorch does', async (t) => {
  const [teacher, student] = [createDetector(row.teacher.model), createDetector(row.student.model)];
  fill(teacher, publishedFcosNumbers, 'teacher/');
  fill(student, publishedNumbers);
  await holdTenSteps(t, 'heterogeneous_steps', row, { teacher, student });
});
