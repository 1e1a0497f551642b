/**
 * The heart of the COCO evaluation: one walk over a category's detections, best first, that matches
 * them to annotations and counts true and false positives, for ten IoU thresholds and four area
 * ranges at once.
 *
 * A detection meets only annotations of its own image, so going through the detections of all
 * images by falling score gives each image the order in which pycocotools matches it, and gives the
 * precision-recall curve in passing. The ten thresholds are ten bits of a number: which of them an
 * overlap passes, at which an annotation is taken already.
 */
import type { DetectionTable, GroundTruthTable } from './evaluation-input';

/** numpy.linspace(0.5, 0.95, 10), to the last bit. */
export const IOU_THRESHOLDS: readonly number[] = linspace(0.5, 0.95, 10);
/** numpy.linspace(0, 1, 101). */
export const RECALL_THRESHOLDS: readonly number[] = linspace(0, 1, 101);
/** Names of the area ranges, in the order of `AREA_RANGES`. */
export const AREA_NAMES = ['all', 'small', 'medium', 'large'] as const;
/** Square pixels, both ends included. */
const AREA_RANGES = [[0, 1e10], [0, 32 ** 2], [32 ** 2, 96 ** 2], [96 ** 2, 1e10]];
/** Detections of one category taken from one image: the best ones. */
const MAX_DETECTIONS = 100;

const T = IOU_THRESHOLDS.length;
const A = AREA_RANGES.length;
const ALL_THRESHOLDS = (1 << T) - 1;

/** What the walk over one category leaves behind. `[a][t]` stands for index a * 10 + t. */
export interface CategoryCounts {
  /** [a]: annotations that count in this area range: no crowds, none of another size. */
  positives: Int32Array;
  /** [a][t]: true positives among 100 detections an image. */
  truePositives: Int32Array;
  /** [t]: true positives of any area among the best 1 and the best 10 detections an image. */
  truePositives1: Int32Array;
  truePositives10: Int32Array;
  /** [a][t][j], `capacity` entries each: false positives that precede true positive j. */
  falsePositives: Int32Array;
  capacity: number;
}

/** A function of the category's position; its working memory serves one call after the other. */
export function createMatcher(
  groundTruth: GroundTruthTable,
  detections: DetectionTable,
  images: number,
): (category: number) => CategoryCounts {
  const firstTruth = new Int32Array(images);
  const lastTruth = new Int32Array(images);
  const seen = new Int32Array(images);
  const ignored = Uint8Array.from(groundTruth.area, (area, g) =>
    groundTruth.crowd[g] ? (1 << A) - 1 : outsideRanges(area),
  );
  const taken = new Int16Array(A * groundTruth.image.length); // [annotation][a], a bit a threshold
  const { crowd, idZero } = groundTruth;
  const candidates = createCandidates(groundTruth);

  return (category) => {
    const begin = groundTruth.starts[category];
    const end = groundTruth.starts[category + 1];
    firstTruth.fill(0);
    lastTruth.fill(0);
    seen.fill(0);
    const positives = new Int32Array(A);
    for (let g = end - 1; g >= begin; g--) {
      const image = groundTruth.image[g];
      firstTruth[image] = g;
      if (lastTruth[image] === 0) lastTruth[image] = g + 1;
      for (let a = 0; a < A; a++) if (!((ignored[g] >> a) & 1)) positives[a]++;
    }
    const capacity = end - begin;
    const truePositives = new Int32Array(A * T);
    const truePositives1 = new Int32Array(T);
    const truePositives10 = new Int32Array(T);
    const falsePositives = new Int32Array(A * T * capacity);
    const inRange = new Int32Array(A); // detections so far whose own area lies in the range,
    const excused = new Int32Array(A * T); // and those of them that were no false positives at the threshold

    for (let d = detections.starts[category]; d < detections.starts[category + 1]; d++) {
      const image = detections.image[d];
      const rank = seen[image]++;
      if (rank >= MAX_DETECTIONS) continue;
      const outside = outsideRanges(detections.boxes[4 * d + 2] * detections.boxes[4 * d + 3]);
      const count =
        lastTruth[image] === 0 ? 0 : candidates.find(detections.boxes, d, firstTruth[image], lastTruth[image]);
      for (let a = 0; a < A; a++) {
        const countsAlone = !((outside >> a) & 1);
        if (countsAlone) inRange[a]++;
        if (count === 0) continue;

        // Annotations that count come before those that are ignored; among each, the largest
        // overlap wins.
        let open = ALL_THRESHOLDS;
        let hit = 0;
        let forgiven = 0;
        for (let pass = 0; pass < 2; pass++) {
          for (let c = 0; c < count && open; c++) {
            const g = candidates.annotation[c];
            if (((ignored[g] >> a) & 1) !== pass) continue;
            const free = crowd[g] ? ALL_THRESHOLDS : ~taken[A * g + a];
            const matched = candidates.passes[c] & open & free;
            taken[A * g + a] |= matched;
            open &= ~matched;
            if (pass) forgiven |= matched;
            else if (!idZero[g]) hit |= matched;
          }
        }
        for (let t = 0, bits = hit | forgiven; bits; t++, bits >>= 1) {
          if (!(bits & 1)) continue;
          const at = a * T + t;
          if (countsAlone) excused[at]++;
          if (!((hit >> t) & 1)) continue;
          falsePositives[at * capacity + truePositives[at]++] = inRange[a] - excused[at];
          if (a === 0 && rank < 10) truePositives10[t]++;
          if (a === 0 && rank < 1) truePositives1[t]++;
        }
      }
    }
    return { positives, truePositives, truePositives1, truePositives10, falsePositives, capacity };
  };
}

