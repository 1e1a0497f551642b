/**
 * Annotations of YOLO: a text file a picture, a line an object, `class x y width height` of the
 * box's centre and size in parts of the picture's. A line with more numbers is an outline, of which
 * the box around it is taken, as Ultralytics does. The classes' names are in `data.yaml` or one a
 * line in `classes.txt`, `obj.names` or `_darknet.labels`; splits come by folders or by
 * `data.yaml`. A picture without a text file, or with an empty one, shows no object.
 */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { parse } from 'yaml';
import * as s from '../../core/schema';
import type { Dropped, LabelledBox, LabelledPicture, PictureFile, Reading } from './labelled';
import { keyOf, splitOfFolders, type Source, type SplitName } from './source';

const NAMES_FILE = /(^|\/)(classes\.txt|[^/]*\.names|_darknet\.labels)$/i;
const YAML_FILE = /(^|\/)[^/]*\.ya?ml$/i;

const places = s.optional(
  s.either(
    (value) => Array.isArray(value),
    s.list(s.text()),
    s.either((value) => value === null, s.anything(), s.text()),
  ),
);
const dataSchema = s.openFields({
  names: s.either((value) => Array.isArray(value), s.list(s.anything(), 1), s.record(s.anything())),
  train: places,
  val: places,
  test: places,
});

interface Described {
  /** By the number of the class. */
  names: Map<string, string>;
  /** Folders, or lists of pictures, from the root. */
  places: [place: string, split: SplitName][];
}

/** The text files that belong to pictures. */
export function yoloFiles({ files, pictures }: Pick<Source, 'files' | 'pictures'>): string[] {
  const keys = new Set(pictures.map((picture) => keyOf(picture.path)));
  return files.filter(
    (file) =>
      /\.txt$/i.test(file) && !NAMES_FILE.test(file) && (keys.has(keyOf(file)) || /(^|\/)labels\//i.test(file)),
  );
}

/** @throws where the names of the classes are not told, or cannot be read */
export function readYolo(source: Source): Reading {
  const { folder, pictures } = source;
  const { names, places: listed } = describe(source);
  const pictureOf = new Map<string, PictureFile[]>();
  for (const picture of pictures)
    pictureOf.set(keyOf(picture.path), [...(pictureOf.get(keyOf(picture.path)) ?? []), picture]);
  const splitOf = splitsBy(source, listed);
  const taken: LabelledPicture[] = [];
  const dropped: Dropped[] = [];
  const spoken = new Set<string>();
  for (const file of yoloFiles(source)) {
    const [picture, ...others] = pictureOf.get(keyOf(file)) ?? [];
    for (const one of [picture, ...others]) if (one) spoken.add(one.path);
    if (!picture) dropped.push({ kind: 'no-picture', file, what: 'there is no picture of this name' });
    else if (others.length > 0)
      dropped.push({ kind: 'no-picture', file, what: `it could be of ${picture.path} and of ${others[0].path}` });
    else
      try {
        const text = readFileSync(path.join(folder, file), 'utf8');
        taken.push({ picture, split: splitOf(picture), boxes: boxesOf(text, names, picture) });
      } catch (error) {
        dropped.push({ kind: 'broken-annotations', file, what: (error as Error).message });
      }
  }
  for (const picture of pictures)
    if (!spoken.has(picture.path)) taken.push({ picture, split: splitOf(picture), boxes: [] });
  return { pictures: taken, dropped, categories: [...names.values()] };
}

function boxesOf(text: string, names: Map<string, string>, picture: PictureFile): LabelledBox[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === '') return [];
    const at = `line ${i + 1}`;
    const [label, ...numbers] = words.map(Number);
    const name = Number.isInteger(label) ? names.get(String(label)) : undefined;
    if (name === undefined) throw new Error(`${at}: class "${words[0]}" is none of 0 to ${names.size - 1}`);
    if (!numbers.every(Number.isFinite)) throw new Error(`${at}: "${line.trim().slice(0, 60)}" has what is no number`);
    if (numbers.length !== 4 && (numbers.length < 6 || numbers.length % 2 === 1))
      throw new Error(`${at}: ${words.length} columns, expected class x y width height, or the points of an outline`);
    const [x, y, w, h] = numbers.length === 4 ? numbers : around(numbers);
    if (Math.max(x, y, w, h) > 2)
      throw new Error(`${at}: ${Math.max(x, y, w, h)} is no part of a picture; numbers are divided by its size`);
    const { width, height } = picture;
    return [{ name, bbox: [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height] }];
  });
}

