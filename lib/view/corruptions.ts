/**
 * Detectors under the corruptions of COCO-C: tables and a chart. Every AP is COCO box AP in
 * percent.
 */
import { corruptionNames } from '../coco/corruptions/corrupt';
import { robustness, type Robustness } from '../coco/robustness';
import type { CorruptionResult } from '../runs/corruption-results';
import { lookOf } from '../runs/looks';
import { percentText, pipeTable } from './text-table';
import { detectorLook, seriesChannels, themed, type Chart } from './theme';

interface Row {
  result: CorruptionResult;
  title: string;
  under: Robustness;
}

/** What the detectors are called: their seed is told where a variant is there with more than one. */
function rowsOf(results: readonly CorruptionResult[]): Row[] {
  return results.map((result) => {
    const { detector, look, seed, clean, measured } = result;
    const several = results.filter((other) => other.detector === detector).length > 1;
    const name = detector === 'teacher' ? detector : lookOf({ variant: detector, look }).title;
    const title = detector !== 'teacher' && several ? `${name}, seed ${seed}` : name;
    return { result, title, under: robustness(clean, measured) };
  });
}

/** What was measured, in a sentence. */
function subtitle([{ result, under }]: Row[]): string {
  const severities =
    under.severities.length === 5 ? 'all 5 severities' : `severities ${under.severities.join(', ')} only`;
  const count =
    under.corruptions.length === corruptionNames.length
      ? 'all 15 corruptions'
      : `${under.corruptions.length} of 15 corruptions`;
  const frost =
    under.corruptions.some(({ name }) => name === 'frost') && result.frost === 'own panes'
      ? '; frost is of our own panes'
      : '';
  return `${result.pictures} pictures, ${count}, ${severities}${frost}`;
}

/**
 * Clean AP, mPC and rPC of each detector; and below, a row a corruption, the mean over severities
 * of each detector.
 * @param results of the same pictures, corruptions and severities
 */
export function corruptionTables(results: readonly CorruptionResult[]): string {
  const rows = rowsOf(results);
  const summary = rows.map(({ title, result, under }) => [
    title,
    percentText(result.clean),
    percentText(under.mPC),
    percentText(100 * under.rPC),
  ]);
  const each = rows[0].under.corruptions.map(({ name }, i) => [
    name,
    ...rows.map(({ under }) => percentText(under.corruptions[i].mean)),
  ]);
  return [
    `${results[0].data}, corrupted (COCO-C): COCO box AP in percent; ${subtitle(rows)}`,
    pipeTable(['detector', 'clean AP', 'mPC', 'rPC (%)'], summary),
    pipeTable(['AP, mean over severities', ...rows.map(({ title }) => title)], each),
  ].join('\n\n');
}

/**
 * A row a corruption: a dot a detector at its mean over severities, a line from the lightest to the
 * heaviest severity, and above all the clean AP.
 */
export function corruptionChart(results: readonly CorruptionResult[]): Chart {
  const rows = rowsOf(results);
  const titles = rows.map(({ title }) => title);
  const { color, shape } = seriesChannels(
    'detector',
    titles,
    results.map(({ detector, look }) => detectorLook(detector, look)),
    { legend: { orient: 'top', columns: 4 } } as const,
  );
  const clean = 'without corruption';
  const values = rows.flatMap(({ title, result, under }) => [
    { detector: title, corruption: clean, AP: result.clean, least: result.clean, most: result.clean },
    ...under.corruptions.map(({ name, APs, mean }) => ({
      detector: title,
      corruption: name.replace('_', ' '),
      AP: mean,
      least: Math.min(...APs),
      most: Math.max(...APs),
    })),
  ]);
  const y = { field: 'corruption', type: 'nominal', title: null, sort: null } as const;
  const offset = { field: 'detector', type: 'nominal', sort: titles } as const;
  const x = {
    type: 'quantitative',
    title: 'AP (%): dot, mean over severities; line, from the heaviest to the lightest',
    scale: { domainMin: 0 },
  } as const;
  return themed({
    title: { text: `${results[0].data}, corrupted (COCO-C)`, subtitle: subtitle(rows) },
    data: { values },
    width: 460,
    height: { step: 9 * rows.length + 10, for: 'position' },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2, opacity: 0.5 },
        encoding: { x: { ...x, field: 'least' }, x2: { field: 'most' }, y, yOffset: offset, color },
      },
      {
        mark: { type: 'point', filled: true, size: 46, opacity: 1, tooltip: true },
        encoding: { x: { ...x, field: 'AP' }, y, yOffset: offset, color, shape },
      },
    ],
  });
}