/** A bit for every area range that `area` is not in. */
function outsideRanges(area: number): number {
  let bits = 0;
  for (let a = 0; a < A; a++) if (area < AREA_RANGES[a][0] || area > AREA_RANGES[a][1]) bits |= 1 << a;
  return bits;
}

/**
 * The annotations that a detection overlaps enough, by falling overlap; of equal ones the later
 * comes first.
 */
function createCandidates(groundTruth: GroundTruthTable) {
  const { boxes: truth, crowd } = groundTruth;
  let annotation = new Int32Array(64);
  let passes = new Int32Array(64);
  let overlap = new Float64Array(64);

  /**
   * Fills the list with the annotations first..last-1 that pass the lowest threshold; returns how
   * many.
   */
  function find(boxes: Float64Array, d: number, first: number, last: number): number {
    if (last - first > annotation.length) {
      annotation = new Int32Array(2 * (last - first));
      passes = new Int32Array(2 * (last - first));
      overlap = new Float64Array(2 * (last - first));
    }
    const x = boxes[4 * d];
    const y = boxes[4 * d + 1];
    const width = boxes[4 * d + 2];
    const height = boxes[4 * d + 3];
    let count = 0;
    for (let g = first; g < last; g++) {
      const gx = truth[4 * g];
      const gy = truth[4 * g + 1];
      const gw = truth[4 * g + 2];
      const gh = truth[4 * g + 3];
      const w = Math.min(width + x, gw + gx) - Math.max(x, gx);
      if (w <= 0) continue;
      const h = Math.min(height + y, gh + gy) - Math.max(y, gy);
      if (h <= 0) continue;
      const intersection = w * h;
      const iou = intersection / (crowd[g] ? width * height : width * height + gw * gh - intersection);
      if (!(iou >= IOU_THRESHOLDS[0])) continue;

      let place = count++;
      for (; place > 0 && overlap[place - 1] <= iou; place--) {
        overlap[place] = overlap[place - 1];
        annotation[place] = annotation[place - 1];
        passes[place] = passes[place - 1];
      }
      overlap[place] = iou;
      annotation[place] = g;
      passes[place] = passedThresholds(iou);
    }
    return count;
  }
  return { find, get annotation() { return annotation; }, get passes() { return passes; } };
}

/** A bit for every threshold that `iou` reaches. */
function passedThresholds(iou: number): number {
  let t = 0;
  while (t < T && iou >= IOU_THRESHOLDS[t]) t++;
  return (1 << t) - 1;
}

/**
 * Precision at the 101 recall thresholds: the best precision at that recall or more, 0 where it is
 * never reached. Writes result[offset + r * stride]. Precision falls between true positives, so
 * only these are looked at.
 */
export function interpolatePrecision(
  { positives, truePositives, falsePositives, capacity }: CategoryCounts, a: number, t: number,
  result: Float64Array, offset: number, stride: number,
): void {
  const total = truePositives[a * T + t];
  const before = falsePositives.subarray((a * T + t) * capacity, (a * T + t) * capacity + total);
  let best = 0;
  let r = RECALL_THRESHOLDS.length - 1;
  for (let j = total; j >= 0; j--) {
    // Thresholds above the recall that j true positives give are reached with more of them: that is
    // `best` so far.
    for (; r >= 0 && (j === 0 || RECALL_THRESHOLDS[r] > j / positives[a]); r--) result[offset + r * stride] = best;
    if (j > 0) best = Math.max(best, j / (before[j - 1] + j + Number.EPSILON));
  }
}

function linspace(start: number, stop: number, count: number): number[] {
  const step = (stop - start) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? stop : i * step + start));
}
