/**
 * A folder with annotations of Pascal VOC, YOLO or COCO's JSON becomes a folder in COCO's layout,
 * with a train and a val split. The same set gives the same files whichever format it came in:
 * pictures are sorted by their names and categories by theirs, both numbered from 1; boxes stand in
 * hundredths of a pixel, clipped to their picture.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { CocoInstances } from '../types';
import { jsonFiles, readCocoJson } from './coco-json';
import { drawSplit } from './draw-split';
import { dropLines, type Dropped, type Reading } from './labelled';
import { named, withBoxesInside, type NamedPicture } from './place';
import { keyOf, openSource, type Source, type SplitName } from './source';
import { readVoc, vocFiles } from './voc';
import { writeSet } from './write';
import { readYolo, yoloFiles } from './yolo';

export const importFormats = ['voc', 'yolo', 'coco'] as const;
export type ImportFormat = (typeof importFormats)[number];

export interface ImportOptions {
  /** Where the set goes: a folder that is new or empty. */
  to: string;
  /** Default: what the folder's files are. */
  format?: ImportFormat;
  /** Share of the pictures for validation, where the set has no such split. Default 0.2. */
  val?: number;
  /** Of that draw. Default 1. */
  seed?: number;
  /** Copies pictures; else they are linked where the disk allows it. */
  copy?: boolean;
  signal?: AbortSignal;
  /** Pictures looked at, of all. */
  progress?(done: number, total: number): void;
}

export interface Imported {
  format: ImportFormat;
  /** Pictures and boxes of each split that was written. */
  splits: Partial<Record<SplitName, { pictures: number; boxes: number }>>;
  categories: readonly string[];
  /** How val was drawn, where the set had none. */
  drawn?: { val: number; seed: number };
  /** Boxes that reached past their picture. */
  clipped: number;
  dropped: readonly Dropped[];
}

const READERS: Record<ImportFormat, (source: Source) => Reading> = { voc: readVoc, yolo: readYolo, coco: readCocoJson };

/**
 * Converts `folder` into `options.to`, where `import.json` lists all that was left out. The target
 * appears as a whole or not at all, and nothing is written elsewhere.
 * @throws where it is not empty, or nothing can be taken from the folder
 */
export async function importFolder(folder: string, options: ImportOptions): Promise<Imported> {
  const { to, val = 0.2, seed = 1, copy = false, signal, progress = () => undefined } = options;
  if (!fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`there is no folder ${folder}`);
  if (fs.existsSync(to) && !(fs.statSync(to).isDirectory() && fs.readdirSync(to).length === 0))
    throw new Error(`${to} is there and not empty: choose another --to, for nothing is overwritten`);
  const source = await openSource(folder, progress, signal);
  const format = options.format ?? formatOf(source);
  const reading = READERS[format](source);
  const dropped = [...source.broken, ...withoutBroken(reading.dropped, source)];
  const inside = reading.pictures.map((picture) => withBoxesInside(picture, dropped));
  const used = new Set(inside.flatMap(({ boxes }) => boxes.map(({ name }) => name)));
  if (used.size === 0) throw new Error([`${folder}: no box is left to take`, ...dropLines(dropped)].join('\n'));
  for (const name of reading.categories)
    if (!used.has(name)) dropped.push({ kind: 'unused-category', file: name, what: 'no box is of it' });
  const { pictures, drawn } = withVal(named(inside), val, seed, folder);
  const categories = [...used].sort();
  const splits = instancesOf(pictures, categories);
  const counts = [...splits].map(([split, { images, annotations }]) => [
    split,
    { pictures: images.length, boxes: annotations.length },
  ]);
  const summary: Imported = {
    format,
    splits: Object.fromEntries(counts) as Imported['splits'],
    categories,
    ...(drawn && { drawn }),
    clipped: inside.reduce((sum, { clipped }) => sum + clipped, 0),
    dropped,
  };
  writeSet(
    to,
    {
      pictures: pictures.map(({ picture, ...rest }) => ({ ...rest, file: path.join(folder, picture.path) })),
      splits,
      summary,
    },
    copy,
  );
  return summary;
}

/** @throws where it is none, or could be two */
function formatOf(source: Source): ImportFormat {
  const { folder, files } = source;
  const found = [
    ...(vocFiles(files).length > 0 ? (['voc'] as const) : []),
    ...(yoloFiles(source).length > 0 ? (['yolo'] as const) : []),
  ];
  if (found.length === 2)
    throw new Error(
      `${folder} has annotations as XML and as text: say which to take, by --format voc or --format yolo`,
    );
  if (found.length === 1) return found[0];
  if (jsonFiles(files).length > 0) return 'coco';
  throw new Error(
    `${folder}: no annotations are there; Pascal VOC's XML, YOLO's text (one a picture, of its name) and COCO's JSON ` +
      'are read',
  );
}

/** Annotations of a picture that cannot be decoded are no fault of their own. */
function withoutBroken(dropped: readonly Dropped[], { broken }: Source): Dropped[] {
  const keys = new Set(broken.map(({ file }) => keyOf(file)));
  return dropped.filter(({ kind, file }) => kind !== 'no-picture' || !keys.has(keyOf(file)));
}

type InSplit = NamedPicture & { split: SplitName };

/** Each picture's split; where none is of val, a part of the others is drawn. */
function withVal(
  pictures: readonly NamedPicture[],
  val: number,
  seed: number,
  folder: string,
): { pictures: InSplit[]; drawn?: Imported['drawn'] } {
  const all = pictures.map((picture): InSplit => ({ ...picture, split: picture.split ?? 'train' }));
  const names = all.filter(({ split }) => split === 'train').map(({ name }) => name);
  if (all.some(({ split }) => split === 'val')) {
    if (names.length > 0) return { pictures: all };
    throw new Error(`${folder}: all its pictures are of val or test, and none is left to train on`);
  }
  if (names.length < 2)
    throw new Error(`${folder}: of ${names.length} pictures to train on none can be held out; two at least are needed`);
  const held = drawSplit(names, val, seed);
  return {
    pictures: all.map((picture) => (held.has(picture.name) ? { ...picture, split: 'val' } : picture)),
    drawn: { val, seed },
  };
}

/** The annotation file of each split; ids are counted through all of them. */
function instancesOf(pictures: readonly InSplit[], names: readonly string[]): Map<SplitName, CocoInstances> {
  const categories = names.map((name, i) => ({ id: i + 1, name }));
  const splits = new Map<SplitName, CocoInstances>();
  let boxes = 0;
  for (const [i, { picture, name, split, boxes: own }] of pictures.entries()) {
    const instances = splits.get(split) ?? { images: [], annotations: [], categories };
    splits.set(split, instances);
    const image_id = i + 1;
    instances.images.push({ id: image_id, file_name: name, width: picture.width, height: picture.height });
    for (const { name: category, bbox, area = bbox[2] * bbox[3], iscrowd = 0, ignore } of own)
      instances.annotations.push({
        id: ++boxes,
        image_id,
        category_id: names.indexOf(category) + 1,
        bbox,
        area: Math.round(100 * area) / 100,
        iscrowd,
        ...(ignore && { ignore }),
      });
  }
  return splits;
}
