/**
 * Annotations of Pascal VOC: an XML file a picture, as LabelImg, CVAT, Roboflow and Label Studio
 * write them too; splits by folders, or by the lists of `ImageSets/Main`.
 *
 * Corners count pixels from 1, as VOC's own do, and are taken as mmdetection takes them: x = xmin -
 * 1, y = ymin - 1, width = xmax - xmin, height = ymax - ymin; decimals are kept. "difficult" is
 * `ignore`, as there. Parts of objects are overlooked.
 */
import { XMLParser } from 'fast-xml-parser';
import { readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { shown } from '../forms';
import type { LabelledBox, LabelledPicture, Reading, Dropped } from './labelled';
import { keyOf, PictureFinder, splitOfFolders, type Source, type SplitName } from './source';

/** No annotation of a picture is as large. */
const MOST_BYTES = 2 ** 24;

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  isArray: (_, at) => at === 'annotation.object',
});

type Element = Record<string, unknown>;
const isElement = (value: unknown): value is Element =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const vocFiles = (files: readonly string[]): string[] => files.filter((file) => /\.xml$/i.test(file));

export function readVoc({ folder, files, pictures }: Source): Reading {
  const finder = new PictureFinder(pictures);
  const lists = splitLists(folder, files);
  const taken = new Map<string, LabelledPicture>();
  const dropped: Dropped[] = [];
  const spoken = new Set<string>();
  for (const file of vocFiles(files)) {
    const drop = (kind: Dropped['kind'], what: string): void => void dropped.push({ kind, file, what });
    const beside = finder.at(file);
    if (beside) spoken.add(beside.path);
    try {
      const annotation = annotationOf(path.join(folder, file));
      const { filename } = annotation;
      const named = typeof filename === 'string' && filename !== '' ? path.posix.basename(filename) : undefined;
      const picture = beside ?? (named && finder.at(path.posix.join(path.posix.dirname(file), named)));
      if (!picture) {
        drop('no-picture', `there is no picture of this name${named ? `, nor the ${named} of its "filename"` : ''}`);
        continue;
      }
      spoken.add(picture.path);
      const size = sizeOf(annotation);
      const { width, height } = picture;
      const [split] = lists.size === 0 ? [splitOfFolders(picture.path)] : [lists.get(keyOf(file))];
      const boxes = boxesOf(annotation);
      if (size && (size.width !== width || size.height !== height))
        drop('picture-size', `field "size" says ${size.width}x${size.height}, ${picture.path} is ${width}x${height}`);
      else if (lists.size > 0 && !split) drop('no-split', 'no list of ImageSets/Main names it');
      else if (taken.has(picture.path)) drop('broken-annotations', `${picture.path} has another annotation file too`);
      else taken.set(picture.path, { picture, split, boxes });
    } catch (error) {
      drop('broken-annotations', (error as Error).message);
    }
  }
  for (const { path: file } of pictures)
    if (!spoken.has(file)) dropped.push({ kind: 'no-annotations', file, what: 'no XML file belongs to it' });
  return { pictures: [...taken.values()], dropped, categories: [] };
}

function annotationOf(file: string): Element {
  if (statSync(file).size > MOST_BYTES) throw new Error(`the file has more than ${MOST_BYTES} bytes`);
  const text = readFileSync(file, 'utf8');
  // What it could declare, entities that grow without end among it, no annotation needs.
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw new Error('it declares a document type or entities; remove them');
  let annotation: unknown;
  try {
    ({ annotation } = parser.parse(text, true) as Element);
  } catch (error) {
    throw new Error(`it is no XML (${(error as Error).message.trim().split('\n')[0]})`);
  }
  if (!isElement(annotation)) throw new Error('there is no element "annotation"');
  return annotation;
}

/** Where it is said; some tools write 0. */
function sizeOf({ size }: Element): { width: number; height: number } | undefined {
  if (!isElement(size) || Number(size.width) === 0 || Number(size.height) === 0) return undefined;
  return { width: numberAt(size, 'size', 'width'), height: numberAt(size, 'size', 'height') };
}

function boxesOf({ object = [] }: Element): LabelledBox[] {
  return (object as unknown[]).map((entry, i) => {
    const at = `object[${i}]`;
    if (!isElement(entry)) throw new Error(`field "${at}" is ${shown(entry)}, expected name and bndbox`);
    const { name, bndbox, difficult } = entry;
    if (typeof name !== 'string' || name === '')
      throw new Error(`field "${at}.name" ${isOrMissing(name)}, expected a text`);
    if (!isElement(bndbox))
      throw new Error(`field "${at}.bndbox" ${isOrMissing(bndbox)}, expected xmin, ymin, xmax and ymax`);
    const [left, top, right, bottom] = ['xmin', 'ymin', 'xmax', 'ymax'].map((side) =>
      numberAt(bndbox, `${at}.bndbox`, side),
    );
    return {
      name,
      bbox: [left - 1, top - 1, right - left, bottom - top],
      ...(String(difficult) === '1' && { ignore: 1 as const }),
    };
  });
}

const isOrMissing = (value: unknown): string => (value === undefined ? 'is missing' : `is ${shown(value)}`);

function numberAt(element: Element, at: string, field: string): number {
  const text = element[field];
  const value = typeof text === 'string' && text.trim() !== '' ? Number(text) : NaN;
  if (!Number.isFinite(value)) throw new Error(`field "${at}.${field}" ${isOrMissing(text)}, expected a number`);
  return value;
}

/** The split of each picture, by its key, as ImageSets/Main lists it; train and val before trainval. */
function splitLists(folder: string, files: readonly string[]): Map<string, SplitName> {
  const splits = new Map<string, SplitName>();
  for (const [name, split] of [['train', 'train'], ['val', 'val'], ['test', 'test'], ['trainval', 'train']] as const)
    for (const file of files.filter((list) => new RegExp(`(^|/)ImageSets/Main/${name}\\.txt$`, 'i').test(list)))
      for (const line of readFileSync(path.join(folder, file), 'utf8').split(/\r?\n/)) {
        const id = line.trim();
        const key = keyOf(path.posix.join(path.posix.dirname(file), '../..', `${id}.xml`));
        if (id !== '' && !splits.has(key)) splits.set(key, split);
      }
  return splits;
}
