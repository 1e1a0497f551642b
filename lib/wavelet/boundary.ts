/**
 * How a signal of n numbers goes on beyond its ends: PyWavelets' nine boundary modes. Each
 * extension is linear in the signal, so an extended value is a list of terms, weight times sample.
 *
 * For x = [a b c d] the modes continue to the right with
 *   zero 0 0 0 | constant d d d | symmetric d c b | periodic a b c | reflect c b a | antisymmetric -d -c -b
 *   smooth: along the last slope, d + k (d - c) | antireflect: reflected about the last point, 2d - c, 2d - b, ...
 *   periodization: periodic, after an odd signal has got its last number twice; gives the fewest coefficients.
 * On a single number PyWavelets refuses reflect and antireflect; here both repeat it, as smooth
 * does.
 */
export const MODES = [
  'zero',
  'constant',
  'symmetric',
  'periodic',
  'smooth',
  'periodization',
  'reflect',
  'antisymmetric',
  'antireflect',
] as const;

/** A boundary mode, by PyWavelets' name. */
export type WaveletMode = (typeof MODES)[number];

/** PyWavelets' former short names, which older scripts and papers use. */
const SHORT = {
  zpd: 'zero',
  cpd: 'constant',
  sym: 'symmetric',
  ppd: 'periodic',
  sp1: 'smooth',
  per: 'periodization',
} as const satisfies Record<string, WaveletMode>;

/** Any name of a mode that PyWavelets takes. */
export type WaveletModeName = WaveletMode | keyof typeof SHORT;
export const MODE_NAMES = [...MODES, ...(Object.keys(SHORT) as (keyof typeof SHORT)[])];

/** `weight` times the sample at `index`. */
export interface Term {
  index: number;
  weight: number;
}

/** The mode that a long or a short name means; throws where it is neither. */
export function checkMode(mode: string): WaveletMode {
  const [, long] = Object.entries(SHORT).find(([short]) => short === mode) ?? [];
  const found = long ?? MODES.find((name) => name === mode);
  if (found !== undefined) return found;
  throw new Error(
    `Unknown wavelet mode "${mode}". Use one of ${MODES.join(', ')}, or for short ${Object.keys(SHORT).join(', ')}.`,
  );
}

/** The value at position `t` (any integer) of a signal of length `n`, extended by `mode`. */
export function extended(mode: WaveletMode, n: number, t: number): Term[] {
  if (t >= 0 && t < n) return [{ index: t, weight: 1 }];
  const last = n - 1;
  const edge = t < 0 ? 0 : last;
  switch (mode) {
    case 'zero':
      return [];
    case 'constant':
      return [{ index: edge, weight: 1 }];
    case 'periodic':
      return [{ index: modulo(t, n), weight: 1 }];
    case 'periodization':
      return [{ index: Math.min(modulo(t, n + (n % 2)), last), weight: 1 }];
    case 'symmetric':
    case 'antisymmetric': {
      const r = modulo(t, 2 * n);
      return [{ index: r < n ? r : 2 * n - 1 - r, weight: r < n || mode === 'symmetric' ? 1 : -1 }];
    }
    case 'smooth': {
      if (n === 1) return [{ index: 0, weight: 1 }];
      const steps = Math.abs(t - edge);
      return [{ index: edge, weight: 1 + steps }, { index: t < 0 ? 1 : last - 1, weight: -steps }];
    }
    case 'reflect': {
      if (n === 1) return [{ index: 0, weight: 1 }];
      const r = modulo(t, 2 * last);
      return [{ index: Math.min(r, 2 * last - r), weight: 1 }];
    }
    case 'antireflect': {
      if (n === 1) return [{ index: 0, weight: 1 }];
      // Each run of n - 1 steps rises by d = x[last] - x[0]; every second run is the signal turned
      // by 180 degrees.
      const run = Math.floor(t / last);
      const r = t - run * last;
      return run % 2 === 0
        ? [{ index: r, weight: 1 }, { index: last, weight: run }, { index: 0, weight: -run }]
        : [{ index: last - r, weight: -1 }, { index: last, weight: run + 1 }, { index: 0, weight: 1 - run }];
    }
  }
}

function modulo(a: number, n: number): number {
  return ((a % n) + n) % n;
}
