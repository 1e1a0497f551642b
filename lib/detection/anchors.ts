/**
 * Anchor boxes: value for value those of mmdet's `AnchorGenerator` with center_offset 0. Numbers are rounded to float32
 * where PyTorch rounds, so that ties in the assignment fall as they do there.
 */

export interface AnchorConfig {
  /** Side of the smallest square anchor in strides (mmdet's `octave_base_scale`). */
  baseScale: number;
  /** Scales baseScale * 2^(i / scalesPerOctave), i = 0 .. scalesPerOctave - 1. */
  scalesPerOctave: number;
  /** Heights divided by widths. */
  ratios: readonly number[];
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
      const scale = f(config.baseScale * 2 ** (i / config.scalesPerOctave));
      const halfWidth = f(f(f(stride * widthRatio) * scale) / 2);
      const halfHeight = f(f(f(stride * heightRatio) * scale) / 2);
      boxes.push(-halfWidth, -halfHeight, halfWidth, halfHeight);
    }
  }
  return Float32Array.from(boxes);
}

/** One pyramid level's anchors [H * W * A * 4] in input pixels: row by row, position by position, anchor by anchor. */
export function levelAnchors(config: AnchorConfig, stride: number, [height, width]: readonly [number, number]): Float32Array {
  const base = baseAnchors(config, stride);
  const anchors = new Float32Array(height * width * base.length);
  let at = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let i = 0; i < base.length; i++) anchors[at++] = base[i] + stride * (i % 2 === 0 ? x : y);
  return anchors;
}
