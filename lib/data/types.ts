/** What data sets, training, detectors and evaluation hand around, whatever format the data has. */
import type { Tensor4D } from '../tf';

/**
 * What a picture should be taught: boxes in the pixels of the network's input, labels counted from
 * 0.
 */
export interface Target {
  /** [n * 4]: x1, y1, x2, y2 after resizing and flipping, of what is trained on. */
  boxes: Float32Array;
  /** [n] class index: position of the category in the file's `categories`. */
  labels: Int32Array;
}

/** Where a picture of a batch came from, to carry boxes back to the original picture. */
export interface Origin {
  id: number;
  /** Original size in pixels. */
  width: number;
  height: number;
  /** Network input pixels for one original pixel, horizontally and vertically. */
  scaleX: number;
  scaleY: number;
  /** Size of the resized picture inside the padded input, in input pixels. */
  inputWidth: number;
  inputHeight: number;
  /** Whether it was mirrored left to right. */
  flipped: boolean;
  /** Only where the loader augments, before mirroring: input pixel = original pixel * scale + shift. */
  augmented?: {
    shift: { x: number; y: number };
    /** The part of the input that shows the picture: x1, y1, x2, y2. */
    shown: readonly [number, number, number, number];
  };
}

/**
 * One step's pictures, normalised and padded. The receiver disposes `images`.
 * @typeParam T what a picture is taught
 */
export interface Batch<T = Target> {
  /** [N, H, W, 3] float32. */
  images: Tensor4D;
  targets: T[];
  origins: Origin[];
}

/** How the bytes of a picture become a network's input. */
export interface Normalization {
  /** Of the channels as the network reads them. Default 'rgb'. */
  order?: 'rgb' | 'bgr';
  /** Of each channel in that order, in the scale 0..255. */
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

/** Detections of one picture, best first, boxes in network input pixels. */
export interface Detections {
  /** [n * 4]: x1, y1, x2, y2. */
  boxes: Float32Array;
  /** [n]. */
  scores: Float32Array;
  /** [n] class index. */
  labels: Int32Array;
}
