/** What the loader's settings may be that experiments and files hold: ranges, whole numbers. */
import * as s from '../core/schema';
import type { Augmentation } from './augmentation';
import type { ColorRanges } from './color';
import type { InputSize } from './input-size';

const side = s.whole(8, 8192); // pixels

export const inputSizeSchema: s.Schema<InputSize> = s.either(
  s.has('longSide'),
  s.fields({ longSide: side, shortSide: side }),
  s.fields({ width: side, height: side }),
);

export const colorSchema: s.Schema<ColorRanges> = s.fields({
  brightness: s.real(0, 255),
  contrast: s.range(0, 10),
  saturation: s.range(0, 10),
  hue: s.real(0, 180),
});

export const augmentationSchema: s.Schema<Augmentation> = s.fields({
  sizes: s.optional(s.list(inputSizeSchema, 1, 100)),
  zoom: s.optional(s.fields({ scale: s.range(0.1, 10), aspect: s.real(1, 4) })),
  color: s.optional(colorSchema),
});
