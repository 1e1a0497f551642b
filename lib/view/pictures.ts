/**
 * Boxes with labels on a picture, and sheets of several pictures, as PNG. Text is drawn by resvg,
 * so that no system font is needed.
 */
import sharp from 'sharp';
import { decode, type Picture } from '../coco/image';
import { escapeHtml } from './html';
import { svgToPng } from './render';
import { textWidth } from './text-width';
import { FONT, TEXT_COLOR } from './theme';

/** A box to draw, in pixels of the original picture. */
export interface DrawnBox {
  /** x, y, width, height. */
  bbox: [number, number, number, number];
  color: string;
  label?: string;
  /** Dash pattern in pixels of the drawing, e.g. "6 4"; default: a full line. */
  dash?: string;
}

const LABEL_SIZE = 11;
const TITLE_SIZE = 13; // smaller where a title is wider than its panel

interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

function overlap(a: Rectangle, b: Rectangle): boolean {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
}

/**
 * Labels above their boxes, else inside or below; one that finds no free place is left out, the
 * last boxes being served first.
 */
function labelsSvg(boxes: readonly DrawnBox[], scale: number, size: { width: number; height: number }): string {
  const placed: Rectangle[] = [];
  const drawn = [...boxes].reverse().map(({ bbox, color, label }) => {
    if (!label) return '';
    const [x, y, , h] = bbox.map((value) => value * scale);
    const width = textWidth(label, LABEL_SIZE, true) + 6;
    const height = LABEL_SIZE + 4;
    const left = Math.max(0, Math.min(x - 1, size.width - width));
    const place = [y - height, y, y + h]
      .map((top) => ({ left, top, width, height }))
      .find(
        (spot) => spot.top >= 0 && spot.top + height <= size.height && !placed.some((other) => overlap(spot, other)),
      );
    if (!place) return '';
    placed.push(place);
    return (
      `<rect x="${left}" y="${place.top}" width="${width}" ` +
      `height="${height}" rx="2" fill="${color}" fill-opacity="0.92"/>` +
      `<text x="${left + width / 2}" y="${place.top + LABEL_SIZE}" text-anchor="middle" ` +
      `font-size="${LABEL_SIZE}" font-weight="600" fill="#10141a">${escapeHtml(label)}</text>`
    );
  });
  return drawn.join('');
}

function boxSvg({ bbox, color, dash }: DrawnBox, scale: number): string {
  const [x, y, w, h] = bbox.map((value) => value * scale);
  const rect = `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="1.5" fill="none"`;
  const dashes = dash ? ` stroke-dasharray="${dash}"` : '';
  return (
    `${rect} stroke="#000" stroke-opacity="0.5" ` +
    `stroke-width="3.6"${dashes}/>${rect} stroke="${color}" stroke-width="2"${dashes}/>`
  );
}

/**
 * A picture with boxes, scaled to `width` pixels.
 * @param picture a picture file, or decoded pixels
 * @returns a PNG file's bytes
 */
export async function drawBoxes(
  picture: string | Picture,
  boxes: readonly DrawnBox[],
  { width = 280 } = {},
): Promise<Buffer> {
  const { data, ...size } = typeof picture === 'string' ? await decode(picture) : picture;
  const scale = width / size.width;
  const height = Math.max(1, Math.round(size.height * scale));
  const overlay =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${FONT}">` +
    `${boxes.map((box) => boxSvg(box, scale)).join('')}${labelsSvg(boxes, scale, { width, height })}</svg>`;
  return sharp(data, { raw: { ...size, channels: 3 } })
    .resize(width, height, { kernel: 'cubic', fit: 'fill' })
    .composite([{ input: await svgToPng(overlay, { scale: 1 }) }])
    .png()
    .toBuffer();
}

/** A picture of a sheet. */
export interface Panel {
  /** PNG or JPEG file's bytes. */
  image: Buffer;
  title?: string;
}

/**
 * Panels in rows of `columns`, each under its title, on a transparent ground.
 * @returns a PNG file's bytes, of 256 colours with dithering, which takes a quarter of the room:
 *   sheets are kept in notebooks
 */
export async function contactSheet(panels: readonly Panel[], { columns = 4, gap = 12 } = {}): Promise<Buffer> {
  if (!panels.length) throw new Error('contactSheet: there is no panel to draw');
  const sizes = await Promise.all(panels.map(({ image }) => sharp(image).metadata()));
  const width = Math.max(...sizes.map((size) => size.width));
  const height = Math.max(...sizes.map((size) => size.height));
  const titleHeight = panels.some(({ title }) => title) ? 22 : 0;
  const used = Math.min(columns, panels.length);
  const sheet = {
    width: used * (width + gap) - gap,
    height: Math.ceil(panels.length / used) * (height + titleHeight + gap) - gap,
  };
  const corner = (i: number): { left: number; top: number } => ({
    left: (i % used) * (width + gap),
    top: Math.floor(i / used) * (height + titleHeight + gap),
  });
  const titles = panels.map(({ title = '' }, i) => {
    const { left, top } = corner(i);
    const fontSize = Math.min(TITLE_SIZE, (TITLE_SIZE * width) / textWidth(title, TITLE_SIZE, true));
    return (
      `<text x="${left}" y="${top + 15}" font-size="${fontSize}" ` +
      `font-weight="600" fill="${TEXT_COLOR}">${escapeHtml(title)}</text>`
    );
  });
  const text =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${sheet.width}" ` +
    `height="${sheet.height}" font-family="${FONT}">${titles.join('')}</svg>`;
  const images = panels.map(({ image }, i) => ({
    input: image,
    left: corner(i).left,
    top: corner(i).top + titleHeight,
  }));
  return sharp({ create: { ...sheet, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
    .composite([...images, { input: await svgToPng(text, { scale: 1 }), left: 0, top: 0 }])
    .png({ palette: true, colours: 256, dither: 0.6, effort: 10 })
    .toBuffer();
}
