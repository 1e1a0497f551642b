/**
 * A split with a class for every pixel: picture files, and beside each a PNG of its size whose pixels
 * are numbers of classes. Opening lists the files; they are read later, by the loader.
 */
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode, type Picture } from '../coco/image';
import { DatasetError, type ProblemKind } from '../coco/problems';
import { IGNORED, type LabelMap } from '../data/label-map';
import { decodeIndexPng } from './index-png';

export interface SemanticImage {
  /** Position among the split's files by name, from 1. */
  id: number;
  file: string;
  labels: string;
}

export interface SemanticDataset {
  readonly folder: string;
  readonly split: string;
  /** Names, by class index. */
  readonly classes: readonly string[];
  readonly images: readonly SemanticImage[];
  /** [256]: the class of each number in a label file, or `IGNORED`. */
  readonly table: Uint8Array;
}

export interface SemanticOptions {
  /** Folder of the split's pictures. */
  pictures: string;
  /** Folder of its label maps. */
  labels: string;
  classes: readonly string[];
  /** Default: the name of the label file is the picture's with the ending .png. */
  labelFileOf?(picture: string): string;
  /** The class of a number in a label file. Default: the number itself, 255 being ignored. */
  classOf?: Readonly<Record<number, number>>;
}

const ENDINGS = /\.(png|jpe?g|webp|bmp|tiff?)$/i;

/**
 * Throws an Error that names the folder where there are no pictures, and a DatasetError that names
 * each picture without a label map.
 */
export function openSemantic(folder: string, split: string, options: SemanticOptions): SemanticDataset {
  const { pictures, labels, classes, classOf } = options;
  const { labelFileOf = (name: string): string => name.replace(ENDINGS, '.png') } = options;
  const names = existsSync(pictures) ? readdirSync(pictures).filter((name) => ENDINGS.test(name)).sort() : [];
  if (names.length === 0) throw new Error(`${pictures}: there are no pictures; is ${folder} the right folder?`);
  const images = names.map((name, i) => ({
    id: i + 1,
    file: join(pictures, name),
    labels: join(labels, labelFileOf(name)),
  }));
  const missing = images.filter((image) => !existsSync(image.labels));
  if (missing.length > 0)
    throw new DatasetError(
      missing.map(({ id, file, labels: path }) => ({
        kind: 'missing-image',
        file: path,
        id,
        message: `${path} is missing, the label map of ${file}; put it there, or remove the picture.`,
      })),
    );
  return { folder, split, classes, images, table: tableOf(classOf, classes.length) };
}

function tableOf(classOf: SemanticOptions['classOf'], classes: number): Uint8Array {
  const table = new Uint8Array(256).fill(IGNORED);
  if (!classOf) return table.map((_, number) => number); // the reader checks them
  for (const [number, index] of Object.entries(classOf)) {
    if (!(index === IGNORED || (Number.isInteger(index) && index >= 0 && index < classes)))
      throw new RangeError(`classOf: ${number} should be a class from 0 to ${classes - 1} or ${IGNORED}, is ${index}`);
    table[Number(number)] = index;
  }
  return table;
}

/**
 * Reads a picture and its label map.
 * @throws DatasetError that names the file where one is broken, sizes differ, or a number is no class
 */
export async function readLabelled(
  { file, labels: path, id }: SemanticImage,
  { table, classes }: Pick<SemanticDataset, 'table' | 'classes'>,
): Promise<{ picture: Picture; map: LabelMap }> {
  const fail = (kind: ProblemKind, at: string, what: string): never => {
    throw new DatasetError([{ kind, file: at, id, message: `${at} ${what}` }]);
  };
  const unreadable = (at: string) => (error: unknown): never =>
    fail('bad-image', at, `cannot be read (${(error as Error).message}); download or export it again.`);
  const picture = await decode(file).catch(unreadable(file));
  const raw = await readFile(path).then(decodeIndexPng).catch(unreadable(path));
  const [{ width, height }, { width: w, height: h }] = [picture, raw];
  if (width !== w || height !== h)
    return fail('image-size', path, `is ${w}x${h}, but its picture ${file} is ${width}x${height}.`);
  const labels = raw.labels.map((number) => table[number]);
  const wrong = labels.findIndex((label) => label >= classes.length && label !== IGNORED);
  if (wrong >= 0)
    return fail(
      'unknown-category',
      path,
      `has the number ${raw.labels[wrong]} at pixel ${wrong % width}, ${Math.floor(wrong / width)}, where there ` +
        `are ${classes.length} classes; correct it, or say by classOf what it means.`,
    );
  return { picture, map: { width, height, labels } };
}
