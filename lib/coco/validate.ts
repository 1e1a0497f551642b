/**
 * Checks of an `instances_*.json`: every row is either good or has a named problem. A good row may
 * have its fields in forms of its own (forms.ts), which are counted.
 *
 * A box may reach past its picture: it is kept as written for evaluation, as pycocotools does, and
 * clipped when it becomes a target. Up to one pixel, as COCO's own rounding makes some do, is not
 * even counted.
 */
import { cacheKey, readCache, writeCache, type Checked } from './annotation-cache';
import { flagOf, idOf, noOddities, numberOf, shown, type OddityKind } from './forms';
import { readLists } from './json-lists';
import type { Problem, ProblemKind } from './problems';
import { clipped, hasArea, isTrainedOn } from './training-boxes';
import type { CocoAnnotation, CocoCategory, CocoImage, CocoInstances } from './types';

/** Pixels by which a box may leave its picture without being counted. */
export const BOX_TOLERANCE = 1;
/** Beyond this no number is a pixel. */
const FARTHEST = 2 ** 31;

type Row = Record<string, unknown>;

/** A reader of a field: what the given value means, undefined where that is nothing. */
type Read = (given: unknown) => unknown;

const when =
  (check: (value: unknown) => boolean): Read =>
  (value) =>
    check(value) ? value : undefined;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isPixels = (value: unknown): boolean => typeof value === 'number' && Math.abs(value) < FARTHEST;
const text = when(isText);
const sizeOf: Read = (value) => when((number) => number !== undefined && (number as number) > 0)(idOf(value));
const box = when((value) => Array.isArray(value) && value.length === 4 && value.every(isPixels));

/** Whether a path stays in the folder it is relative to. */
export const isInside = (value: unknown): boolean =>
  isText(value) && !/^([\\/]|[a-zA-Z]:)|(^|[\\/])\.\.([\\/]|$)|\0/.test(value);

type Fields = Record<string, [read: Read, expected: string, form?: OddityKind]>;

const ID = [idOf, 'an integer', 'number-form'] as [Read, string, OddityKind];

const FIELDS: Record<keyof CocoInstances, Fields> = {
  categories: { id: ID, name: [text, 'a text'] },
  images: {
    id: ID,
    file_name: [when(isInside), "a path inside the split's folder"],
    width: [sizeOf, 'a positive integer', 'number-form'],
    height: [sizeOf, 'a positive integer', 'number-form'],
  },
  annotations: {
    id: ID,
    image_id: ID,
    category_id: ID,
    bbox: [box, 'four numbers [x, y, width, height]'],
    area: [numberOf, 'a number (width * height of the box when left out)', 'number-form'],
    iscrowd: [flagOf, '0 or 1 (0 when left out)', 'flag-form'],
    ignore: [flagOf, '0 or 1 (0 when left out)', 'flag-form'],
  },
};

const SINGULAR = { images: 'image', annotations: 'annotation', categories: 'category' } as const;

/** The fields of each list that are kept; outlines and all else are dropped while reading. */
const KEPT: { [K in keyof CocoInstances]: (row: Row) => Row } = {
  categories: ({ id, name }) => ({ id, name }),
  images: ({ id, file_name, width, height }) => ({ id, file_name, width, height }),
  annotations: ({ id, image_id, category_id, bbox, area, iscrowd, ignore }) => ({
    id,
    image_id,
    category_id,
    bbox,
    area,
    iscrowd,
    ignore,
  }),
};

const isKept = (key: string): key is keyof CocoInstances => Object.keys(KEPT).includes(key);

/** An id with the decimals .0, which `JSON.parse` would not tell from one without. */
const DECIMAL_ID = /("(?:image_|category_)?id"\s*:\s*)(-?\d+\.0+)(?=\s*[,}])/g;
const parseRow = (text: string): unknown => JSON.parse(text.replace(DECIMAL_ID, '$1"$2"'));

/**
 * Reads and checks an annotation file, or takes over what was kept of it. `instances` holds the
 * good rows, reduced to the fields of `CocoInstances`, boxes as written (`iscrowd` left out means
 * 0); `problems` says why the others are left out. Throws when the file is missing, broken or no
 * COCO file.
 * @param options `keep: false` writes nothing beside the file
 */
