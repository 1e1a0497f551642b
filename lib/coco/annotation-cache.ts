/**
 * The checked content of a large annotation file, kept beside it in columns
 * (`.<name>.freekd-cache`), so that it is read in a second or two the next time. It holds for the
 * bytes of the file and for this layout, and is used only if its own bytes are those that were
 * written and all its columns are as they should be: a cache that is damaged or odd, or cannot be
 * written, is as good as none.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { oddityKinds, type Oddities } from './forms';
import { PROBLEM_KINDS, type Problem } from './problems';
import type { CocoAnnotation, CocoCategory, CocoInstances } from './types';

/** Of this layout and of the checks whose outcome it holds: count up when either changes. */
const VERSION = 3;
/** Smaller files are read as fast without. */
const SMALLEST = 8e6;
/** Bytes of the file that are hashed at a time. */
const CHUNK = 1 << 22;
/** Bytes of a SHA-256. */
const DIGEST = 32;

export interface Checked {
  instances: CocoInstances;
  problems: Problem[];
  /** What was accepted in a form of its own. */
  oddities: Oddities;
  /** Annotations in the file, good and bad. */
  boxes: number;
}

interface Stored {
  key: string;
  images: { id: Float64Array; width: Float64Array; height: Float64Array; file_name: string[] };
  annotations: {
    id: Float64Array;
    image_id: Float64Array;
    category_id: Float64Array;
    bbox: Float64Array;
    area: Float64Array;
    iscrowd: Uint8Array;
    ignore: Uint8Array;
  };
  categories: CocoCategory[];
  /** `message` without the path before it, which may be another one the next time. */
  problems: Omit<Problem, 'file'>[];
  oddities: Oddities;
  boxes: number;
}

const place = (path: string): string => join(dirname(path), `.${basename(path)}.freekd-cache`);
const column = <T>(rows: readonly T[], of: (row: T) => number): Float64Array => Float64Array.from(rows, of);
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** What identifies the content of `path`; nothing where it is missing or too small to be kept. */
export function cacheKey(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size < SMALLEST) return undefined;
  const hash = createHash('sha256');
  const bytes = Buffer.allocUnsafe(CHUNK);
  const file = openSync(path, 'r');
  try {
    for (let read; (read = readSync(file, bytes)) > 0;) hash.update(bytes.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return `${VERSION} ${hash.digest('hex')}`;
}

/** What is kept for `key`, if anything. */
export function readCache(path: string, key: string): Checked | undefined {
  let stored: unknown;
  try {
    const bytes = readFileSync(place(path));
    const content = bytes.subarray(DIGEST);
    if (!sha256(content).equals(bytes.subarray(0, DIGEST))) return undefined;
    stored = deserialize(content);
  } catch {
    return undefined;
  }
  if (!isStored(stored) || stored.key !== key) return undefined;
  const { images, annotations, categories, problems, oddities, boxes } = stored;
  const boxOf = (i: number): CocoAnnotation['bbox'] => {
    const { bbox } = annotations;
    return [bbox[4 * i], bbox[4 * i + 1], bbox[4 * i + 2], bbox[4 * i + 3]];
  };
  return {
    instances: {
      images: images.file_name.map((file_name, i) => ({
        id: images.id[i],
        file_name,
        width: images.width[i],
        height: images.height[i],
      })),
      annotations: Array.from(annotations.id, (id, i) => ({
        id,
        image_id: annotations.image_id[i],
        category_id: annotations.category_id[i],
        bbox: boxOf(i),
        area: annotations.area[i],
        iscrowd: annotations.iscrowd[i] as 0 | 1,
        ...(annotations.ignore[i] ? { ignore: 1 as const } : {}),
      })),
      categories,
    },
    problems: problems.map(({ kind, id, message }) => ({ kind, file: path, id, message: path + message })),
    oddities,
    boxes,
  };
}

/** Whether what was read has every column, of one length each. */
function isStored(value: unknown): value is Stored {
  const { key, images, annotations, categories, problems, oddities, boxes } = (value ?? {}) as Partial<Stored>;
  const numbers = (column: unknown, length: number): boolean =>
    column instanceof Float64Array && column.length === length && column.every(Number.isFinite);
  const flags = (column: unknown, length: number): boolean =>
    column instanceof Uint8Array && column.length === length && column.every((flag) => flag <= 1);
  const list = <T>(rows: T[] | undefined, good: (row: T) => boolean): boolean =>
    Array.isArray(rows) && rows.every((row) => row !== null && good(row));
  const pictures = images?.file_name?.length ?? NaN;
  const objects = annotations?.id?.length ?? NaN;
  return (
    typeof key === 'string' &&
    list(images?.file_name, (name) => typeof name === 'string') &&
    [images?.id, images?.width, images?.height].every((column) => numbers(column, pictures)) &&
    [annotations?.id, annotations?.image_id, annotations?.category_id, annotations?.area].every((column) =>
      numbers(column, objects),
    ) &&
    numbers(annotations?.bbox, 4 * objects) &&
    [annotations?.iscrowd, annotations?.ignore].every((column) => flags(column, objects)) &&
    list(categories, ({ id, name }) => Number.isSafeInteger(id) && typeof name === 'string') &&
    list(problems, ({ kind, message }) => PROBLEM_KINDS.includes(kind) && typeof message === 'string') &&
    oddityKinds.every((kind) => Number.isSafeInteger(oddities?.[kind])) &&
    Number.isSafeInteger(boxes)
  );
}

export function writeCache(path: string, key: string, { instances, problems, oddities, boxes }: Checked): void {
  const { images, annotations, categories } = instances;
  const bbox = new Float64Array(4 * annotations.length);
  annotations.forEach((annotation, i) => bbox.set(annotation.bbox, 4 * i));
  const stored: Stored = {
    key,
    images: {
      id: column(images, ({ id }) => id),
      width: column(images, ({ width }) => width),
      height: column(images, ({ height }) => height),
      file_name: images.map(({ file_name }) => file_name),
    },
    annotations: {
      id: column(annotations, ({ id }) => id),
      image_id: column(annotations, ({ image_id }) => image_id),
      category_id: column(annotations, ({ category_id }) => category_id),
      bbox,
      area: column(annotations, ({ area }) => area),
      iscrowd: Uint8Array.from(annotations, ({ iscrowd }) => iscrowd),
      ignore: Uint8Array.from(annotations, ({ ignore = 0 }) => ignore),
    },
    categories,
    problems: problems.map(({ kind, id, message }) => ({ kind, id, message: message.slice(path.length) })),
    oddities,
    boxes,
  };
  const temporary = `${place(path)}.${process.pid}`;
  try {
    const content = serialize(stored);
    writeFileSync(temporary, sha256(content));
    writeFileSync(temporary, content, { flag: 'a' });
    renameSync(temporary, place(path));
  } catch {
    rmSync(temporary, { force: true }); // a folder that cannot be written: no cache
  }
}
