/** What tells a heat picture's reader its values and axes: a colour bar below, titles beside it. */
import sharp, { type Sharp } from 'sharp';
import { escapeHtml } from './html';
import { svgToPng } from './render';
import { textWidth } from './text-width';
import { FONT, TEXT_COLOR } from './theme';

export interface HeatFrame {
  /** Whether a bar with the values of the first and the last colour stands below. Default false. */
  bar?: boolean;
  /** What the rows are, written beside them, the first row above. */
  rows?: string;
  /** What the columns are, written below them. */
  columns?: string;
}

const SIZE = 11; // of text
const LINE = 15; // height of a line of text, and width of one that stands upright
const BAR = 8;

/** A value as it stands at a bar: three digits. */
function valueText(value: number): string {
  const text = Math.abs(value) < 1e-3 && value !== 0 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replace('-', '−');
}

/** The largest size up to `SIZE` at which a text is no longer than `room`. */
const sizeFor = (text: string, room: number): number => Math.min(SIZE, (SIZE * room) / textWidth(text, SIZE, false));

/**
 * A picture in its frame.
 * @param picture of `width` x `height` pixels
 * @param ramp the colours from the first to the last, of any size
 * @param range the values of these two
 * @returns a PNG file's bytes
 */
export async function framed(
  picture: Sharp,
  { width, height }: { width: number; height: number },
  { bar, rows, columns }: HeatFrame,
  ramp: Sharp,
  range: readonly [number, number],
): Promise<Buffer> {
  const left = rows ? LINE : 0;
  const top = height + (columns ? LINE : 0);
  const whole = { width: left + width, height: top + (bar ? BAR + 6 + LINE : 0) };
  const at = (x: number, y: number, text: string, anchor: string, size = SIZE, more = ''): string =>
    `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" ${more}>${escapeHtml(text)}</text>`;
  const ends = range.map(valueText);
  const below = top + 4 + BAR + SIZE + 1;
  const texts = [
    rows && at(-height / 2, SIZE - 1, rows, 'middle', sizeFor(rows, height), 'transform="rotate(-90)"'),
    columns && at(left + width / 2, height + SIZE, columns, 'middle', sizeFor(columns, width)),
    bar && at(left, below, ends[0], 'start'),
    bar && range[0] === -range[1] && at(left + width / 2, below, '0', 'middle'),
    bar && at(left + width, below, ends[1], 'end'),
  ];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${whole.width}" height="${whole.height}" ` +
    `font-family="${FONT}" fill="${TEXT_COLOR}">${texts.filter(Boolean).join('')}</svg>`;
  const pieces = [
    { input: await picture.png().toBuffer(), left, top: 0 },
    { input: await svgToPng(svg, { scale: 1 }), left: 0, top: 0 },
  ];
  if (bar) pieces.push({ input: await ramp.resize(width, BAR, { fit: 'fill' }).png().toBuffer(), left, top: top + 4 });
  const ground = { r: 0, g: 0, b: 0, alpha: 0 };
  return sharp({ create: { ...whole, channels: 4, background: ground } })
    .composite(pieces)
    .png()
    .toBuffer();
}
