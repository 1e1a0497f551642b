/**
 * Robustness of a detector under corruptions: mPC, the mean performance under corruption, and rPC,
 * its share of the performance on clean pictures (arXiv 1907.07484, section 3.3).
 *
 *   mPC = mean over corruptions c of the mean over severities s of AP[c, s]        rPC = mPC / AP of clean pictures
 */
import { corruptionNames, type CorruptionName } from './corruptions/corrupt';

/** AP of a data set under one corruption. */
export interface CorruptedAP {
  name: CorruptionName;
  severity: number;
  AP: number;
}

export interface Robustness {
  /** In the unit of the APs given. */
  mPC: number;
  /** A fraction; NaN where the clean AP is 0. */
  rPC: number;
  /** Ascending. */
  severities: number[];
  /** In the paper's order: AP at each of `severities`, and their mean. */
  corruptions: { name: CorruptionName; APs: number[]; mean: number }[];
}

/**
 * mPC and rPC over the corruptions and severities that were measured: the published ones take all
 * 15 and all 5.
 * @param clean AP of the same pictures without corruption
 * @throws when nothing was measured, something twice, or some corruption not at each severity that
 *   another one was measured at
 */
export function robustness(clean: number, measured: readonly CorruptedAP[]): Robustness {
  const severities = [...new Set(measured.map(({ severity }) => severity))].sort((a, b) => a - b);
  const names = corruptionNames.filter((known) => measured.some(({ name }) => name === known));
  const corruptions = names.map((name) => {
    const APs = severities.map((severity) => {
      const found = measured.filter((one) => one.name === name && one.severity === severity);
      if (found.length !== 1)
        throw new Error(
          `robustness: ${name} at severity ${severity} was measured ${found.length} ` +
            'times, expected once as every corruption and severity',
        );
      return found[0].AP;
    });
    return { name, APs, mean: mean(APs) };
  });
  if (corruptions.length === 0) throw new Error('robustness: nothing was measured');
  const mPC = mean(corruptions.map((corruption) => corruption.mean));
  return { mPC, rPC: clean > 0 ? mPC / clean : NaN, severities, corruptions };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