export function readInstances(path: string, { keep = true } = {}): Checked {
  const key = keep ? cacheKey(path) : undefined;
  const cached = key && readCache(path, key);
  if (cached) return cached;
  const lists: Partial<Record<keyof CocoInstances, (Row | null)[]>> = {};
  readLists(
    path,
    (name) => {
      if (!isKept(name)) return () => {};
      const rows: (Row | null)[] = (lists[name] = []);
      const keep = KEPT[name];
      return (row) => rows.push(typeof row === 'object' && row !== null ? keep(row as Row) : null);
    },
    parseRow,
  );
  const checked = checkRows(path, lists);
  if (key) writeCache(path, key, checked);
  return checked;
}

function checkRows(path: string, lists: Partial<Record<keyof CocoInstances, (Row | null)[]>>): Checked {
  const problems: Problem[] = [];
  const oddities = noOddities();
  const add = (kind: ProblemKind, id: number | string, what: string): void => {
    problems.push({ kind, file: path, id, message: `${path}: ${what}` });
  };

  /** The rows whose fields are as they should be, with the values that the fields mean. */
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
      const id = idOf(row?.id) ?? `${key}[${index}]`;
      const subject = `${SINGULAR[key]} ${id}`;
      const met: OddityKind[] = [];
      for (const [field, [read, expected, form]] of fields) {
        const given = row?.[field];
        const value = read(given);
        if (row === null || value === undefined) {
          const what = given === undefined ? 'is missing' : `is ${shown(given)}`;
          add('missing-field', id, `${subject}: field "${field}" ${what}, expected ${expected}.`);
          return false;
        }
        if (form && given !== undefined && given !== value && !Number.isNaN(value)) met.push(form);
        row[field] = value;
      }
      if (seen.has(id as number)) {
        add(
          'duplicate-id',
          id,
          `${subject} occurs more than once (as a text or with a decimal point it is the same id); ` +
            `every ${SINGULAR[key]} needs an id of its own.`,
        );
        return false;
      }
      seen.add(id as number);
      for (const form of met) oddities[form]++;
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

  const annotations = (rowsOf('annotations') as (Omit<CocoAnnotation, 'ignore'> & { ignore?: 0 | 1 })[]).filter(
    (annotation): annotation is CocoAnnotation => {
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
      if (fault !== undefined) {
        add(fault.kind, id, `annotation ${id} of ${image.file_name}: ${fault.what}`);
        return false;
      }
      if (annotation.ignore === 0) delete annotation.ignore;
      if (Number.isNaN(annotation.area)) {
        annotation.area = bbox[2] * bbox[3];
        oddities['area-missing']++;
      }
      if (overEdge(bbox, image) > BOX_TOLERANCE) oddities['box-over-edge']++;
      if (annotation.ignore) oddities.ignored++;
      else if (annotation.iscrowd === 0 && !isTrainedOn(annotation as CocoAnnotation, image)) oddities['not-trained']++;
      return true;
    },
  );
  if (categories.length === 0)
    throw new Error(
      `${path}: field "categories" has no good row; list there the classes that the annotations name, ` +
        'as { "id": 1, "name": "cell" }.',
    );
  return { instances: { images, annotations, categories }, problems, oddities, boxes: lists.annotations!.length };
}

/** Pixels by which a box leaves its picture; 0 or less where it does not. */
const overEdge = ([x, y, w, h]: CocoAnnotation['bbox'], { width, height }: CocoImage): number =>
  Math.max(-x, -y, x + w - width, y + h - height);

function boxFault(bbox: CocoAnnotation['bbox'], image: CocoImage): { kind: ProblemKind; what: string } | undefined {
  const [x, y, w, h] = bbox;
  const text = `bbox [${bbox.join(', ')}]`;
  if (w <= 0 || h <= 0) return { kind: 'box-size', what: `${text} has no area; width and height must be positive.` };
  if (!hasArea([x, y, x + w, y + h]))
    return { kind: 'box-size', what: `${text} has no area in single precision, in which networks compute.` };
  if (!hasArea(clipped(bbox, image))) {
    const what = `${text} lies outside the picture of ${image.width}x${image.height}; boxes are [x, y, width, height].`;
    return { kind: 'box-outside', what };
  }
  return undefined;
}