/** Centre and size of the box around points x y x y ... */
function around(points: readonly number[]): [number, number, number, number] {
  const [xs, ys] = [0, 1].map((axis) => points.filter((_, i) => i % 2 === axis));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top];
}

function describe({ folder, files }: Source): Described {
  const yamls = files.filter((file) => YAML_FILE.test(file)).map((file) => ({ file, data: yamlOf(folder, file) }));
  const [yaml, another] = yamls.filter(({ data }) => s.has('names')(data));
  if (another) throw new Error(`${folder}: both ${yaml.file} and ${another.file} name classes; keep one of them`);
  if (yaml) {
    const where = path.join(folder, yaml.file);
    const { names, ...rest } = s.checked(dataSchema, yaml.data, where) as Record<string, unknown>;
    const named = Object.entries(names as object).map(([number, name]) => [number, String(name)] as const);
    const splits = (['train', 'val', 'test'] as const).flatMap((split) =>
      [rest[split] ?? []].flat().map((place): [string, SplitName] => [String(place), split]),
    );
    return { names: new Map(named), places: splits };
  }
  const lists = files.filter((file) => NAMES_FILE.test(file));
  const texts = new Set(lists.map((file) => readFileSync(path.join(folder, file), 'utf8').trim()));
  if (texts.size > 1) throw new Error(`${folder}: ${lists.join(', ')} name different classes; keep one of them`);
  const [text] = texts;
  if (!text)
    throw new Error(
      `${folder}: nothing says what the classes of its YOLO text are called: put a data.yaml with "names" there, ` +
        'or a classes.txt with a name a line',
    );
  return { names: new Map(text.split(/\r?\n/).map((name, i) => [String(i), name.trim()])), places: [] };
}

function yamlOf(folder: string, file: string): unknown {
  try {
    return parse(readFileSync(path.join(folder, file), 'utf8'));
  } catch (error) {
    throw new Error(`${path.join(folder, file)} is no YAML (${(error as Error).message.split('\n')[0]})`);
  }
}

/**
 * Which split a picture is of. What `data.yaml` says was often true on another machine: the longest
 * end of a path that is here counts. Where it names one place for two splits, it names none.
 */
function splitsBy(
  { folder, pictures }: Source,
  listed: Described['places'],
): (picture: PictureFile) => SplitName | undefined {
  const found = listed.flatMap(([place, split]) => {
    const parts = place.split(/[\\/]/).filter((part) => part !== '' && part !== '.' && part !== '..');
    const ends = parts.map((_, i) => parts.slice(i).join('/'));
    const here = ends.find((end) => existsSync(path.join(folder, end)));
    return here === undefined ? [] : [{ here, split }];
  });
  const isTwice = found.some((one, i) => found.findIndex((other) => other.here === one.here) < i);
  const splits = new Map<string, SplitName>();
  if (!isTwice)
    for (const { here, split } of found) {
      const isThere = /\.txt$/i.test(here)
        ? inList(readFileSync(path.join(folder, here), 'utf8'))
        : (file: string) => file.startsWith(`${here}/`);
      for (const picture of pictures) if (isThere(picture.path)) splits.set(picture.path, split);
    }
  return (picture) => splits.get(picture.path) ?? splitOfFolders(picture.path);
}

/** Whether a list names a picture, by a path of this machine or of another. */
function inList(text: string): (file: string) => boolean {
  const byName = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const file = `/${line.trim().replace(/\\/g, '/').replace(/^(\.{0,2}\/)+/, '')}`;
    const name = path.posix.basename(file);
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  return (file) =>
    (byName.get(path.posix.basename(file)) ?? []).some(
      (listed) => `/${file}`.endsWith(listed) || listed.endsWith(`/${file}`),
    );
}
