/**
 * One emoji on a picture: an affine map of a sprite, sampled with anti-aliasing and laid over what
 * is there.
 */
import type { Sprite, SpriteLevel } from './sprites';

export interface Placement {
  /** Where the drawn part's centre comes to lie, in pixels of the picture. */
  x: number;
  y: number;
  /**
   * Longer side of the drawn part before rotation, in pixels, and the factors by which its two axes
   * are stretched.
   */
  size: number;
  stretchX: number;
  stretchY: number;
  /** Radians, clockwise as seen. */
  angle: number;
  mirrored: boolean;
}

/** The rectangle of the picture that a placed sprite may touch, with its colours. */
export interface Patch {
  left: number;
  top: number;
  width: number;
  height: number;
  /** [height, width, 4] red, green, blue, alpha, 0..255, colours multiplied by alpha. */
  pixels: Float32Array;
  /** Pixels that are at least half covered, also those outside the picture: the object's full area. */
  area: number;
}

/** Sample points of one pixel, along each axis. */
const subsamples = [-0.25, 0.25];

/**
 * Samples `sprite` under `placement`: four bilinear samples a pixel, from the smallest
 * rasterisation that is not enlarged. The patch is not clipped to the picture.
 */
export function placeSprite(sprite: Sprite, placement: Placement): Patch {
  const [extentX, extentY] = sprite.extent;
  const scale = placement.size / Math.max(extentX, extentY); // pixels of the picture for one canvas side
  const level = sprite.levels.find(({ side }) => side >= scale) ?? sprite.levels[sprite.levels.length - 1];
  const scaleX = scale * placement.stretchX * (placement.mirrored ? -1 : 1);
  const scaleY = scale * placement.stretchY;
  const cosine = Math.cos(placement.angle);
  const sine = Math.sin(placement.angle);

  const halfWidth = (Math.abs(scaleX * cosine) * extentX + Math.abs(scaleY * sine) * extentY) / 2 + 1;
  const halfHeight = (Math.abs(scaleX * sine) * extentX + Math.abs(scaleY * cosine) * extentY) / 2 + 1;
  const left = Math.floor(placement.x - halfWidth);
  const top = Math.floor(placement.y - halfHeight);
  const width = Math.ceil(placement.x + halfWidth) - left;
  const height = Math.ceil(placement.y + halfHeight) - top;

  const pixels = new Float32Array(width * height * 4); // [H, W, 4]
  const colour = new Float64Array(4);
  let area = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      colour.fill(0);
      for (const offsetY of subsamples) {
        for (const offsetX of subsamples) {
          const dx = left + x + 0.5 + offsetX - placement.x;
          const dy = top + y + 0.5 + offsetY - placement.y;
          const u = (dx * cosine + dy * sine) / scaleX + sprite.centre[0];
          const v = (dy * cosine - dx * sine) / scaleY + sprite.centre[1];
          addBilinear(level, u * level.side - 0.5, v * level.side - 0.5, colour);
        }
      }
      const at = (y * width + x) * 4;
      for (let c = 0; c < 4; c++) pixels[at + c] = colour[c] / (subsamples.length * subsamples.length);
      if (pixels[at + 3] >= 127.5) area++;
    }
  }
  return { left, top, width, height, pixels, area };
}

/**
 * Adds the bilinear sample at column `x`, row `y` (of pixel centres) to `colour`; outside the
 * canvas is nothing.
 */
function addBilinear({ side, pixels }: SpriteLevel, x: number, y: number, colour: Float64Array): void {
  if (!(x > -1 && x < side && y > -1 && y < side)) return;
  const column = Math.floor(x);
  const row = Math.floor(y);
  const right = x - column;
  const below = y - row;
  const upper = ((row + 1) * (side + 2) + column + 1) * 4; // the frame is one pixel wide
  const lower = upper + (side + 2) * 4;
  for (let c = 0; c < 4; c++) {
    const top = pixels[upper + c] * (1 - right) + pixels[upper + 4 + c] * right;
    const bottom = pixels[lower + c] * (1 - right) + pixels[lower + 4 + c] * right;
    colour[c] += top * (1 - below) + bottom * below;
  }
}

/** Lays `patch` over the picture [size, size, 3], its colours multiplied by `gain` [3]. */
export function compose(picture: Float32Array, size: number, patch: Patch, gain: readonly number[]): void {
  forEachInside(patch, size, (source, target) => {
    const clear = 1 - patch.pixels[source + 3] / 255;
    for (let c = 0; c < 3; c++) {
      const colour = Math.min(patch.pixels[source + c] * gain[c], patch.pixels[source + 3]);
      picture[target * 3 + c] = picture[target * 3 + c] * clear + colour;
    }
  });
}

/**
 * Calls `visit(index into patch.pixels, index of the pixel in the picture)` for the part of the
 * patch in the picture.
 */
export function forEachInside(patch: Patch, size: number, visit: (source: number, target: number) => void): void {
  for (let y = Math.max(0, -patch.top); y < Math.min(patch.height, size - patch.top); y++) {
    for (let x = Math.max(0, -patch.left); x < Math.min(patch.width, size - patch.left); x++) {
      visit((y * patch.width + x) * 4, (patch.top + y) * size + patch.left + x);
    }
  }
}
