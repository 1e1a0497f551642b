/** Tables for notebooks: the comparison as a danfojs DataFrame, and any DataFrame as HTML. */
import type { DataFrame } from 'danfojs-node';
import { metricNames, summarise, type RunResult } from '../runs/results';
import { escapeHtml } from './html';

/**
 * The comparison as numbers, a row a detector: each metric's mean in percent and, below `AP ±` and
 * so on, its deviation over seeds.
 */
export async function comparisonFrame(results: RunResult[], teacher: RunResult['metrics']): Promise<DataFrame> {
  const { DataFrame } = await import('danfojs-node');
  const present = (value: number): number => (value < 0 ? NaN : value);
  const several = new Set(results.map(({ seed }) => seed)).size > 1;
  const metricCells = (mean: RunResult['metrics'], deviation?: RunResult['metrics']): [string, number][] =>
    metricNames.flatMap((metric): [string, number][] => {
      const own: [string, number] = [metric, present(mean[metric])];
      const spread = mean[metric] < 0 ? NaN : (deviation?.[metric] ?? NaN); // of no value there is none
      return several ? [own, [`${metric} ±`, spread]] : [own];
    });
  const row = (
    detector: string,
    seeds: number,
    metrics: [string, number][],
    milliseconds: number,
  ): Record<string, string | number> => ({
    detector,
    seeds,
    ...Object.fromEntries(metrics),
    'ms/step': milliseconds,
  });
  return new DataFrame([
    row('teacher', NaN, metricCells(teacher), NaN),
    ...summarise(results).map(({ title, seeds, mean, deviation, millisecondsPerStep }) =>
      row(title, seeds.length, metricCells(mean, deviation), millisecondsPerStep),
    ),
  ]);
}

/** What a table needs of a danfojs DataFrame. */
export interface Frame {
  readonly columns: string[];
  readonly values: unknown;
}

function cellText(value: unknown, digits: number): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '-';
  if (typeof value === 'number' && !Number.isInteger(value)) return value.toFixed(digits);
  return String(value);
}

/**
 * A DataFrame as an HTML table: numbers to the right with `digits` decimals, missing values as "-".
 * @param limit rows shown; what is left out is said below
 */
export function frameHtml({ columns, values }: Frame, { digits = 1, limit = 50 } = {}): string {
  const all = values as unknown[][];
  const shown = all.slice(0, limit);
  const numeric = columns.map(
    (_, column) =>
      all.some((row) => typeof row[column] === 'number') && all.every((row) => typeof row[column] !== 'string'),
  );
  const cell = (tag: string, text: string, column: number): string =>
    `<${tag} style="text-align:${numeric[column] ? 'right' : 'left'}">${escapeHtml(text)}</${tag}>`;
  const head = columns.map((name, column) => cell('th', name, column)).join('');
  const body = shown
    .map((row) => `<tr>${row.map((value, column) => cell('td', cellText(value, digits), column)).join('')}</tr>`)
    .join('\n');
  const rest = all.length > shown.length ? `<p>${all.length - shown.length} more rows</p>` : '';
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>${rest}`;
}
