/** Ten steps of the paper's FCOS row against plain PyTorch (test/golden/fcos_steps.py). */
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { fcosR101R50Coco as row } from '../../lib/dist/experiments/rows/fcos-r101-r50-coco';
import { fill, publishedFcosNumbers } from '../detection/golden';
import { holdTenSteps } from './golden-run';

test("ten steps of the paper's FCOS row change every parameter as PyTorch does", async (t) => {
  const [teacher, student] = [createDetector(row.teacher.model), createDetector(row.student.model)];
  fill(teacher, publishedFcosNumbers, 'teacher/');
  fill(student, publishedFcosNumbers);
  await holdTenSteps(t, 'fcos_steps', row, { teacher, student });
});
