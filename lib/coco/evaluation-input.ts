/**
 * Brings parsed COCO JSON into flat arrays, grouped and sorted once, for the matching of
 * evaluation-match.ts.
 */
import { flagOf } from './forms';
import type { CocoAnnotation, CocoDetection, CocoInstances } from './types';

/**
 * Annotations sorted by category, then image, then place in the file; all arrays have one entry an
 * annotation.
 */
export interface GroundTruthTable {
  /** [n * 4]: x, y, width, height. */
  boxes: Float64Array;
  image: Int32Array;
  area: Float64Array;
  crowd: Uint8Array;
  /** 1 where the id is 0: pycocotools stores the matched id and reads 0 as "no match". */
  idZero: Uint8Array;
  /** [categories + 1]: where each category begins. */
  starts: Int32Array;
}

/** Detections sorted by category, then falling score, then image, then place in the list. */
export interface DetectionTable {
  boxes: Float64Array;
  image: Int32Array;
  starts: Int32Array;
}

export interface EvaluationInput {
  /** Sorted by id. */
  categories: { id: number; name: string }[];
  images: number;
  groundTruth: GroundTruthTable;
  detections: DetectionTable;
}

/**
 * As pycocotools, annotations of unknown images and both annotations and detections of unknown
 * categories are left out.
 * @throws naming a detection of an unknown image, a duplicate annotation id, or a value that is not
 *   a finite number
 */
export function prepareEvaluation(groundTruth: CocoInstances, detections: readonly CocoDetection[]): EvaluationInput {
  const imageIndex = indexIds(groundTruth.images);
  const categoryIndex = indexIds(groundTruth.categories);
  const names = new Map(groundTruth.categories.map(({ id, name }) => [id, name]));
  return {
    categories: [...categoryIndex.keys()].map((id) => ({ id, name: names.get(id) ?? String(id) })),
    images: imageIndex.size,
    groundTruth: groundTruthTable(groundTruth, imageIndex, categoryIndex),
    detections: detectionTable(detections, imageIndex, categoryIndex),
  };
}

/** id -> position among the sorted ids. */
function indexIds(items: { id: number }[]): Map<number, number> {
  const ids = [...new Set(items.map(({ id }) => id))].sort((a, b) => a - b);
  return new Map(ids.map((id, position) => [id, position]));
}

function groundTruthTable(
  { annotations, images }: CocoInstances, imageIndex: Map<number, number>, categoryIndex: Map<number, number>,
): GroundTruthTable {
  const ids = new Set<number>();
  const known = annotations.filter((annotation) => {
    const { id, bbox } = annotation;
    const area = areaOf(annotation);
    if (!Number.isFinite(id))
      throw new Error(
        `ground truth: an annotation of image ${annotation.image_id} has the id ${id}; a number is needed`,
      );
    if (ids.has(id)) throw new Error(`ground truth: annotation id ${id} occurs twice`);
    if (!isBox(bbox, area))
      throw new Error(
        `ground truth: annotation ${id}: bbox ${JSON.stringify(bbox)} or area ${area} is not made of finite numbers`,
      );
    ids.add(id);
    return imageIndex.has(annotation.image_id) && categoryIndex.has(annotation.category_id);
  });
  const image = Int32Array.from(known, (annotation) => imageIndex.get(annotation.image_id)!);
  const category = Int32Array.from(known, (annotation) => categoryIndex.get(annotation.category_id)!);
  let order: Int32Array = Int32Array.from(known.keys());
  order = countingSort(order, image, images.length);
  order = countingSort(order, category, categoryIndex.size);

  const boxes = new Float64Array(4 * known.length);
  order.forEach((source, target) => boxes.set(known[source].bbox, 4 * target));
  return {
    boxes,
    image: order.map((source) => image[source]),
    area: Float64Array.from(order, (source) => areaOf(known[source])),
    crowd: Uint8Array.from(order, (source) => (isCrowd(known[source]) ? 1 : 0)),
    idZero: Uint8Array.from(order, (source) => (known[source].id === 0 ? 1 : 0)),
    starts: groupStarts(category, categoryIndex.size),
  };
}

/** The area as written, or that of the box where there is none. */
const areaOf = ({ area, bbox }: CocoAnnotation): number => area ?? bbox?.[2] * bbox?.[3];

