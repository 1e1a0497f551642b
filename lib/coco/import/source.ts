/**
 * A folder of somebody's: its files, and which picture an annotation file speaks of. Formats differ
 * in where they put both, but keep the rest of the path: `train/labels/7.txt` and
 * `train/images/7.jpg`, `Annotations/7.xml` and `JPEGImages/7.jpg`, `7.xml` beside `7.jpg`. Without
 * such folders, and without the ending, the paths are equal.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { decode } from '../image';
import { isPicture } from '../picture-kind';
import type { Dropped, PictureFile } from './labelled';

export type SplitName = 'train' | 'val' | 'test';

export interface Source {
  folder: string;
  /** All other files, from the root of the folder, with slashes, sorted. */
  files: readonly string[];
  pictures: readonly PictureFile[];
  /** Pictures that cannot be decoded. */
  broken: readonly Dropped[];
}

/** Folders that hold one kind of file, and say nothing of the picture. */
const ROLES = /^(images|jpegimages|labels|annotations|xmls|annots)$/i;
const NAMED_AS_PICTURE = /\.(jpe?g|png|gif|webp|tiff?|avif|bmp|jp2)$/i;

/** What a path has in common with the picture or the annotations that belong to it. */
export const keyOf = (file: string): string =>
  [...folderOf(file).split('/').filter((part) => !ROLES.test(part)), stemOf(file)].join('/').replace(/^(\.?\/)+/, '');

/** A file's name without its ending. */
export const stemOf = (file: string): string => path.posix.parse(file).name;
const folderOf = (file: string): string => path.posix.dirname(file);

/** The split that a word names. */
export function splitNamed(word: string): SplitName | undefined {
  const [, name] = /^(train|val|test)(?:ing|id|idation)?\d*$/i.exec(word) ?? [];
  return name?.toLowerCase() as SplitName | undefined;
}

/** The split that a folder of a path names, the innermost where there are several. */
export const splitOfFolders = (file: string): SplitName | undefined =>
  folderOf(file)
    .split('/')
    .reverse()
    .map(splitNamed)
    .find((split) => split !== undefined);

/** All files below `folder`, hidden ones aside; a folder that is met again by a link is not entered. */
function filesBelow(folder: string, below = '', entered = new Set<string>()): string[] {
  const here = path.join(folder, below);
  const real = realpathSync(here);
  if (entered.has(real)) return [];
  entered.add(real);
  return readdirSync(here)
    .filter((name) => !name.startsWith('.') && name !== '__MACOSX')
    .sort()
    .flatMap((name) => {
      const file = below ? `${below}/${name}` : name;
      const stat = statSync(path.join(folder, file), { throwIfNoEntry: false });
      if (stat?.isDirectory()) return filesBelow(folder, file, entered);
      return stat?.isFile() ? [file] : [];
    });
}

/** Lists a folder and decodes its pictures. */
export async function openSource(
  folder: string,
  progress: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Source> {
  const all = filesBelow(folder);
  const named = all.filter((file) => NAMED_AS_PICTURE.test(file) || isPicture(path.join(folder, file)));
  const pictures: PictureFile[] = [];
  const broken: Dropped[] = [];
  for (const [i, file] of named.entries()) {
    signal?.throwIfAborted();
    try {
      const { width, height } = await decode(path.join(folder, file));
      pictures.push({ path: file, width, height });
    } catch (error) {
      broken.push({ kind: 'broken-picture', file, what: (error as Error).message.trim().split('\n')[0] });
    }
    progress(i + 1, named.length);
  }
  const isNamed = new Set(named);
  return { folder, files: all.filter((file) => !isNamed.has(file)), pictures, broken };
}

/** Finds pictures by what annotations say. */
export class PictureFinder {
  private readonly byStem = new Map<string, PictureFile[]>();

  constructor(pictures: readonly PictureFile[]) {
    for (const picture of pictures) {
      const stem = stemOf(picture.path);
      this.byStem.set(stem, [...(this.byStem.get(stem) ?? []), picture]);
    }
  }

  /** The picture at this path from the root, but for folders of one kind and perhaps the ending. */
  at(file: string): PictureFile | undefined {
    const alike = this.byStem.get(stemOf(file)) ?? [];
    return (
      only(alike.filter((picture) => picture.path === file)) ??
      only(alike.filter((picture) => keyOf(picture.path) === keyOf(file)))
    );
  }

  /** The one picture of this name, of a split where one is named. */
  called(name: string, split: SplitName | undefined): PictureFile | undefined {
    const alike = (this.byStem.get(stemOf(name)) ?? []).filter(
      (picture) => path.posix.basename(picture.path) === path.posix.basename(name),
    );
    return only(split === undefined ? alike : alike.filter((picture) => splitOfFolders(picture.path) === split));
  }
}

const only = <T>(found: readonly T[]): T | undefined => (found.length === 1 ? found[0] : undefined);
