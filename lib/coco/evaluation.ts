/**
 * COCO box evaluation: average precision and recall as pycocotools computes and prints them, to the
 * last bit.
 *
 * AP is the precision averaged over 101 recall thresholds, ten IoU thresholds (0.50 to 0.95) and
 * the categories. What has no annotation to find is -1, as in pycocotools, and takes no part in a
 * mean. Definition: https://cocodataset.org/#detection-eval
 */
import { prepareEvaluation } from './evaluation-input';
import { AREA_NAMES, IOU_THRESHOLDS, RECALL_THRESHOLDS, createMatcher, interpolatePrecision } from './evaluation-match';
import type { CocoDetection, CocoInstances } from './types';

export type AreaName = (typeof AREA_NAMES)[number];

/**
 * One category's numbers, at 100 detections an image where not said otherwise; -1 where there is
 * nothing to find.
 */
export interface CategoryEvaluation {
  id: number;
  name: string;
  /** Annotations to find: those that are no crowd regions. */
  count: number;
  ap: number;
  ap50: number;
  ap75: number;
  apSmall: number;
  apMedium: number;
  apLarge: number;
  /** Average recall with 1, 10 and 100 detections an image. */
  ar1: number;
  ar10: number;
  ar100: number;
  arSmall: number;
  arMedium: number;
  arLarge: number;
}

/**
 * Which curve: an IoU threshold of 0.50, 0.55 ... 0.95 (default 0.5), an area range (default
 * 'all'), a category id (default: the mean of all).
 */
export interface CurveOptions {
  iou?: number;
  area?: AreaName;
  category?: number;
}

export interface BoxEvaluation {
  /**
   * [12]: AP, AP50, AP75, AP small, medium, large; AR with 1, 10, 100 detections an image, AR
   * small, medium, large.
   */
  stats: number[];
  /** The twelve lines that pycocotools prints. */
  summary: string;
  /** Sorted by id. */
  perCategory: CategoryEvaluation[];
  /**
   * [101] recall thresholds, and the interpolated precision at each; -1 where there is nothing to
   * find.
   */
  precisionRecall(options?: CurveOptions): { recall: number[]; precision: number[] };
  /** The recall reached, of one category or the mean of all; -1 where there is nothing to find. */
  recall(options?: CurveOptions): number;
}

const T = IOU_THRESHOLDS.length;
const R = RECALL_THRESHOLDS.length;
const IOU_50 = 0;
const IOU_75 = 5;

/**
 * Compares detections with the ground truth of the same split. Crowd regions, area ranges, ties of
 * scores, empty categories and the annotation id 0, which pycocotools never counts as found, are
 * treated as pycocotools does. Annotations of unknown images, and anything of an unknown category,
 * are left out as there.
 * @param groundTruth a parsed `instances_*.json`
 * @param detections the rows of a results file, in pixels of the original pictures, in any order
 * @throws naming the detection or annotation whose image is unknown, whose id occurs twice or whose
 *   numbers are not finite
 */
