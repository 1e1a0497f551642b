/**
 * The checked content of a large annotation file, kept beside it in columns
 * (`.<name>.freekd-cache`), so that it is read in a second the next time. It holds for the file's
 * size, date and this layout; a cache that is unreadable, or cannot be written, is as good as none.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { Problem } from './problems';
import type { CocoAnnotation, CocoCategory, CocoInstances } from './types';

/** Of this layout and of the checks whose outcome it holds: count up when either changes. */
const VERSION = 1;
/** Smaller files are read as fast without. */
const SMALLEST = 8e6;

export interface Checked {
  instances: CocoInstances;
  problems: Problem[];
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
  };
  categories: CocoCategory[];
  /** `message` without the path before it, which may be another one the next time. */
  problems: Omit<Problem, 'file'>[];
}

const place = (path: string): string => join(dirname(path), `.${basename(path)}.freekd-cache`);
const column = <T>(rows: readonly T[], of: (row: T) => number): Float64Array => Float64Array.from(rows, of);

/** What identifies the content of `path`; nothing where it is too small to be kept. */
export function cacheKey(path: string): string | undefined {
  const { size, mtimeMs } = statSync(path);
  return size < SMALLEST ? undefined : `${VERSION} ${size} ${mtimeMs}`;
}

/** What is kept for `key`, if anything. */
export function readCache(path: string, key: string): Checked | undefined {
  let stored: Stored;
  try {
    stored = deserialize(readFileSync(place(path))) as Stored;
  } catch {
    return undefined;
  }
  if (stored.key !== key) return undefined;
  const { images, annotations, categories, problems } = stored;
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
      })),
      categories,
    },
    problems: problems.map(({ kind, id, message }) => ({ kind, file: path, id, message: path + message })),
  };
}

export function writeCache(path: string, key: string, { instances, problems }: Checked): void {
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
    },
    categories,
    problems: problems.map(({ kind, id, message }) => ({ kind, id, message: message.slice(path.length) })),
  };
  const temporary = `${place(path)}.${process.pid}`;
  try {
    writeFileSync(temporary, serialize(stored));
    renameSync(temporary, place(path));
  } catch {
    rmSync(temporary, { force: true }); // a folder that cannot be written: no cache
  }
}
