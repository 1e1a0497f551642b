/**
 * COCO-C's frost: a part of a frosted pane laid over the picture.
 *
 * The reference lays photographs over it (frost1 to frost5; a sixth one is never drawn). They come
 * inside its package under the Apache licence, without a word on who took them, so they are not
 * part of this project: panes of our own, made by `pane`, take their place, with about their
 * brightness and contrast. Values under frost are therefore NOT comparable with published ones.
 * Given a folder that holds the reference's pictures (`pip download --no-deps imagecorruptions` and
 * unzip: imagecorruptions/frost) they are used, and are comparable.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../core/random';
import { decode, type Picture } from '../image';
import { plasma } from './plasma';

const PANES = 5;
const SIDE = 512;

/** @param folder of frost1 to frost5 as .png or .jpg; without it our own panes are used */
export async function frost(picture: Picture, severity: number, random: Random, folder?: string): Promise<Picture> {
  const [share, amount] = [[1, 0.4], [0.8, 0.6], [0.7, 0.7], [0.65, 0.7], [0.6, 0.75]][severity - 1];
  const index = random.int(PANES);
  const source = folder === undefined ? ownPane(index) : await photograph(folder, index);
  const { width, height } = picture;
  // Where both sides are too small the reference takes the larger factor, where one is that one:
  // always the larger of the two and 1.
  const scale = Math.max(1, height / source.height, width / source.width) * 1.1;
  const [fullWidth, fullHeight] = [Math.ceil(source.width * scale), Math.ceil(source.height * scale)];
  const top = random.int(fullHeight - height);
  const left = random.int(fullWidth - width);
  const part = resizedPart(source, fullWidth, fullHeight, { left, top, width, height });
  return { width, height, data: picture.data.map((value, i) => Math.min(share * value + amount * part[i], 255)) };
}

const photographs = new Map<string, Promise<Picture>>();

function photograph(folder: string, index: number): Promise<Picture> {
  const name = join(folder, `frost${index + 1}`);
  const file = [`${name}.png`, `${name}.jpg`].find((candidate) => existsSync(candidate));
  if (!file)
    throw new Error(
      `frost: there is no ${name}.png or .jpg; the folder should hold frost1 ` +
        `to frost${PANES} of the package imagecorruptions`,
    );
  const known = photographs.get(file) ?? decode(file);
  photographs.set(file, known);
  return known;
}

const panes = new Map<number, Picture>();

function ownPane(index: number): Picture {
  const known = panes.get(index) ?? pane(new Random('frost').fork(index));
  panes.set(index, known);
  return known;
}

/**
 * Bright ridges where clouds cross their middle height, fine ones over coarse ones, cold in colour:
 * mean (144, 156, 172), deviation about 30.
 */
function pane(random: Random): Picture {
  const layers = [2.2, 1.7, 1.4].map((decay) => plasma(SIDE, decay, random));
  const ice = layers[0].map((_, i) => layers.reduce((sum, layer) => sum + (1 - Math.abs(2 * layer[i] - 1)) ** 2, 0));
  const mean = ice.reduce((sum, value) => sum + value, 0) / ice.length;
  const deviation = Math.sqrt(ice.reduce((sum, value) => sum + (value - mean) ** 2, 0) / ice.length);
  const data = new Uint8Array(SIDE * SIDE * 3);
  ice.forEach((value, i) =>
    data.set(
      [144, 156, 172].map((base) => Math.min(Math.max(base + (30 * (value - mean)) / deviation, 0), 255)),
      3 * i,
    ),
  );
  return { width: SIDE, height: SIDE, data };
}

/** Bytes [height, width, 3] of a part of `cv2.resize(source, (fullWidth, fullHeight), INTER_CUBIC)`. */
function resizedPart(
  source: Picture,
  fullWidth: number,
  fullHeight: number,
  part: { left: number; top: number; width: number; height: number },
): Uint8ClampedArray {
  const columns = cubicTaps(source.width, fullWidth, part.left, part.width);
  const rows = cubicTaps(source.height, fullHeight, part.top, part.height);
  const result = new Uint8ClampedArray(part.width * part.height * 3); // rounds half to even
  const along = (start: number, { places, weights }: CubicTaps, stride: number): number =>
    places.reduce((sum, place, k) => sum + weights[k] * source.data[start + place * stride], 0);
  let o = 0;
  for (const { places, weights } of rows)
    for (const column of columns)
      for (let c = 0; c < 3; c++)
        result[o++] = places.reduce(
          (sum, place, k) => sum + weights[k] * along(place * source.width * 3 + c, column, 3),
          0,
        );
  return result;
}

interface CubicTaps {
  places: number[];
  weights: number[];
}

/**
 * Four source positions and weights (cubic convolution with a = -0.75) for `count` positions from
 * `first` of a side resized from `from` to `to`.
 */
function cubicTaps(from: number, to: number, first: number, count: number): CubicTaps[] {
  const near = (t: number): number => (1.25 * t - 2.25) * t * t + 1;
  const far = (t: number): number => ((-0.75 * t + 3.75) * t - 6) * t + 3;
  return Array.from({ length: count }, (_, i) => {
    const position = (first + i + 0.5) * (from / to) - 0.5;
    const low = Math.floor(position);
    const t = position - low;
    const places = [-1, 0, 1, 2].map((k) => Math.min(Math.max(low + k, 0), from - 1));
    return { places, weights: [far(1 + t), near(t), near(1 - t), far(2 - t)] };
  });
}