/** By truth, as in pycocotools, but for texts such as "0", of which there any is true. */
const isCrowd = ({ iscrowd }: CocoAnnotation): boolean => Boolean(flagOf(iscrowd) ?? iscrowd);

function detectionTable(
  detections: readonly CocoDetection[], imageIndex: Map<number, number>, categoryIndex: Map<number, number>,
): DetectionTable {
  const image = new Int32Array(detections.length);
  const category = new Int32Array(detections.length);
  const boxes = new Float64Array(4 * detections.length);
  const keys = new Float64Array(detections.length);
  let n = 0;
  for (let i = 0; i < detections.length; i++) {
    const { image_id, category_id, bbox, score } = detections[i];
    const imagePosition = imageIndex.get(image_id);
    if (imagePosition === undefined) {
      throw new Error(
        `detection ${i}: image_id ${image_id} is not among the ground truth's ` +
          'images; were these results made on another split?',
      );
    }
    if (!isBox(bbox, score))
      throw new Error(
        `detection ${i} (image ${image_id}): bbox ${JSON.stringify(bbox)} or ` +
          `score ${score} is not made of finite numbers`,
      );
    const categoryPosition = categoryIndex.get(category_id);
    if (categoryPosition === undefined) continue;
    image[n] = imagePosition;
    category[n] = categoryPosition;
    for (let side = 0; side < 4; side++) boxes[4 * n + side] = bbox[side];
    keys[n] = -score + 0; // the sum turns -0 into 0
    n++;
  }

  let order: Int32Array = new Int32Array(n).map((_, i) => i);
  order = countingSort(order, image, imageIndex.size);
  order = sortByFloat(order, keys.subarray(0, n));
  order = countingSort(order, category, categoryIndex.size);
  const sorted = new Float64Array(4 * n);
  for (let i = 0; i < n; i++) {
    for (let side = 0; side < 4; side++) sorted[4 * i + side] = boxes[4 * order[i] + side];
  }
  return {
    boxes: sorted,
    image: order.map((source) => image[source]),
    starts: groupStarts(category.subarray(0, n), categoryIndex.size),
  };
}

/**
 * Whether `box` is four finite numbers and `value` one; the sum of finite numbers is finite, of
 * strings it is a string.
 */
function isBox(box: unknown, value: unknown): boolean {
  if (!Array.isArray(box) || box.length !== 4) return false;
  return Number.isFinite(box[0] + box[1] + box[2] + box[3]) && Number.isFinite(value);
}

/** `order` rearranged by rising `keys[stride * i + offset]`, stable. */
function countingSort(
  order: Int32Array,
  keys: Int32Array | Uint16Array,
  buckets: number,
  stride = 1,
  offset = 0,
): Int32Array {
  const next = new Int32Array(buckets + 1);
  for (let i = 0; i < order.length; i++) next[keys[stride * i + offset] + 1]++;
  if (next.indexOf(order.length) > 0) return order; // all in one bucket
  for (let bucket = 0; bucket < buckets; bucket++) next[bucket + 1] += next[bucket];
  const result = new Int32Array(order.length);
  for (let i = 0; i < order.length; i++) {
    const item = order[i];
    result[next[keys[stride * item + offset]]++] = item;
  }
  return result;
}

/**
 * `order` rearranged by rising `keys`, stable: a radix sort by 16 bits at a time. Overwrites
 * `keys`.
 */
function sortByFloat(order: Int32Array, keys: Float64Array): Int32Array {
  // Bits that sort as unsigned integers do: all flipped where negative, the sign alone elsewhere.
  const words = new Uint32Array(keys.buffer, keys.byteOffset, 2 * keys.length);
  for (let i = 1; i < words.length; i += 2) {
    if (words[i] >>> 31) {
      words[i] = ~words[i];
      words[i - 1] = ~words[i - 1];
    } else {
      words[i] |= 0x80000000;
    }
  }
  const digits = new Uint16Array(keys.buffer, keys.byteOffset, 4 * keys.length);
  for (let digit = 0; digit < 4; digit++) order = countingSort(order, digits, 65536, 4, digit);
  return order;
}

/** [groups + 1]: where each group begins once the items are sorted by `group`. */
function groupStarts(group: Int32Array, groups: number): Int32Array {
  const starts = new Int32Array(groups + 1);
  for (let i = 0; i < group.length; i++) starts[group[i] + 1]++;
  for (let i = 0; i < groups; i++) starts[i + 1] += starts[i];
  return starts;
}
