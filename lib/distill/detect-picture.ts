/** A detector shown one picture: the same pixels and boxes as in evaluation. */
import { toCocoDetections } from '../coco/detections';
import { decode, type Picture } from '../coco/image';
import { resizeBilinear } from '../coco/resize';
import { resizeAntialias } from '../coco/resize-antialias';
import { inputSize, PAD_MULTIPLE, paddedSize } from '../coco/input-size';
import { fill, IMAGENET, normalizationTable, originOf } from '../coco/transforms';
import type { CocoDetection } from '../coco/types';
import type { Detections } from '../data/types';
import type { DetectOptions } from '../detection/detector';
import { tf, type Tensor4D } from '../tf';
import type { PictureDetector } from './detector-file';

/** An object that was found. */
export interface FoundObject extends Pick<CocoDetection, 'category_id' | 'bbox' | 'score'> {
  /** Its category's. */
  name: string;
}

/**
 * The objects that a detector finds on a picture, best first, boxes in the picture's own pixels.
 * @param picture a file, or decoded pixels
 * @throws naming the file that is no picture, or broken
 */
export async function detectPicture(
  { detector, size, antialias, categories }: PictureDetector,
  picture: string | Picture,
  options: DetectOptions = {},
): Promise<FoundObject[]> {
  const original = typeof picture === 'string' ? await decodePicture(picture) : picture;
  const { width, height } = inputSize(original, size);
  const resized = await (antialias ? resizeAntialias : resizeBilinear)(original, width, height);
  const padded = paddedSize([resized], PAD_MULTIPLE);
  const normalization = detector.config.input ?? IMAGENET;
  const input = new Float32Array(padded.width * padded.height * 3);
  fill(input, 0, padded.width, resized, false, normalizationTable(normalization), normalization.order);
  const origin = originOf({ id: 0, file_name: '', ...sizeOf(original) }, size, false);
  let found: Detections[] = [];
  tf.tidy(() => {
    const images = tf.tensor4d(input, [1, padded.height, padded.width, 3]) as Tensor4D;
    found = detector.detect(detector.head(detector.pyramid(images)), [origin], options);
  });
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  return toCocoDetections(found, [origin], categories).map(({ category_id, bbox, score }) => ({
    name: names.get(category_id)!,
    category_id,
    bbox,
    score,
  }));
}

const sizeOf = ({ width, height }: Picture) => ({ width, height });

/** Decodes a picture file; an error names it. */
export async function decodePicture(file: string): Promise<Picture> {
  return decode(file).catch((error: unknown) => {
    const reason = [...new Set((error as Error).message.trim().split('\n'))].join('; ');
    throw new Error(`${file} cannot be read as a picture (${reason})`);
  });
}
