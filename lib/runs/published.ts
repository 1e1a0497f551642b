/**
 * The numbers of the paper and its peers (data/published.json), and what was measured here beside
 * them.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Variant } from './variants';
import { readResults, summarise, type Metric } from './results';

export interface PublishedRow {
  detector: string;
  /** AP in percent, as everywhere here. */
  student: { backbone: string; AP: number };
  teacher: { network: string; AP: number };
  freekd: number;
  /** Other methods on the same pair; null where no number was found. */
  others: Record<string, number | null>;
  /** The experiment that measures this row; null where there is none. */
  experiment: string | null;
}

export interface Published {
  measure: string;
  sources: Record<string, string>;
  rows: PublishedRow[];
  /** Detectors with all six metrics. */
  whole: ({ detector: string } & Record<Metric, number>)[];
  segmentation: {
    detector: string;
    measure: string;
    student: number | null;
    freekd: number | null;
    gain: number;
    experiment: null;
  }[];
}

/** @param root the repository's */
export function readPublished(root: string): Published {
  return JSON.parse(fs.readFileSync(path.join(root, 'data/published.json'), 'utf8')) as Published;
}

/** An AP, or why there is none: no experiment file exists, or nobody has run it. */
export type Measured = number | 'not run' | 'not implemented';

/**
 * The mean AP over the seeds of a variant's result files, recorded ones (data/results) or, where
 * there are none, local ones (data/results/local).
 * @param experiment its name; null where there is none
 * @param variant or the teacher, as it was measured before the students
 */
export function measuredAP(root: string, experiment: string | null, variant: Variant | 'teacher'): Measured {
  if (experiment === null) return 'not implemented';
  for (const folder of ['data/results', 'data/results/local']) {
    const results = readResults(path.join(root, folder, experiment));
    if (variant === 'teacher' && results.length) return results[0].teacher.AP;
    if (variant === 'teacher') continue;
    const [summary] = summarise(results, [variant]);
    if (summary) return summary.mean.AP;
  }
  return 'not run';
}
