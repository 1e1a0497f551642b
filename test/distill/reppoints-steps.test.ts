/** Ten steps of the paper's RepPoints row against plain PyTorch (test/golden/reppoints_steps.py). */
import { test } from 'node:test';
import { createDetector } from '../../lib/dist/detection/families';
import { reppointsX101dcnR50Coco as row } from '../../lib/dist/experiments/rows/reppoints-x101dcn-r50-coco';
import { fill, publishedRepPointsNumbers } from '../detection/golden';
import { holdTenSteps } from './golden-run';

test("ten steps of the paper's RepPoints row change every parameter as PyTorch does", async (t) => {
  const [teacher, student] = [createDetector(row.teacher.model), createDetector(row.student.model)];
  fill(teacher, publishedRepPointsNumbers, 'teacher/');
  fill(student, publishedRepPointsNumbers);
  await holdTenSteps(t, 'reppoints_steps', row, { teacher, student });
});
