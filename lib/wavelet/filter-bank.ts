/**
 * The wavelets by name and the four filters of each, as in PyWavelets: analysis (decomposition) and
 * synthesis (reconstruction), low and high pass. All have the same even length F.
 */
import { nearestNames } from '../core/nearest';
import { BIORTHOGONAL, ORTHOGONAL } from './filters';

export interface FilterBank {
  /** Analysis filters, F numbers each. */
  readonly analysis: { readonly low: readonly number[]; readonly high: readonly number[] };
  /** Synthesis filters, F numbers each. */
  readonly synthesis: { readonly low: readonly number[]; readonly high: readonly number[] };
  readonly length: number;
}

const NAMES: readonly string[] = [
  ...Object.keys(ORTHOGONAL),
  'haar',
  ...Object.keys(BIORTHOGONAL).flatMap((name) => [name, reversed(name)]),
].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

/** The names of the 106 discrete wavelets, sorted by family and order. */
export function wavelets(): string[] {
  return [...NAMES];
}

/**
 * The filters of the wavelet `name` (upper or lower case). Throws with the nearest names when there
 * is none.
 */
export function filterBank(name: string): FilterBank {
  const key = String(name).toLowerCase();
  if (!NAMES.includes(key)) {
    const near = nearestNames(key, NAMES, 4).join(', ');
    throw new Error(`Unknown wavelet "${name}". The nearest names are ${near}; wavelets() lists all ${NAMES.length}.`);
  }
  const [analysis, synthesis] = lowPass(key);
  return {
    analysis: { low: analysis, high: synthesis.map((x, k) => (k % 2 === 0 ? -x : x)) },
    synthesis: { low: synthesis, high: analysis.map((x, k) => (k % 2 === 0 ? x : -x)) },
    length: analysis.length,
  };
}

/**
 * The largest useful number of levels for a picture of `size` [height, width]: at this level the
 * smaller side is still as long as the filter (PyWavelets' `dwtn_max_level`). More levels are
 * allowed.
 */
export function maxLevel(size: readonly [number, number], wavelet: string): number {
  const ratio = Math.floor(Math.min(...size) / (filterBank(wavelet).length - 1));
  return ratio < 1 ? 0 : Math.floor(Math.log2(ratio));
}

/** Analysis and synthesis low-pass filter. */
function lowPass(name: string): [analysis: readonly number[], synthesis: readonly number[]] {
  if (name in BIORTHOGONAL) return [...BIORTHOGONAL[name]];
  if (name.startsWith('rbio')) {
    const [analysis, synthesis] = BIORTHOGONAL[name.replace('rbio', 'bior')];
    return [[...synthesis].reverse(), [...analysis].reverse()];
  }
  const scaling = ORTHOGONAL[name === 'haar' ? 'db1' : name];
  return [[...scaling].reverse(), scaling];
}

function reversed(name: string): string {
  return name.replace('bior', 'rbio');
}
