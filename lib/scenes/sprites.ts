/**
 * Emoji as pixels: every SVG that a scene may show, rasterised by resvg at several sizes.
 *
 * Twemoji's pictures are flat fills (no gradients, filters or text), so that nothing depends on
 * installed fonts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';

/** One rasterisation of the whole square canvas. */
export interface SpriteLevel {
  /** Height and width in pixels, without the frame. */
  side: number;
  /**
   * [side + 2, side + 2, 4] red, green, blue, alpha, 0..255, colours multiplied by alpha; a
   * transparent frame of one pixel spares the sampling its border cases.
   */
  pixels: Uint8Array;
}

export interface Sprite {
  emoji: string;
  /** The drawn part of the canvas in units of its side: centre and size. */
  centre: readonly [number, number];
  extent: readonly [number, number];
  /** Rising by powers of two. */
  levels: SpriteLevel[];
}

/**
 * Rasterises `emoji` at powers of two from 16 until the drawn part's longer side reaches `maxSize`
 * pixels.
 */
export function loadSprite(emoji: string, maxSize: number): Sprite {
  const folder = dirname(require.resolve('@twemoji/svg/package.json'));
  const file = join(folder, `${emoji}.svg`);
  if (!existsSync(file)) {
    throw new Error(
      `emoji scenes: @twemoji/svg has no ${emoji}.svg; its version must be the one in package-lock.json: run npm ci`,
    );
  }
  const svg = readFileSync(file, 'utf8');
  const levels: SpriteLevel[] = [];
  let side = 8;
  let box: Box;
  do {
    side *= 2;
    const image = new Resvg(svg, { fitTo: { mode: 'width', value: side }, font: { loadSystemFonts: false } }).render();
    levels.push({ side, pixels: framed(image.pixels, side) });
    box = drawnBox(levels[levels.length - 1]);
  } while (Math.max(box.right - box.left, box.bottom - box.top) < maxSize);
  return {
    emoji,
    centre: [(box.left + box.right) / 2 / side, (box.top + box.bottom) / 2 / side],
    extent: [(box.right - box.left) / side, (box.bottom - box.top) / side],
    levels,
  };
}

/** [side, side, 4] in a transparent frame. */
function framed(pixels: Uint8Array, side: number): Uint8Array {
  const result = new Uint8Array((side + 2) ** 2 * 4);
  for (let y = 0; y < side; y++) {
    result.set(pixels.subarray(y * side * 4, (y + 1) * side * 4), ((y + 1) * (side + 2) + 1) * 4);
  }
  return result;
}

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** The pixels that are at least half covered: first column and row, last ones plus one. */
function drawnBox({ side, pixels }: SpriteLevel): Box {
  const box = { left: side, top: side, right: 0, bottom: 0 };
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (pixels[((y + 1) * (side + 2) + x + 1) * 4 + 3] < 128) continue;
      box.left = Math.min(box.left, x);
      box.top = Math.min(box.top, y);
      box.right = Math.max(box.right, x + 1);
      box.bottom = Math.max(box.bottom, y + 1);
    }
  }
  return box;
}