export function evaluateBoxes(groundTruth: CocoInstances, detections: readonly CocoDetection[]): BoxEvaluation {
  const input = prepareEvaluation(groundTruth, detections);
  const { categories } = input;
  const K = categories.length;
  const matchCategory = createMatcher(input.groundTruth, input.detections, input.images);

  // Laid out as pycocotools' arrays are when it takes their means: the order of a sum decides its
  // last bit.
  const precision = AREA_NAMES.map(() => new Float64Array(T * R * K).fill(-1)); // [area][t, r, k]
  const recall = AREA_NAMES.map(() => new Float64Array(T * K).fill(-1)); // [area][t, k]
  const recall1 = new Float64Array(T * K).fill(-1); // [t, k]
  const recall10 = new Float64Array(T * K).fill(-1);
  const counts = categories.map((_, k) => {
    const found = matchCategory(k);
    for (let a = 0; a < AREA_NAMES.length; a++) {
      const positives = found.positives[a];
      if (positives === 0) continue;
      for (let t = 0; t < T; t++) {
        interpolatePrecision(found, a, t, precision[a], t * R * K + k, K);
        recall[a][t * K + k] = found.truePositives[a * T + t] / positives;
        if (a > 0) continue;
        recall1[t * K + k] = found.truePositives1[t] / positives;
        recall10[t * K + k] = found.truePositives10[t] / positives;
      }
    }
    return found.positives[0];
  });

  const atIou = (values: Float64Array, t: number) =>
    values.subarray((t * values.length) / T, ((t + 1) * values.length) / T);
  const metrics = (select: (values: Float64Array) => Float64Array): number[] => [
    precision[0], atIou(precision[0], IOU_50), atIou(precision[0], IOU_75), precision[1], precision[2], precision[3],
    recall1, recall10, recall[0], recall[1], recall[2], recall[3],
  ].map((values) => meanOfPresent(select(values)));
  const ofCategory = (values: Float64Array, k: number) =>
    Float64Array.from({ length: values.length / K }, (_, i) => values[i * K + k]);
  const stats = metrics((values) => values);

  const curve = ({ iou = 0.5, area = 'all', category }: CurveOptions = {}) => {
    const t = IOU_THRESHOLDS.findIndex((threshold) => Math.abs(threshold - iou) < 1e-6);
    const a = AREA_NAMES.indexOf(area);
    const k = categories.findIndex(({ id }) => id === category);
    if (t < 0) throw new Error(`iou ${iou} is not evaluated; it is 0.50, 0.55 ... 0.95`);
    if (a < 0) throw new Error(`area "${area}" is not evaluated; it is one of ${AREA_NAMES.join(', ')}`);
    if (category !== undefined && k < 0) throw new Error(`category ${category} is not in the ground truth`);
    /** The mean over categories, or the one category's value, of a row [k]. */
    const pick = (row: Float64Array) => (category === undefined ? meanOfPresent(row) : row[k]);
    return { precision: atIou(precision[a], t), recall: atIou(recall[a], t), pick };
  };

  return {
    stats,
    summary: summarize(stats),
    perCategory: categories.map(({ id, name }, k) => {
      const [ap, ap50, ap75, apSmall, apMedium, apLarge, ar1, ar10, ar100, arSmall, arMedium, arLarge] = metrics(
        (values) => ofCategory(values, k),
      );
      return {
        id,
        name,
        count: counts[k],
        ap,
        ap50,
        ap75,
        apSmall,
        apMedium,
        apLarge,
        ar1,
        ar10,
        ar100,
        arSmall,
        arMedium,
        arLarge,
      };
    }),
    precisionRecall(options) {
      const { precision: rows, pick } = curve(options);
      return {
        recall: [...RECALL_THRESHOLDS],
        precision: RECALL_THRESHOLDS.map((_, r) => pick(rows.subarray(r * K, (r + 1) * K))),
      };
    },
    recall(options) {
      const { recall: row, pick } = curve(options);
      return pick(row);
    },
  };
}

/** The mean of the values that are not -1, or -1 where there are none. */
function meanOfPresent(values: Float64Array): number {
  const present = values.filter((value) => value > -1);
  return present.length === 0 ? -1 : pairwiseSum(present, 0, present.length) / present.length;
}

/**
 * numpy's order of summation, so that a mean next to a rounding edge prints the same digits: eight
 * partial sums a block of 128.
 */
function pairwiseSum(values: Float64Array, start: number, length: number): number {
  if (length > 128) {
    const half = Math.floor(length / 2);
    const left = half - (half % 8);
    return pairwiseSum(values, start, left) + pairwiseSum(values, start + left, length - left);
  }
  const whole = length < 8 ? 0 : length - (length % 8);
  let sum = 0;
  if (whole > 0) {
    const partial = values.slice(start, start + 8);
    for (let i = 8; i < whole; i++) partial[i % 8] += values[start + i];
    sum = partial[0] + partial[1] + (partial[2] + partial[3]) + (partial[4] + partial[5] + (partial[6] + partial[7]));
  }
  for (let i = whole; i < length; i++) sum += values[start + i];
  return sum;
}

/** [title, IoU, area, detections an image] of each of the twelve numbers. */
const LINES: [string, string, AreaName, number][] = [
  ['Precision', '0.50:0.95', 'all', 100],
  ['Precision', '0.50', 'all', 100],
  ['Precision', '0.75', 'all', 100],
  ['Precision', '0.50:0.95', 'small', 100],
  ['Precision', '0.50:0.95', 'medium', 100],
  ['Precision', '0.50:0.95', 'large', 100],
  ['Recall', '0.50:0.95', 'all', 1],
  ['Recall', '0.50:0.95', 'all', 10],
  ['Recall', '0.50:0.95', 'all', 100],
  ['Recall', '0.50:0.95', 'small', 100],
  ['Recall', '0.50:0.95', 'medium', 100],
  ['Recall', '0.50:0.95', 'large', 100],
];

function summarize(stats: number[]): string {
  return LINES.map(([title, iou, area, detections], i) => {
    const name = `Average ${title}`.padEnd(18);
    const short = title === 'Precision' ? '(AP)' : '(AR)';
    return (
      ` ${name} ${short} @[ IoU=${iou.padEnd(9)} | area=${area.padStart(6)} | ` +
      `maxDets=${String(detections).padStart(3)} ] = ${printed(stats[i])}`
    );
  }).join('\n');
}

/**
 * Three digits as Python prints them: `toFixed` rounds an exact tie up, Python to even, and the
 * ties are the odd sixteenths.
 */
function printed(value: number): string {
  const thousands = Math.floor(value * 1000);
  const roundDown = (value * 16) % 2 === 1 && thousands % 2 === 0;
  return (roundDown ? thousands / 1000 : value).toFixed(3);
}
