/**
 * The records of a set as COCO's `instances_*.json`, and as the counts that the dataset card shows.
 */
import type { CocoAnnotation, CocoImage, CocoInstances } from '../coco/types';
import type { ChunkRecord } from './chunk';
import { generatorVersion, type SceneConfig, type Split } from './config';
import { sceneCategories } from './vocabulary';

/** COCO's limits of `small`, `medium` and `large`, in pixels of area. */
const [smallest, largest] = [32 ** 2, 96 ** 2];

export interface SceneInstances extends CocoInstances {
  info: { description: string; version: string; settings: SceneConfig };
  licenses: { id: number; name: string; url: string }[];
  images: (CocoImage & { license: number })[];
}

export interface SplitCounts {
  images: number;
  objects: number;
  /** Objects by category name and by COCO's size range. */
  categories: Record<string, number>;
  sizes: { small: number; medium: number; large: number };
}

/**
 * Image ids count from 1 in train and from 1,000,001 in val, so that none is in both; annotation
 * ids from 1.
 */
export function toInstances(split: Split, records: ChunkRecord[], config: SceneConfig): SceneInstances {
  const firstId = split === 'train' ? 1 : 1_000_001;
  const pictures = records.flatMap((record) => record.pictures);
  const annotations: CocoAnnotation[] = [];
  pictures.forEach(({ objects }, i) => {
    for (const { categoryId, bbox, area } of objects) {
      annotations.push({
        id: annotations.length + 1,
        image_id: firstId + i,
        category_id: categoryId,
        bbox,
        area,
        iscrowd: 0,
      });
    }
  });
  return {
    info: { description: 'emoji scenes, a stand-in, not COCO', version: String(generatorVersion), settings: config },
    licenses: [
      {
        id: 1,
        name: 'Emoji graphics: Twemoji, CC-BY 4.0, rotated, scaled, recoloured, blurred and composited',
        url: 'https://creativecommons.org/licenses/by/4.0/',
      },
    ],
    categories: sceneCategories.map(({ id, name }) => ({ id, name })),
    images: pictures.map(({ file }, i) => ({
      id: firstId + i,
      file_name: file,
      width: config.size,
      height: config.size,
      license: 1,
    })),
    annotations,
  };
}

/** How many objects of which category and size a split has. */
export function countObjects(records: ChunkRecord[]): SplitCounts {
  const pictures = records.flatMap((record) => record.pictures);
  const objects = pictures.flatMap((picture) => picture.objects);
  const count = (low: number, high: number): number => objects.filter(({ area }) => area >= low && area < high).length;
  return {
    images: pictures.length,
    objects: objects.length,
    categories: Object.fromEntries(
      sceneCategories.map(({ id, name }) => [name, objects.filter(({ categoryId }) => categoryId === id).length]),
    ),
    sizes: { small: count(0, smallest), medium: count(smallest, largest), large: count(largest, Infinity) },
  };
}
