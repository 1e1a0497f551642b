/**
 * What a loss costs beside the student's own training: parameters, and the time and memory of a
 * step. Measured in a process of its own, since what an earlier step has taken of the system is not
 * given back.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Parameters } from '../core/parameters';
import { createDetector } from '../detection/families';
import { activeImitations, createImitations } from '../distill/imitations/index';
import { createPromptState } from '../distill/prompt-state';
import { Teacher } from '../distill/teacher';
import type { StepCost } from '../runs/step-cost';
import type { VariantRow } from '../runs/variants';
import type { Experiment } from './experiment';
import { measureSteps } from './step-time';

const sizeOf = (parameters?: Parameters): number =>
  parameters?.trainable().reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0) ?? 0;

/** How many numbers a variant learns beside the student's, and in stage 1. */
export function learnedBy(experiment: Experiment, row: VariantRow): Pick<StepCost, 'learned' | 'tuned'> {
  const asked = activeImitations(row.distillation(experiment));
  const [student, taught] = [experiment.student, experiment.teacher].map(({ model }) => createDetector(model));
  const teacher = new Teacher(taught, taught.strides.map(() => 1));
  const { strides, channels } = taught;
  const prompt = row.prompt && createPromptState(strides.length, channels, experiment.prompt[row.prompt].frequency, 0);
  try {
    const made = createImitations(asked, { student, teacher, prompt, seed: 0 });
    const learned = Object.values(made.parameters).reduce((sum, parameters) => sum + sizeOf(parameters), 0);
    made.dispose();
    return { learned, tuned: sizeOf(prompt?.parameters) };
  } finally {
    prompt?.parameters.dispose();
    [student, taught].forEach((detector) => detector.dispose());
  }
}

/** Bytes of VmHWM or VmRSS of this process; undefined where the system does not tell. */
function memory(field: 'VmHWM' | 'VmRSS'): number | undefined {
  if (!fs.existsSync('/proc/self/status')) return undefined;
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(fs.readFileSync('/proc/self/status', 'utf8'));
  return found ? 1024 * Number(found[1]) : undefined;
}

/** The cost of one variant, in this process. */
export async function stepCost(experiment: Experiment, row: VariantRow): Promise<StepCost> {
  const counts = learnedBy(experiment, row);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'freekd-cost-'));
  try {
    const before = memory('VmRSS');
    if (before !== undefined) fs.writeFileSync('/proc/self/clear_refs', '5'); // the high-water mark starts again
    const losses = { distillation: row.distillation(experiment), prompt: row.prompt };
    const { milliseconds } = await measureSteps.student(experiment, losses, folder);
    const peak = memory('VmHWM');
    const peakBytes = before === undefined || peak === undefined ? null : peak - before;
    return { variant: row.name, title: row.title, ...counts, millisecondsPerStep: milliseconds, peakBytes };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
