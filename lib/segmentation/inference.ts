/** What a segmenter says of whole pictures: at once, or by windows whose logits are averaged where they overlap. */
import type { Origin } from '../data/types';
import { interpolate } from '../kernels/resize';
import { tf, type Tensor, type Tensor4D } from '../tf';
import type { Segmenter } from './segmenter';

/** Windows over the input, in its pixels; the last of a row or column end at its edge. */
export interface SlidingWindows {
  /** [height, width] */
  crop: readonly [number, number];
  /** From one window to the next: [down, right]. */
  stride: readonly [number, number];
}

/** Of a picture inside the padded input, and its own. */
export type PictureSize = Pick<Origin, 'inputWidth' | 'inputHeight' | 'width' | 'height'>;

/**
 * [N, H, W, 3] -> logits [N, H, W, classes].
 * @param windows mmsegmentation's test_cfg mode 'slide'; default: all at once
 */
export function inputLogits(segmenter: Segmenter, images: Tensor4D, windows?: SlidingWindows): Tensor4D {
  const [, height, width] = images.shape;
  return tf.tidy(() => {
    if (!windows) return resizedLogits(segmenter, images);
    const { classes } = segmenter.config;
    const [rows, columns] = [height, width].map((size, axis) =>
      starts(size, windows.crop[axis], windows.stride[axis]),
    );
    let sums: Tensor = tf.zeros([images.shape[0], height, width, classes]);
    const counts = new Float32Array(height * width);
    for (const [top, h] of rows)
      for (const [left, w] of columns) {
        const before = sums;
        sums = tf.tidy(() => {
          const window = tf.slice(images, [0, top, left, 0], [-1, h, w, -1]) as Tensor4D;
          const around: [number, number][] = [[0, 0], [top, height - top - h], [left, width - left - w], [0, 0]];
          return tf.add(before, tf.pad(resizedLogits(segmenter, window), around));
        });
        before.dispose();
        for (let y = top; y < top + h; y++)
          for (let x = left; x < left + w; x++) counts[y * width + x]++;
      }
    return tf.div(sums, tf.tensor4d(counts, [1, height, width, 1])) as Tensor4D;
  });
}

/**
 * The class of every pixel of each picture, at its own size: logits of the input without its
 * padding, resized once more, as mmsegmentation does.
 * @returns one [height * width] a picture
 */
export function segment(
  segmenter: Segmenter,
  images: Tensor4D,
  origins: readonly PictureSize[],
  windows?: SlidingWindows,
): Uint8Array[] {
  const maps = tf.tidy(() => {
    const logits = inputLogits(segmenter, images, windows);
    return origins.map(({ inputWidth, inputHeight, width, height }, picture) => {
      const shown = tf.slice(logits, [picture, 0, 0, 0], [1, inputHeight, inputWidth, -1]) as Tensor4D;
      return tf.argMax(interpolate(shown, [height, width], segmenter.config), 3);
    });
  });
  return maps.map((map) => {
    const classes = Uint8Array.from(map.dataSync());
    map.dispose();
    return classes;
  });
}

function resizedLogits(segmenter: Segmenter, images: Tensor4D): Tensor4D {
  const [, height, width] = images.shape;
  const { logits } = segmenter.head(segmenter.pyramid(images));
  return interpolate(logits, [height, width], segmenter.config);
}

/** Where windows start along one axis, and their sizes there. */
function starts(size: number, crop: number, stride: number): [start: number, size: number][] {
  const count = Math.floor(Math.max(size - crop + stride - 1, 0) / stride) + 1;
  return Array.from({ length: count }, (_, i): [number, number] => {
    const end = Math.min(i * stride + crop, size);
    const start = Math.max(end - crop, 0);
    return [start, end - start];
  });
}
