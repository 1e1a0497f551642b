/** Boxes into their pictures, and pictures under names that no two of them share. */
import * as path from 'node:path';
import { clipped, hasArea } from '../training-boxes';
import type { Dropped, LabelledBox, LabelledPicture } from './labelled';

/** A box of so many pixels over an edge is one that was rounded, and not counted. */
const TOLERANCE = 1;

/** COCO's own precision, and more than six decimals of a part of a picture have. */
const rounded = (value: number): number => Math.round(100 * value) / 100;

/**
 * The picture with its boxes in hundredths of a pixel, clipped to it; what has no area there is
 * dropped.
 */
export function withBoxesInside(
  { picture, split, boxes }: LabelledPicture,
  dropped: Dropped[],
): LabelledPicture & { clipped: number } {
  let count = 0;
  const inside = boxes.flatMap((box): LabelledBox[] => {
    const [x, y, w, h] = box.bbox;
    const drop = (kind: Dropped['kind'], what: string): [] => {
      dropped.push({
        kind,
        file: picture.path,
        what: `box [${box.bbox.map(rounded).join(', ')}] of ${box.name} ${what}`,
      });
      return [];
    };
    if (!(w > 0 && h > 0)) return drop('box-size', 'has no area');
    const corners = clipped(box.bbox, picture);
    if (!hasArea(corners)) return drop('box-outside', `lies outside ${picture.width}x${picture.height}`);
    const [x1, y1, x2, y2] = corners;
    if (Math.max(x1 - x, y1 - y, x + w - x2, y + h - y2) > TOLERANCE) count++;
    const bbox: LabelledBox['bbox'] = [rounded(x1), rounded(y1), rounded(x2 - x1), rounded(y2 - y1)];
    if (bbox[2] <= 0 || bbox[3] <= 0) return drop('box-size', 'has no area');
    return [{ ...box, bbox }];
  });
  return { picture, split, boxes: inside, clipped: count };
}

/** A picture with the name that its file is given. */
export interface NamedPicture extends LabelledPicture {
  name: string;
}

/** A name that every file system takes. */
const fileName = (text: string): string => text.replace(/[\\/:*?"<>|\p{Cc}]/gu, '-').replace(/^\./, '-');

/**
 * Sorted by their names: those of the files where these differ, upper and lower case being one,
 * else with their folders before them.
 */
export function named(pictures: readonly LabelledPicture[]): NamedPicture[] {
  const short = ({ picture }: LabelledPicture): string => fileName(path.posix.basename(picture.path));
  const counts = new Map<string, number>();
  for (const picture of pictures) {
    const name = short(picture).toLowerCase();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const taken = new Set<string>();
  const result = pictures.map((picture) => {
    const isAlone = counts.get(short(picture).toLowerCase()) === 1;
    const { name: stem, ext } = path.posix.parse(isAlone ? short(picture) : fileName(picture.picture.path));
    let name = `${stem}${ext}`;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${stem}-${n}${ext}`;
    taken.add(name.toLowerCase());
    return { ...picture, name };
  });
  return result.sort((a, b) => (a.name < b.name ? -1 : 1));
}
