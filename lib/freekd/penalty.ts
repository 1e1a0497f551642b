/**
 * How much a difference d of two coefficients costs:
 *
 *   l1: |d|   squared: d^2   log-squared: log(1 + d^2)   huber: d^2 / 2 up to 1, |d| - 1/2 beyond
 *
 * L1 is FreeKD's norm. The others are for FreeKD+, in our reading (imitations/freekd.ts): squared
 * presses hardest on large differences, log-squared lets go of them.
 */
import type { Tensor } from '../tf';

interface Shape {
  value(difference: Tensor): Tensor;
  /** The derivative. */
  slope(difference: Tensor): Tensor;
}

const shapes = {
  l1: { value: (d) => d.abs(), slope: (d) => d.sign() },
  squared: { value: (d) => d.square(), slope: (d) => d.mul(2) },
  'log-squared': { value: (d) => d.square().log1p(), slope: (d) => d.mul(2).div(d.square().add(1)) },
  huber: {
    value(d) {
      const magnitude = d.abs();
      const inner = magnitude.minimum(1);
      return inner.mul(magnitude.sub(inner.div(2)));
    },
    slope: (d) => d.clipByValue(-1, 1),
  },
} satisfies Record<string, Shape>;

export type Penalty = keyof typeof shapes;

export const penalties = Object.keys(shapes) as Penalty[];

export const penaltyShape = (penalty: Penalty): Shape => shapes[penalty];

/** The approximation LL, and all details. */
export type BandGroup = 'low' | 'high';

/** The group of a band ordered as in bands.ts. */
export const groupOf = (band: number): BandGroup => (band === 0 ? 'low' : 'high');
