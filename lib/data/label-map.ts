/** What a picture is taught where every pixel has a class. */
export interface LabelMap {
  height: number;
  width: number;
  /** [height * width], row by row: the class of each pixel, or `IGNORED`. */
  labels: Uint8Array;
}

/** Of pixels that are taught nothing and count in no score: Cityscapes', VOC's and mmsegmentation's. */
export const IGNORED = 255;
