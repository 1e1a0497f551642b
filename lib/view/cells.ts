/**
 * Maps as chart data of few bytes: a row of data a map, which Vega-Lite unfolds into one rectangle
 * a position.
 */
import type { Tensor4D } from '../tf';

export interface MapRow {
  h: number;
  w: number;
  /**
   * Row by row, to four digits, with spaces between: in a notebook every number of a list has a
   * line of its own.
   */
  numbers: string;
}

/** One picture and channel of a tensor [N, H, W, C] whose values are `all`. */
export function mapRow(
  { shape: [, h, w, channels] }: Tensor4D,
  all: ArrayLike<number>,
  image: number,
  channel: number,
): MapRow {
  const start = image * h * w * channels + channel;
  return {
    h,
    w,
    numbers: Array.from({ length: h * w }, (_, i) => Number(all[start + i * channels].toPrecision(4))).join(' '),
  };
}

/**
 * Unfolds rows that `keys` tell apart; each position gets `value`, and its corners in a square from
 * 0 to 1.
 */
export function unfold(keys: readonly string[]) {
  const row = 'floor((datum.cell - 1) / datum.w)';
  const column = '((datum.cell - 1) % datum.w)';
  return [
    { calculate: "split(datum.numbers, ' ')", as: 'text' },
    { flatten: ['text'] },
    { calculate: 'toNumber(datum.text)', as: 'value' },
    { window: [{ op: 'row_number' as const, as: 'cell' }], groupby: [...keys] },
    { calculate: `${column} / datum.w`, as: 'left' },
    { calculate: `(${column} + 1) / datum.w`, as: 'right' },
    { calculate: `${row} / datum.h`, as: 'top' },
    { calculate: `(${row} + 1) / datum.h`, as: 'bottom' },
  ];
}

const side = { type: 'quantitative', axis: null, scale: { domain: [0, 1] as number[], nice: false } } as const;
const down = { ...side, scale: { domain: [1, 0] as number[], nice: false } } as const;

/** Where the rectangles are. */
export const corners = {
  x: { ...side, field: 'left' },
  x2: { field: 'right' },
  y: { ...down, field: 'top' },
  y2: { field: 'bottom' },
} as const;
