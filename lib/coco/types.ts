/** The shapes of COCO's own JSON files. */

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
