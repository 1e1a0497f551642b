/**
 * One batch of network inputs and label maps from files: read, resize, crop, mirror, distort
 * colours, normalise, pad. This is what a loader's worker thread does; it knows no TensorFlow.
 */
import { cut } from '../coco/augmentation';
import { changeColor } from '../coco/color';
import type { Picture } from '../coco/image';
import { inputSize, paddedSize, type InputSize, type Size } from '../coco/input-size';
import { resizeBilinear } from '../coco/resize';
import type { Draw } from '../coco/sampler';
import { fill, normalizationTable } from '../coco/transforms';
import type { LabelMap } from '../data/label-map';
import type { Normalization, Origin } from '../data/types';
import { chooseCrop, resizedSize, type SemanticAugmentation, type SemanticDrawn } from './augmentation';
import { readLabelled, type SemanticDataset } from './dataset';
import { placeLabels, resizeNearest } from './label-map';

/** All that a thread is told once; it can be sent to a worker. */
export interface SemanticPlan {
  dataset: Pick<SemanticDataset, 'images' | 'classes' | 'table'>;
  size: InputSize;
  padMultiple: number;
  normalization: Normalization;
  augmentation?: SemanticAugmentation;
  /** Whether label maps have the input's size or stay as they are in the file. */
  labels: 'input' | 'original';
}

export interface SemanticAssembly {
  /** [N, H, W, 3]. */
  shape: [number, number, number, number];
  inputs: Float32Array;
  targets: LabelMap[];
  origins: Origin[];
}

/** A picture at its input's scale, cut and coloured, and how it came there. */
interface Shown {
  picture: Picture;
  /** The whole label map, at the scale of the picture before it was cut. */
  map: LabelMap;
  original: LabelMap;
  /** Of the cut in the resized picture. */
  corner: { x: number; y: number };
  flip: boolean;
  id: number;
}

/** A function that makes batches by `plan`. Its result depends on the draws only. */
export function createSemanticAssembler(
  plan: SemanticPlan,
): (draws: readonly Draw<SemanticDrawn>[]) => Promise<SemanticAssembly> {
  const table = normalizationTable(plan.normalization);
  return async (draws) => {
    const all: Shown[] = [];
    for (const draw of draws) all.push(await show(plan, draw));
    const crop = plan.augmentation?.crop;
    const size = paddedSize(crop ? [crop] : all.map(({ picture }) => picture), plan.padMultiple);
    const each = size.height * size.width * 3;
    const inputs = new Float32Array(all.length * each);
    all.forEach(({ picture, flip }, i) =>
      fill(inputs, i * each, size.width, picture, flip, table, plan.normalization.order),
    );
    const targets = all.map(({ map, original, corner, picture, flip }) =>
      plan.labels === 'original' ? original : placeLabels(map, corner, picture, flip, size),
    );
    return { shape: [all.length, size.height, size.width, 3], inputs, targets, origins: all.map(originOf) };
  };
}

async function show(
  { dataset, size, augmentation }: SemanticPlan,
  { index, flip, drawn }: Draw<SemanticDrawn>,
): Promise<Shown> {
  const image = dataset.images[index];
  const { picture: read, map: original } = await readLabelled(image, dataset);
  const scaled: Size = drawn ? resizedSize(read, size, drawn.ratio) : inputSize(read, size);
  const picture = resizeBilinear(read, scaled.width, scaled.height);
  const map = resizeNearest(original, scaled.width, scaled.height);
  const whole = { picture, map, original, corner: { x: 0, y: 0 }, flip, id: image.id };
  if (!augmentation || !drawn) return whole;
  const corner = chooseCrop(map, augmentation, drawn);
  const part = {
    ...corner,
    width: Math.min(augmentation.crop.width, scaled.width),
    height: Math.min(augmentation.crop.height, scaled.height),
  };
  const shown = cut(picture, part);
  return { ...whole, corner, picture: drawn.color ? changeColor(shown, drawn.color) : shown };
}

function originOf({ picture, map, original, corner, flip, id }: Shown): Origin {
  const isCut = picture.width < map.width || picture.height < map.height;
  return {
    id,
    width: original.width,
    height: original.height,
    scaleX: map.width / original.width,
    scaleY: map.height / original.height,
    inputWidth: picture.width,
    inputHeight: picture.height,
    flipped: flip,
    ...(isCut && {
      augmented: { shift: { x: -corner.x, y: -corner.y }, shown: [0, 0, picture.width, picture.height] as const },
    }),
  };
}
