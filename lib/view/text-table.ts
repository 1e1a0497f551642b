/**
 * The comparison table: variants against the teacher, COCO box AP in percent, as text for a
 * terminal or a markdown file.
 */
import { metricNames, summarise, type RunResult } from '../runs/results';
import { controlCells, DIFFERENCE_NOTE } from './differences';

export interface ComparisonCells {
  header: string[];
  /** One row a detector, the teacher first, cells as printed. */
  rows: string[][];
  /** For each column, the row of the best student; -1 where there is nothing to compare. */
  best: number[];
}

/** A metric in percent; "-" where the split has no such object (-1). */
export function percentText(mean: number, deviation = NaN): string {
  if (mean < 0) return '-';
  return Number.isNaN(deviation) ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${deviation.toFixed(1)}`;
}

/**
 * The table's cells: mean over seeds, with the sample deviation where there are more seeds than
 * one.
 */
export function comparisonCells(results: RunResult[], teacher: RunResult['metrics']): ComparisonCells {
  const summaries = summarise(results);
  const students = summaries.map(({ title, seeds, mean, deviation, millisecondsPerStep }) => [
    title,
    String(seeds.length),
    ...metricNames.map((metric) => percentText(mean[metric], deviation[metric])),
    millisecondsPerStep.toFixed(0),
  ]);
  const best = metricNames.map((metric) => {
    const means = summaries.map(({ mean }) => mean[metric]);
    const top = Math.max(...means);
    return means.length > 1 && top >= 0 ? 1 + means.indexOf(top) : -1;
  });
  return {
    header: ['detector', 'seeds', ...metricNames, 'ms/step'],
    rows: [['teacher', '-', ...metricNames.map((metric) => percentText(teacher[metric])), '-'], ...students],
    best: [-1, -1, ...best, -1],
  };
}

/**
 * A pipe table, readable in a terminal and as markdown: the first column to the left, the others to
 * the right.
 */
export function pipeTable(header: string[], rows: string[][]): string {
  const widths = header.map((name, column) => Math.max(3, name.length, ...rows.map((row) => row[column].length)));
  const rowOf = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  const line = (cells: string[]): string =>
    rowOf(cells.map((cell, column) => (column ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))));
  const rule = rowOf(widths.map((width, column) => (column ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))));
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/**
 * The tables of `npm run reproduce`: all metrics, and below, where there is more than one variant,
 * the differences from the control.
 * @param teacher its metrics in percent, -1 where the split has no such object
 * @param title what the data is
 */
export function comparisonTable(results: RunResult[], teacher: RunResult['metrics'], title: string): string {
  const { header, rows } = comparisonCells(results, teacher);
  const several = new Set(results.map(({ seed }) => seed)).size > 1;
  const note = several ? ', mean ± deviation over seeds' : '';
  const table = `${title}: COCO box AP in percent${note}\n\n${pipeTable(header, rows)}`;
  const differences = controlCells(results);
  if (!differences) return table;
  return `${table}\n\n${DIFFERENCE_NOTE}\n\n${pipeTable(differences.header, differences.rows)}`;
}
