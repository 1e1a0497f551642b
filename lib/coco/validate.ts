/**
 * Checks of an `instances_*.json`: every row is either good or has a named problem.
 *
 * A box may reach past its picture by up to one pixel, as COCO's own rounding makes some do; more
 * is refused.
 */
import { existsSync } from 'node:fs';
import { cacheKey, readCache, writeCache, type Checked } from './annotation-cache';
import { readLists } from './json-lists';
import type { Problem, ProblemKind } from './problems';
import type { CocoAnnotation, CocoCategory, CocoImage, CocoInstances } from './types';

/**
 * Pixels by which a box may leave its picture and is still accepted (and clipped when it becomes a
 * target).
 */
export const BOX_TOLERANCE = 1;

type Row = Record<string, unknown>;

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isId = (value: unknown): value is number => Number.isSafeInteger(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isSize = (value: unknown): value is number => isId(value) && value > 0;
const isBox = (value: unknown): boolean => Array.isArray(value) && value.length === 4 && value.every(isNumber);
const isFlag = (value: unknown): boolean => value === undefined || value === 0 || value === 1;
const isInside = (value: unknown): boolean => isText(value) && !/^([\\/]|[a-zA-Z]:)|(^|[\\/])\.\.([\\/]|$)/.test(value);

type Fields = Record<string, [check: (value: unknown) => boolean, expected: string]>;

const FIELDS: Record<keyof CocoInstances, Fields> = {
  categories: { id: [isId, 'an integer'], name: [isText, 'a text'] },
  images: {
    id: [isId, 'an integer'],
    file_name: [isInside, "a path inside the split's folder"],
    width: [isSize, 'a positive integer'],
    height: [isSize, 'a positive integer'],
  },
  annotations: {
    id: [isId, 'an integer'],
    image_id: [isId, 'an integer'],
    category_id: [isId, 'an integer'],
    bbox: [isBox, 'four numbers [x, y, width, height]'],
    area: [isNumber, 'a number (width * height of the box where there is no mask)'],
    iscrowd: [isFlag, '0 or 1 (0 when left out)'],
  },
};

const SINGULAR = { images: 'image', annotations: 'annotation', categories: 'category' } as const;

/** The fields of each list that are kept; outlines and all else are dropped while reading. */
const KEPT: { [K in keyof CocoInstances]: (row: Row) => Row } = {
  categories: ({ id, name }) => ({ id, name }),
  images: ({ id, file_name, width, height }) => ({ id, file_name, width, height }),
  annotations: ({ id, image_id, category_id, bbox, area, iscrowd }) => ({
    id,
    image_id,
    category_id,
    bbox,
    area,
    iscrowd,
  }),
};

const isKept = (key: string): key is keyof CocoInstances => Object.keys(KEPT).includes(key);

/**
 * Reads and checks an annotation file, or takes over what was kept of it. `instances` holds the
 * good rows, reduced to the fields of `CocoInstances`, boxes as written (`iscrowd` left out means
 * 0); `problems` says why the others are left out. Throws when the file is missing, broken or no
 * COCO file.
 */
export function readInstances(path: string): Checked {
  const key = existsSync(path) ? cacheKey(path) : undefined;
  const cached = key && readCache(path, key);
  if (cached) return cached;
  const lists: Partial<Record<keyof CocoInstances, (Row | null)[]>> = {};
  readLists(path, (name) => {
    if (!isKept(name)) return () => {};
    const rows: (Row | null)[] = (lists[name] = []);
    const keep = KEPT[name];
    return (row) => rows.push(typeof row === 'object' && row !== null ? keep(row as Row) : null);
  });
  const checked = checkRows(path, lists);
  if (key) writeCache(path, key, checked);
  return checked;
}

function checkRows(path: string, lists: Partial<Record<keyof CocoInstances, (Row | null)[]>>): Checked {
  const problems: Problem[] = [];
  const add = (kind: ProblemKind, id: number | string, what: string): void => {
    problems.push({ kind, file: path, id, message: `${path}: ${what}` });
  };

  /** The rows whose fields are as they should be. */
  const rowsOf = (key: keyof CocoInstances): unknown[] => {
    const rows = lists[key];
    if (!rows) {
      throw new Error(
        `${path}: field "${key}" should be a list; a COCO file has "images", "annotations" and "categories".`,
      );
    }
    const seen = new Set<number>();
    const fields = Object.entries(FIELDS[key]);
    return rows.filter((row, index) => {
      const id = row !== null && isId(row.id) ? row.id : `${key}[${index}]`;
      const subject = `${SINGULAR[key]} ${id}`;
      for (const [field, [check, expected]] of fields) {
        const given = row?.[field];
        if (check(given)) continue;
        const value = given === undefined ? 'is missing' : `is ${JSON.stringify(given)}`;
        add('missing-field', id, `${subject}: field "${field}" ${value}, expected ${expected}.`);
        return false;
      }
      if (seen.has(id as number)) {
        add('duplicate-id', id, `${subject} occurs more than once; every ${SINGULAR[key]} needs an id of its own.`);
        return false;
      }
      seen.add(id as number);
      return true;
    });
  };

  const categories = rowsOf('categories') as CocoCategory[];
  const before = problems.length;
  const images = rowsOf('images') as CocoImage[];
  // Annotations of a picture that is itself left out go with it and are not a problem of their own.
  const dropped = new Set(problems.slice(before).map(({ id }) => id));
  const imageOf = new Map(images.map((image) => [image.id, image]));
  const known = new Set(categories.map(({ id }) => id));

  const annotations = (rowsOf('annotations') as CocoAnnotation[]).filter((annotation) => {
    annotation.iscrowd ??= 0;
    const { id, image_id, category_id, bbox } = annotation;
    const image = imageOf.get(image_id);
    if (image === undefined) {
      if (!dropped.has(image_id)) {
        add('unknown-image', id, `annotation ${id}: image_id ${image_id} is not among the file's images.`);
      }
      return false;
    }
    if (!known.has(category_id)) {
      add(
        'unknown-category',
        id,
        `annotation ${id} of ${image.file_name}: category_id ${category_id} is not among the file's categories.`,
      );
      return false;
    }
    const fault = boxFault(bbox, image);
    if (fault !== undefined) add(fault.kind, id, `annotation ${id} of ${image.file_name}: ${fault.what}`);
    return fault === undefined;
  });
  return { instances: { images, annotations, categories }, problems };
}

function boxFault(
  [x, y, w, h]: CocoAnnotation['bbox'],
  image: CocoImage,
): { kind: ProblemKind; what: string } | undefined {
  const text = (): string => `bbox [${[x, y, w, h].join(', ')}]`;
  if (w <= 0 || h <= 0) return { kind: 'box-size', what: `${text()} has no area; width and height must be positive.` };
  const over = Math.max(-x, -y, x + w - image.width, y + h - image.height);
  if (over > BOX_TOLERANCE || x >= image.width || y >= image.height || x + w <= 0 || y + h <= 0) {
    const size = `${image.width}x${image.height}`;
    return {
      kind: 'box-outside',
      what: `${text()} leaves the picture of ${size} by ${+over.toFixed(2)} pixels; boxes are [x, y, width, height].`,
    };
  }
  return undefined;
}
