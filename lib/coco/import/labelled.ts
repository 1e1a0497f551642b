/** What readers of annotation formats hand on: pictures with boxes, and what was left out and why. */
import type { CocoAnnotation } from '../types';
import type { SplitName } from './source';

/** An object of a picture. */
export interface LabelledBox {
  /** Of its category. */
  name: string;
  /** x, y, width, height in pixels of the upright picture. */
  bbox: CocoAnnotation['bbox'];
  /** As an outline says; else that of the box. */
  area?: number;
  iscrowd?: 1;
  /** VOC's "difficult": not trained on. */
  ignore?: 1;
}

/** A picture file that could be decoded. */
export interface PictureFile {
  /** From the root of the folder that is imported, with slashes. */
  path: string;
  width: number;
  height: number;
}

export interface LabelledPicture {
  picture: PictureFile;
  split?: SplitName;
  boxes: LabelledBox[];
}

/** Why something is left out, as lists of it are titled. */
export const DROP_KINDS = {
  'broken-annotations': 'annotation files that cannot be read, with their pictures',
  'broken-row': 'rows of annotation files that cannot be used',
  'no-picture': 'annotations without a picture',
  'no-annotations': 'pictures without annotations',
  'broken-picture': 'pictures that cannot be decoded',
  'picture-size': 'pictures of another size than their annotations say',
  'no-split': 'pictures that no list of a split names',
  'box-size': 'boxes without area',
  'box-outside': 'boxes outside their picture',
  'unused-category': 'categories without a box',
} as const;

export type DropKind = keyof typeof DROP_KINDS;

export interface Dropped {
  kind: DropKind;
  /** From the root of the folder; of a category its name. */
  file: string;
  /** What is wrong, with the field. */
  what: string;
}

/** What a reader of a format found. */
export interface Reading {
  pictures: LabelledPicture[];
  dropped: Dropped[];
  /** Categories that the format lists, used or not. */
  categories: readonly string[];
}

/** Files that a line names. */
const NAMED = 5;

/** What was left out, some lines for each kind: how many, and the first of them. */
export function dropLines(dropped: readonly Dropped[]): string[] {
  return (Object.keys(DROP_KINDS) as DropKind[]).flatMap((kind) => {
    const found = dropped.filter((one) => one.kind === kind);
    if (found.length === 0) return [];
    const lines = found.slice(0, NAMED).map(({ file, what }) => `  ${file}: ${what}`);
    if (found.length > NAMED) lines.push(`  ... and ${found.length - NAMED} more`);
    return [`left out, ${DROP_KINDS[kind]}: ${found.length}`, ...lines];
  });
}
