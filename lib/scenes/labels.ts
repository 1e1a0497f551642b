/**
 * Emoji scenes with a class for every pixel: background, distractors included, and the twelve
 * categories. A pixel is of the object whose emoji covers at least half of it and is uppermost there:
 * the same pixels that boxes and areas are made of.
 */
import { join } from 'node:path';
import { openSemantic, type SemanticDataset } from '../semantic/dataset';
import type { Split } from './config';
import type { Scene } from './scene';
import { sceneCategories } from './vocabulary';

/** By class index. */
export const sceneClasses: readonly string[] = ['background', ...sceneCategories.map(({ name }) => name)];

/** [size * size] class of each pixel. */
export function sceneLabels({ objects, owner }: Pick<Scene, 'objects' | 'owner'>): Uint8Array {
  const classes = objects.map(({ categoryId }) => 1 + sceneCategories.findIndex(({ id }) => id === categoryId));
  return Uint8Array.from(owner, (object) => (object < 0 ? 0 : classes[object]));
}

/** A split of a set that `ensureEmojiScenes` made with `labels: true`. */
export function openSceneLabels(folder: string, split: Split): SemanticDataset {
  return openSemantic(folder, split, {
    pictures: join(folder, split),
    labels: join(folder, 'labels', split),
    classes: sceneClasses,
  });
}
