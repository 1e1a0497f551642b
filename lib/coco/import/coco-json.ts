/**
 * COCO's JSON as tools write it: beside the pictures of each split (Roboflow's
 * `train/_annotations.coco.json`), in one file with a folder of pictures (Label Studio's
 * `result.json`), or in COCO's own layout. Boxes alone are taken; outlines give areas.
 */
import * as path from 'node:path';
import { readInstances } from '../validate';
import type { DropKind, Dropped, LabelledPicture, Reading } from './labelled';
import { PictureFinder, splitNamed, splitOfFolders, stemOf, type Source, type SplitName } from './source';

export const jsonFiles = (files: readonly string[]): string[] => files.filter((file) => /\.json$/i.test(file));

/** The split that a file's folders name, or its own name. */
const splitOf = (file: string): SplitName | undefined =>
  splitOfFolders(file) ?? stemOf(file).split(/[_.-]/).map(splitNamed).find((split) => split !== undefined);

const KINDS: Record<string, DropKind> = { 'box-size': 'box-size', 'box-outside': 'box-outside' };

/** @throws where none of the files is COCO's JSON */
export function readCocoJson({ folder, files, pictures }: Source): Reading {
  const finder = new PictureFinder(pictures);
  const taken = new Map<string, LabelledPicture>();
  const dropped: Dropped[] = [];
  const categories = new Set<string>();
  const errors: Error[] = [];
  const spoken = new Set<string>();
  const candidates = jsonFiles(files);
  for (const file of candidates) {
    const whole = path.join(folder, file);
    let read: ReturnType<typeof readInstances>;
    try {
      read = readInstances(whole, { keep: false });
    } catch (error) {
      errors.push(error as Error);
      dropped.push({ kind: 'broken-annotations', file, what: withoutPath((error as Error).message, whole) });
      continue;
    }
    const { instances, problems } = read;
    for (const { kind, message } of problems)
      dropped.push({ kind: KINDS[kind] ?? 'broken-row', file, what: withoutPath(message, whole) });
    const nameOf = new Map(instances.categories.map(({ id, name }) => [id, name]));
    instances.categories.forEach(({ name }) => categories.add(name));
    const split = splitOf(file);
    const ofImage = new Map<number, LabelledPicture>();
    for (const { id, file_name, width, height } of instances.images) {
      const name = file_name.replace(/\\/g, '/');
      const picture =
        finder.at(path.posix.join(path.posix.dirname(file), name)) ?? finder.at(name) ?? finder.called(name, split);
      const drop = (kind: DropKind, what: string): void => void dropped.push({ kind, file: file_name, what });
      if (picture) spoken.add(picture.path);
      if (!picture) drop('no-picture', `image ${id} of ${file}: there is no such picture, or several have its name`);
      else if (picture.width !== width || picture.height !== height)
        drop('picture-size', `${file} says ${width}x${height}, the picture is ${picture.width}x${picture.height}`);
      else if (taken.has(picture.path))
        drop('broken-annotations', `image ${id} of ${file}: its picture was named before`);
      else {
        const labelled = { picture, split: split ?? splitOfFolders(picture.path), boxes: [] };
        taken.set(picture.path, labelled);
        ofImage.set(id, labelled);
      }
    }
    for (const { image_id, category_id, bbox, area, iscrowd, ignore } of instances.annotations)
      ofImage.get(image_id)?.boxes.push({
        name: nameOf.get(category_id)!,
        bbox,
        area,
        ...(iscrowd && { iscrowd }),
        ...(ignore && { ignore }),
      });
  }
  if (errors.length === candidates.length && errors.length > 0) throw errors[0];
  for (const { path: file } of pictures)
    if (!spoken.has(file)) dropped.push({ kind: 'no-annotations', file, what: 'no JSON file names it' });
  return { pictures: [...taken.values()], dropped, categories: [...categories] };
}

const withoutPath = (message: string, file: string): string => message.replace(`${file}: `, '');
