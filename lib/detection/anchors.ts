/**
 * Anchor boxes, the same around every position of each pyramid level's grid: value for value those
 * of mmdet's `AnchorGenerator` with center_offset 0, or torchvision's. Numbers are rounded to
 * float32 where PyTorch rounds, so that ties in the assignment fall as they do there.
 */
import { roundEven } from '../core/round-even';

export interface AnchorConfig {
  /** Side of the smallest square anchor in strides (mmdet's `octave_base_scale`). */
  baseScale: number;
  /** Scales baseScale * 2^(i / scalesPerOctave), i = 0 .. scalesPerOctave - 1. */
  scalesPerOctave: number;
  /** Heights divided by widths. */
  ratios: readonly number[];
  /**
   * As torchvision makes them: scales in whole pixels, corners rounded, and steps of the input's
   * size divided by the map's in whole pixels, which for the coarse levels can be less than their
   * stride. Default false.
   */
  wholePixels?: boolean;
}

/** Anchors a position. */
export function anchorsPerCell(config: AnchorConfig): number {
  return config.scalesPerOctave * config.ratios.length;
}

/** [A * 4] x1, y1, x2, y2 around the origin: ratio by ratio, each with all scales. */
export function baseAnchors(config: AnchorConfig, stride: number): Float32Array {
  const f = Math.fround;
  const boxes: number[] = [];
  for (const ratio of config.ratios) {
    const heightRatio = f(Math.sqrt(f(ratio)));
    const widthRatio = f(1 / heightRatio);
    for (let i = 0; i < config.scalesPerOctave; i++) {
      const scale = config.baseScale * 2 ** (i / config.scalesPerOctave);
      const half = (ratioOfSide: number): number =>
        config.wholePixels
          ? roundEven(f(ratioOfSide * Math.floor(stride * scale)) / 2)
          : f(f(f(stride * ratioOfSide) * f(scale)) / 2);
      boxes.push(-half(widthRatio), -half(heightRatio), half(widthRatio), half(heightRatio));
    }
  }
  return Float32Array.from(boxes);
}

/** One pyramid level's anchors: `base` around every position of a grid. */
export interface AnchorGrid {
  height: number;
  width: number;
  /** Input pixels from one position to the next. */
  stepY: number;
  stepX: number;
  /** [A * 4] around the origin. */
  base: Float32Array;
  /** [H * W * A * 4] in input pixels: row by row, position by position, anchor by anchor. */
  boxes: Float32Array;
}

/** @param input height and width of the network's input, needed for `wholePixels` */
export function anchorGrid(
  config: AnchorConfig,
  stride: number,
  [height, width]: readonly [number, number],
  input: readonly [number, number] = [height * stride, width * stride],
): AnchorGrid {
  const base = baseAnchors(config, stride);
  const [stepY, stepX] = config.wholePixels
    ? [Math.floor(input[0] / height), Math.floor(input[1] / width)]
    : [stride, stride];
  const boxes = new Float32Array(height * width * base.length);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let i = 0; i < base.length; i++) boxes[at++] = base[i] + (i % 2 === 0 ? stepX * x : stepY * y);
  return { height, width, stepY, stepX, base, boxes };
}

/** Rows and columns of a grid, counted from its first. */
export type Cells = Pick<AnchorGrid, 'height' | 'width'>;

/** What mmdet pads every picture to, before it pads it to the size of its batch. */
const PADDING = 32;

/**
 * The cells that a picture has of a grid. Those beyond it, which mmdet leaves out of training, lie
 * over the padding that brings the picture to the size of a larger one in its batch. torchvision,
 * and thus `wholePixels`, trains on all.
 */
export function cellsOf(
  { height, width }: Cells,
  stride: number,
  config: Partial<AnchorConfig>,
  extent: { inputHeight: number; inputWidth: number },
): Cells {
  if (config.wholePixels) return { height, width };
  const cells = (pixels: number): number => Math.ceil((PADDING * Math.ceil(pixels / PADDING)) / stride);
  return {
    height: Math.min(height, cells(extent.inputHeight)),
    width: Math.min(width, cells(extent.inputWidth)),
  };
}

/** Whether an anchor takes part, by its grid and its index there. */
export type TakesPart = (grid: AnchorGrid, anchor: number) => boolean;

/** Those that reach less than `border` pixels beyond a picture's edges: mmdet's `allowed_border`. */
export function withinBorder(extent: { inputHeight: number; inputWidth: number }, border: number): TakesPart {
  const [right, bottom] = [extent.inputWidth + border, extent.inputHeight + border];
  return ({ boxes }, anchor) => {
    const at = 4 * anchor;
    return boxes[at] >= -border && boxes[at + 1] >= -border && boxes[at + 2] < right && boxes[at + 3] < bottom;
  };
}

/** The level of an anchor that is counted over all levels, and its index there. */
export function onGrid(grids: readonly AnchorGrid[], anchor: number): [AnchorGrid, number] {
  let index = anchor;
  for (const grid of grids) {
    const count = grid.boxes.length / 4;
    if (index < count) return [grid, index];
    index -= count;
  }
  throw new RangeError(`there is no anchor ${anchor}`);
}

/** Sizes of input whose grids are kept: a picture of COCO's size has 4 to 5 MB of anchors. */
const KEPT = 8;

/** The grids of all levels; those of the sizes of input that were met last are kept. */
export class AnchorGrids {
  /** The size that was met last at the end. */
  private readonly made = new Map<string, AnchorGrid[]>();

  constructor(
    private readonly config: AnchorConfig,
    private readonly strides: readonly number[],
  ) {}

  /** @param maps of each level, [N, H, W, ...], finest first */
  of(maps: readonly { shape: readonly number[] }[]): AnchorGrid[] {
    const sizes = maps.map(({ shape }): [number, number] => [shape[1], shape[2]]);
    const key = sizes.join(' ');
    let grids = this.made.get(key);
    if (!grids) {
      // Padded to the finest stride
      const input = [sizes[0][0] * this.strides[0], sizes[0][1] * this.strides[0]] as const;
      grids = sizes.map((size, level) => anchorGrid(this.config, this.strides[level], size, input));
    }
    this.made.delete(key);
    this.made.set(key, grids);
    if (this.made.size > KEPT) this.made.delete(this.made.keys().next().value!);
    return grids;
  }

  /** For each picture, the cells that it has of each grid. */
  cellsOf(grids: readonly AnchorGrid[], extents: readonly { inputHeight: number; inputWidth: number }[]): Cells[][] {
    return extents.map((extent) =>
      grids.map((grid, level) => cellsOf(grid, this.strides[level], this.config, extent)),
    );
  }
}
