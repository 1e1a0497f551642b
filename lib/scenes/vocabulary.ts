/**
 * What the emoji scenes show: twelve categories under COCO's own ids and names, and things of no
 * category.
 *
 * An emoji is named by its code points, as the SVG files of `@twemoji/svg` are.
 */
import type { CocoCategory } from '../coco/types';

export interface SceneCategory extends CocoCategory {
  emoji: readonly string[];
}

/** Ids and names as in COCO's `instances_*.json`. */
export const sceneCategories: readonly SceneCategory[] = [
  { id: 1, name: 'person', emoji: ['1f9cd', '1f6b6', '1f3c3'] },
  { id: 2, name: 'bicycle', emoji: ['1f6b2'] },
  { id: 3, name: 'car', emoji: ['1f697', '1f699', '1f698'] },
  { id: 5, name: 'airplane', emoji: ['2708', '1f6e9'] },
  { id: 6, name: 'bus', emoji: ['1f68c', '1f68d', '1f68e'] },
  { id: 17, name: 'cat', emoji: ['1f408', '1f431', '1f408-200d-2b1b'] },
  { id: 18, name: 'dog', emoji: ['1f415', '1f436', '1f429'] },
  { id: 19, name: 'horse', emoji: ['1f40e', '1f434'] },
  { id: 22, name: 'elephant', emoji: ['1f418'] },
  { id: 28, name: 'umbrella', emoji: ['2602', '1f302'] },
  { id: 52, name: 'banana', emoji: ['1f34c'] },
  { id: 85, name: 'clock', emoji: ['1f552', '23f0', '1f570'] },
];

/**
 * Things that belong to none of COCO's eighty categories. Some are near misses on purpose: fox
 * (cat, dog), camel (horse), rhinoceros (elephant), rocket and helicopter (airplane), sun and
 * sunflower (clock).
 */
export const distractorEmoji: readonly string[] = [
  '1f332', '1f335', '1f339', '1f344', '1f383', '1f388', '1f3b8', '1f511', '1f41a', '1f419', '1f422', '1f41d', '1f3e0',
  '26f2', '1f31e', '2b50', '1f3a9', '1f97e', '1f451', '1f480', '1f98b', '1f433', '1f353', '1f349', '1f6e2', '1f3f0',
  '1f680', '1f681', '1f98a', '1f42b', '1f98f', '1f33b', '1f4a1', '1f525', '1f3c6',
];
