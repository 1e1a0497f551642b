/** What losses cost, as a table. */
import type { StepCost } from '../runs/step-cost';
import { pipeTable } from './text-table';

const thousands = (count: number): string => (count === 0 ? '-' : `${(count / 1000).toFixed(1)} k`);

export function costTable(costs: readonly StepCost[]): string {
  const header = ['loss', 'trained beside the student', 'tuned in stage 1', 'ms/step', 'peak memory of a step'];
  const rows = costs.map(({ title, learned, tuned, millisecondsPerStep, peakBytes }) => [
    title,
    thousands(learned),
    thousands(tuned),
    millisecondsPerStep.toFixed(0),
    peakBytes === null ? '-' : `${(peakBytes / 2 ** 20).toFixed(0)} MB`,
  ]);
  return pipeTable(header, rows);
}
