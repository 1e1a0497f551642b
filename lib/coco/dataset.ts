/**
 * A data set in COCO's layout: `<folder>/<split>/` holds the pictures,
 * `<folder>/annotations/instances_<split>.json` the boxes. Opening reads and checks the annotation
 * file and that every picture exists; pictures are decoded later, by the loader.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../core/random';
import { odditySentence, type Oddities } from './forms';
import { decodeChecked } from './image';
import { countByKind, DatasetError, leftOutLines, type Problem, type ProblemKind } from './problems';
import { isTrainedOn } from './training-boxes';
import type { CocoAnnotation, CocoCategory, CocoImage, CocoInstances } from './types';
import { readInstances } from './validate';

export interface OpenOptions {
  /** Leave out what is bad, and count it, instead of throwing. Default false. */
  skipBad?: boolean;
  /**
   * Told in a line each what was accepted in a form of its own, and what was left out. Default:
   * `console.warn`.
   */
  warn?(line: string): void;
}

export interface CocoDataset {
  readonly folder: string;
  readonly split: string;
  readonly skipBad: boolean;
  readonly warn: (line: string) => void;
  /** Annotations in the file, good and bad. */
  readonly boxes: number;
  /** What was accepted in a form of its own, counted; zeros included. */
  readonly oddities: Oddities;
  /**
   * The good rows of the annotation file, boxes exactly as written: what evaluation takes as ground
   * truth.
   */
  readonly instances: CocoInstances;
  readonly images: readonly CocoImage[];
  readonly categories: readonly CocoCategory[];
  /** What was left out, under `skipBad`: found on opening, and by a loader since. */
  readonly problems: readonly Problem[];
  /** `problems` counted by kind, zeros included. */
  readonly skipped: Record<ProblemKind, number>;
  /** Annotations of one picture, crowds included; none for an empty picture or an unknown id. */
  annotationsOf(imageId: number): readonly CocoAnnotation[];
  /** Path of a picture's file. */
  fileOf(image: CocoImage): string;
  /** Counts a problem found later; once for each file and id. */
  note(problem: Problem): void;
}

/** Splits of `folder` that have both a picture folder and an annotation file, sorted. */
export function splitsOf(folder: string): string[] {
  const annotations = join(folder, 'annotations');
  if (!existsSync(annotations)) return [];
  return readdirSync(annotations)
    .map((name) => /^instances_(.+)\.json$/.exec(name)?.[1])
    .filter((split): split is string => split !== undefined && existsSync(join(folder, split)))
    .sort();
}

/**
 * Opens a split, synchronously. Throws an Error when the split is not there or its JSON is broken,
 * and a DatasetError that lists all problems of its rows and all missing pictures, which `skipBad`
 * leaves out: a bad box alone, a bad picture with its annotations. (COCO's own train2017 has two
 * boxes without height, so it wants `skipBad`.)
 */
export function openCoco(
  folder: string,
  split: string,
  { skipBad = false, warn = (line) => console.warn(line) }: OpenOptions = {},
): CocoDataset {
  const annotationFile = join(folder, 'annotations', `instances_${split}.json`);
  const pictures = join(folder, split);
  if (!existsSync(annotationFile) || !existsSync(pictures)) {
    const splits = splitsOf(folder);
    throw new Error(
      `${folder} has no split "${split}": ${existsSync(pictures) ? annotationFile : pictures} is missing. ` +
        (splits.length > 0
          ? `It has ${splits.join(', ')}.`
          : `COCO's layout is <split>/ and annotations/instances_<split>.json.`),
    );
  }
  const { instances, problems, oddities, boxes } = readInstances(annotationFile);
  const present = new Set(readdirSync(pictures));
  for (const { id, file_name } of instances.images) {
    const file = join(pictures, file_name);
    if (present.has(file_name) || existsSync(file)) continue;
    const message = `${file} (image ${id}) is missing; put it there, or remove it from ${annotationFile}.`;
    problems.push({ kind: 'missing-image', file, id, message });
  }
  if (problems.length > 0 && !skipBad) throw new DatasetError(problems);
  const odd = odditySentence(annotationFile, oddities);
  if (odd) warn(odd);
  leftOutLines(problems).forEach(warn);
  const missing = new Set(problems.filter(({ kind }) => kind === 'missing-image').map(({ id }) => id));
  return build({ folder, split, skipBad, warn, boxes, oddities }, withoutImages(instances, missing), problems);
}

