/** The shapes of COCO's own JSON files, and of what training and evaluation hand around. */
import type { Tensor4D } from '../tf';

export interface CocoImage {
  id: number;
  file_name: string;
  width: number;
  height: number;
}

export interface CocoAnnotation {
  id: number;
  image_id: number;
  category_id: number;
  /** x, y, width, height in pixels of the original picture. */
  bbox: [number, number, number, number];
  area: number;
  iscrowd: 0 | 1;
  /** 1: not trained on, as in mmdetection; evaluation overlooks the field, as pycocotools does. */
  ignore?: 1;
}

export interface CocoCategory {
  id: number;
  name: string;
}

/** `instances_*.json`. */
export interface CocoInstances {
  images: CocoImage[];
  annotations: CocoAnnotation[];
  categories: CocoCategory[];
}

/** One row of a COCO results file. */
export interface CocoDetection {
  image_id: number;
  category_id: number;
  /** x, y, width, height in pixels of the original picture. */
  bbox: [number, number, number, number];
  score: number;
}

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
}

/** One step's pictures, normalised and padded. The receiver disposes `images`. */
export interface Batch {
  /** [N, H, W, 3] float32. */
  images: Tensor4D;
  targets: Target[];
  origins: Origin[];
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
