/**
 * Detections of several detectors on the same pictures: which boxes are right, which are not, and
 * what was overlooked.
 */
import type { CocoDataset } from '../coco/dataset';
import type { CocoAnnotation, CocoDetection, CocoImage } from '../coco/types';
import { lookOf, type Shown } from '../runs/looks';
import { contactSheet, drawBoxes, type DrawnBox } from './pictures';
import { boxColors } from './theme';

/** Detections by detector, all of one data set. */
export interface ReportPictures {
  dataset: CocoDataset;
  detections: Record<string, CocoDetection[]>;
}

export interface Verdict {
  found: CocoDetection[];
  /** No object of its category there, or one that was found already. */
  wrong: CocoDetection[];
  missed: CocoAnnotation[];
}

type Box = [number, number, number, number];

function intersection([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): number {
  const w = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const h = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  return w > 0 && h > 0 ? w * h : 0;
}

/**
 * Sorts the detections of one picture by a plain rule, for the eye: best score first, each takes
 * the unfound object of its category with the largest IoU >= 0.5. Detections that lie mostly in a
 * crowd region are left out.
 */
export function judge(annotations: readonly CocoAnnotation[], detections: readonly CocoDetection[]): Verdict {
  const objects = annotations.filter(({ iscrowd }) => !iscrowd);
  const crowds = annotations.filter(({ iscrowd }) => iscrowd);
  const open = new Set(objects);
  const verdict: Verdict = { found: [], wrong: [], missed: [] };
  for (const detection of [...detections].sort((a, b) => b.score - a.score)) {
    const area = detection.bbox[2] * detection.bbox[3];
    let best: CocoAnnotation | undefined;
    let bestIou = 0.5;
    for (const object of open) {
      const shared = intersection(object.bbox, detection.bbox);
      const iou = shared / (object.bbox[2] * object.bbox[3] + area - shared);
      if (object.category_id === detection.category_id && iou >= bestIou) [best, bestIou] = [object, iou];
    }
    if (best) {
      open.delete(best);
      verdict.found.push(detection);
    } else if (
      !crowds.some(
        ({ bbox, category_id }) =>
          category_id === detection.category_id && intersection(bbox, detection.bbox) >= 0.5 * area,
      )
    ) {
      verdict.wrong.push(detection);
    }
  }
  verdict.missed = [...open];
  return verdict;
}

/** Some pictures with objects, evenly spread over the data set. */
export function pickImages({ images, annotationsOf }: CocoDataset, count: number): CocoImage[] {
  const several = images.filter(({ id }) => annotationsOf(id).length > 1);
  const pool = several.length >= count ? several : images;
  const wanted = Math.min(count, pool.length);
  return Array.from({ length: wanted }, (_, i) => pool[Math.floor(((i + 0.5) * pool.length) / wanted)]);
}

/** The annotations of a picture, to draw. */
export function truthBoxes(dataset: CocoDataset, imageId: number): DrawnBox[] {
  const name = namesOf(dataset);
  return dataset
    .annotationsOf(imageId)
    .filter(({ iscrowd }) => !iscrowd)
    .map(({ bbox, category_id }) => ({ bbox, color: boxColors.truth, label: name(category_id) }));
}

/**
 * A verdict, to draw, the best scores last: full lines are right, dashed ones wrong, dotted ones
 * overlooked objects.
 */
export function verdictBoxes(dataset: CocoDataset, { found, wrong, missed }: Verdict): DrawnBox[] {
  const name = namesOf(dataset);
  const label = ({ category_id, score }: CocoDetection): string => `${name(category_id)} ${score.toFixed(2)}`;
  return [
    ...missed.map(({ bbox }) => ({ bbox, color: boxColors.missed, dash: '2 4' })),
    ...[...wrong]
      .reverse()
      .map((detection) => ({ bbox: detection.bbox, color: boxColors.wrong, dash: '6 4', label: label(detection) })),
    ...[...found]
      .reverse()
      .map((detection) => ({ bbox: detection.bbox, color: boxColors.found, label: label(detection) })),
  ];
}

function namesOf({ categories }: CocoDataset): (id: number) => string {
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? String(id);
}

/** What a detector is called: a variant by its title, which may stand in `results`, another by its own name. */
export function detectorTitle(detector: string, results: readonly Shown[] = []): string {
  return lookOf(results.find(({ variant }) => variant === detector) ?? { variant: detector }).title;
}

export interface DetectionPanel {
  detector: string;
  /** PNG file's bytes. */
  image: Buffer;
  /** "3 of 4 found, 1 wrong". */
  caption: string;
}

export interface DetectionOptions {
  /** How many pictures. Default 6. */
  count?: number;
  /** Width of a panel in pixels. Default 260. */
  width?: number;
  /** Detections below are not drawn. Default 0.3. */
  threshold?: number;
}

export const SCORE_THRESHOLD = 0.3;

/**
 * For each chosen picture a row of panels: the ground truth, then every detector that has
 * detections.
 */
export async function detectionPanels(
  { dataset, detections }: ReportPictures,
  options: DetectionOptions = {},
): Promise<{ image: CocoImage; panels: DetectionPanel[] }[]> {
  const { count = 6, width = 260, threshold = SCORE_THRESHOLD } = options;
  const detectors = Object.entries(detections).filter(([, rows]) => rows.length > 0);
  return Promise.all(
    pickImages(dataset, count).map(async (image) => {
      const file = dataset.fileOf(image);
      const annotations = dataset.annotationsOf(image.id);
      const truth = truthBoxes(dataset, image.id);
      const objects = truth.length === 1 ? '1 object' : `${truth.length} objects`;
      const panels: DetectionPanel[] = [
        { detector: 'ground truth', image: await drawBoxes(file, truth, { width }), caption: objects },
      ];
      for (const [detector, rows] of detectors) {
        const verdict = judge(
          annotations,
          rows.filter(({ image_id, score }) => image_id === image.id && score >= threshold),
        );
        const caption = `${verdict.found.length} of ${truth.length} found, ${verdict.wrong.length} wrong`;
        panels.push({ detector, image: await drawBoxes(file, verdictBoxes(dataset, verdict), { width }), caption });
      }
      return { image, panels };
    }),
  );
}

/** The same as one PNG, for a notebook: a row a picture, a column a detector. */
export async function detectionSheet(pictures: ReportPictures, options: DetectionOptions = {}): Promise<Buffer> {
  const rows = await detectionPanels(pictures, { count: 4, ...options });
  const panels = rows.flatMap((row) =>
    row.panels.map(({ detector, caption, image }) => ({ image, title: `${detectorTitle(detector)}: ${caption}` })),
  );
  return contactSheet(panels, { columns: rows[0]?.panels.length });
}