/**
 * Decodes every picture once. Returns the data set when all are good; else throws a DatasetError
 * listing the bad ones or, where the data set was opened with `skipBad`, returns it without them
 * and their annotations. Do this before evaluating a doubtful set: a loader that meets a bad
 * picture can only leave it out of its batches, not out of the ground truth.
 */
export async function checkPictures(dataset: CocoDataset, signal?: AbortSignal): Promise<CocoDataset> {
  const bad: Problem[] = [];
  for (const image of dataset.images) {
    signal?.throwIfAborted();
    await decodeChecked(dataset.fileOf(image), image).catch((error: unknown) => {
      if (!(error instanceof DatasetError)) throw error;
      bad.push(...error.problems);
    });
  }
  if (bad.length === 0) return dataset;
  if (!dataset.skipBad) throw new DatasetError(bad);
  leftOutLines(bad).forEach(dataset.warn);
  const instances = withoutImages(dataset.instances, new Set(bad.map(({ id }) => id)));
  return build(dataset, instances, [...dataset.problems, ...bad]);
}

/** Sets a share of the pictures, at least one, aside: drawn by the seed, in the order of the file. */
export function splitAside(
  dataset: CocoDataset,
  share: number,
  seed: number | string,
): Record<'kept' | 'aside', CocoDataset> {
  const ids = dataset.images.map(({ id }) => id);
  const count = Math.min(ids.length - 1, Math.max(1, Math.round(share * ids.length)));
  const drawn = new Random(seed).shuffle(ids);
  const without = (left: number[]): CocoDataset =>
    build(dataset, withoutImages(dataset.instances, new Set(left)), dataset.problems);
  return { kept: without(drawn.slice(0, count)), aside: without(drawn.slice(count)) };
}

/** The first `count` pictures of a data set with their annotations. */
export function firstPictures(dataset: CocoDataset, count: number): CocoDataset {
  const rest = new Set<number | string>(dataset.images.slice(count).map(({ id }) => id));
  return build(dataset, withoutImages(dataset.instances, rest), dataset.problems);
}

/**
 * Throws where what is left of a split is no data set any more: no object to learn or to find, or
 * less than half of its boxes.
 */
export function checkLeft({ folder, split, instances, images, boxes }: CocoDataset): void {
  const where = `${folder}, split ${split}`;
  const imageOf = new Map(images.map((image) => [image.id, image]));
  const kept = instances.annotations.length;
  if (2 * kept < boxes)
    throw new Error(
      `${where}: ${boxes - kept} of its ${boxes} boxes are bad or belong to bad pictures; with less than ` +
        'half of them the results say nothing of this data set: correct the annotation file.',
    );
  if (!instances.annotations.some((annotation) => isTrainedOn(annotation, imageOf.get(annotation.image_id)!)))
    throw new Error(`${where}: no box is left to train on or to measure with, of ${boxes} in the annotation file.`);
}

function withoutImages(instances: CocoInstances, ids: ReadonlySet<number | string>): CocoInstances {
  if (ids.size === 0) return instances;
  return {
    ...instances,
    images: instances.images.filter(({ id }) => !ids.has(id)),
    annotations: instances.annotations.filter(({ image_id }) => !ids.has(image_id)),
  };
}

type Opened = Pick<CocoDataset, 'folder' | 'split' | 'skipBad' | 'warn' | 'boxes' | 'oddities'>;

function build(
  { folder, split, skipBad, warn, boxes, oddities }: Opened,
  instances: CocoInstances,
  found: readonly Problem[],
): CocoDataset {
  const byImage = new Map<number, CocoAnnotation[]>();
  for (const annotation of instances.annotations) {
    const list = byImage.get(annotation.image_id);
    if (list === undefined) byImage.set(annotation.image_id, [annotation]);
    else list.push(annotation);
  }
  const problems = [...found];
  const skipped = countByKind(problems);
  return {
    folder,
    split,
    skipBad,
    warn,
    boxes,
    oddities,
    instances,
    images: instances.images,
    categories: instances.categories,
    problems,
    skipped,
    annotationsOf: (imageId) => byImage.get(imageId) ?? [],
    fileOf: (image) => join(folder, split, image.file_name),
    note(problem) {
      if (problems.some(({ file, id }) => file === problem.file && id === problem.id)) return;
      problems.push(problem);
      skipped[problem.kind]++;
    },
  };
}
