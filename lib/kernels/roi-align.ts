/**
 * RoIAlign (He et al., arXiv 1703.06870) over the levels of a feature pyramid, value for value
 * mmcv's and torchvision's.
 *
 * A RoI is cut into bins; a bin is the mean of some samples along either axis, each between two
 * pixels. A sample more than a pixel outside counts 0, one at the edge is clamped to
 * it. By lib/native/roi_align.cc, or by gathering the pixels of every bin and a product with their
 * weights.
 */
import { tf, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '../tf';
import { attribute, execute, ownKernels } from '../core/native';
import { defineOperation, type Operation } from '../core/operation';

export interface RoiAlignOptions {
  /** The level of each RoI, int32 [R]. */
  level: Tensor1D;
  /** A level's pixels a pixel of the picture: 1 / stride. */
  scales: readonly number[];
  /** The bins of a RoI. Default 7 x 7. */
  size?: readonly [height: number, width: number];
  /** Samples of a bin along either axis. Default: as many as it has pixels, rounded up. */
  samples?: number;
  /**
   * Whether pixels have their centres at halves. Without it, as it was first published, a RoI lies
   * half a pixel to the lower right, and has at least a pixel. Default true.
   */
  aligned?: boolean;
}

/**
 * @param levels each [N, H, W, C], differentiable
 * @param rois [R, 5]: image, x1, y1, x2, y2 in pixels of the picture, constants
 * @returns [R, height, width, C]
 */
export function roiAlign(levels: readonly Tensor4D[], rois: Tensor2D, options: RoiAlignOptions): Tensor4D {
  const { level, scales, size = [7, 7], samples = 0, aligned = true } = options;
  if (scales.length !== levels.length)
    throw new Error(`roiAlign: ${scales.length} scales for ${levels.length} levels; pass one a level`);
  if (rois.shape[1] !== 5 || level.shape.join() !== `${rois.shape[0]}`)
    throw new Error(`roiAlign: rois is [${rois.shape}] and level [${level.shape}], expected [R, 5] and [R]`);
  if (!(Number.isInteger(samples) && samples >= 0 && samples <= 2 ** 14))
    throw new Error(`roiAlign: ${samples} samples, expected a whole number from 0 to 2^14, 0 for as many as pixels`);
  const inputs: Record<string, Tensor> = { rois, level };
  levels.forEach((map, i) => (inputs[`x${i}`] = map));
  const attributes = { scales: scales.map(Math.fround), size, samples, aligned };
  return operationOn(levels.length)(inputs, attributes)[0] as Tensor4D;
}

/** Where the samples of a bin are: along an axis, 0 for as many as it has pixels. */
interface Sampling {
  samples: number;
  aligned: boolean;
}

interface Attributes extends Sampling {
  scales: readonly number[];
  size: readonly [number, number];
}

const operations = new Map<number, Operation<Attributes>>();

/** One for each number of levels, for an operation's inputs have names. */
function operationOn(levels: number): Operation<Attributes> {
  const known = operations.get(levels);
  if (known) return known;
  const names = Array.from({ length: levels }, (_, i) => `x${i}`);
  const count = [attribute.int('N', levels)];
  const operation = defineOperation<Attributes>({
    name: `RoiAlign${levels}`,
    forward: ({ rois, level, ...inputs }, attributes) => {
      const { size } = attributes;
      const maps = names.map((name) => inputs[name]) as Tensor4D[];
      if (!ownKernels()) return [gathered(maps, bins(maps, rois, level, attributes), rois.shape[0], size)];
      return execute('FreekdRoiAlign', count, [rois, level, ...placed(attributes), integers([...size]), ...maps], 1);
    },
    saveInputs: ['rois', 'level', ...names],
    saveOutputs: [false],
    backward: ([dy], [rois, level, ...maps], attributes) => {
      const gradients = ownKernels()
        ? execute('FreekdRoiAlignGradient', count, [rois, level, ...placed(attributes), dy, ...maps], levels)
        : scattered(maps as Tensor4D[], bins(maps as Tensor4D[], rois, level, attributes), dy);
      return {
        rois: () => tf.zerosLike(rois),
        level: () => tf.zerosLike(level),
        ...Object.fromEntries(names.map((name, i) => [name, () => gradients[i]])),
      };
    },
  });
  operations.set(levels, operation);
  return operation;
}

const integers = (values: number[]): Tensor1D => tf.tensor1d(values, 'int32');

/** What our kernels ask of the samples: scales [L], sampling [2]. */
const placed = ({ scales, samples, aligned }: Attributes): Tensor1D[] => [
  tf.tensor1d([...scales]),
  integers([samples, aligned ? 1 : 0]),
];

/** Some RoIs of one level: the K pixels of each of their P bins, padded with weight 0. */
interface Bins {
  level: number;
  /** The RoIs. */
  of: number[];
  /** Row of the level's [N H W, C], [P K]. */
  pixels: Int32Array;
  /** [P K] */
  weights: Float32Array;
  /** K */
  width: number;
}

/** Together at most: what is gathered for them is R bins K C numbers. */
const ROIS = 64;

function bins(maps: readonly Tensor4D[], rois: Tensor, level: Tensor, attributes: Attributes): Bins[] {
  const { scales, size } = attributes;
  const [boxes, levelOf] = [rois.dataSync() as Float32Array, level.dataSync() as Int32Array];
  levelOf.forEach((l, r) => {
    if (!(l in maps)) throw new Error(`roiAlign: level[${r}] is ${l}, there are ${maps.length} levels`);
  });
  return maps.flatMap(({ shape }, l) => {
    const all = Array.from(levelOf.keys()).filter((r) => levelOf[r] === l);
    const parts = Array.from({ length: Math.ceil(all.length / ROIS) }, (_, i) => all.slice(ROIS * i, ROIS * (i + 1)));
    return parts.map((of) => {
      const pairs = of.map((r) => {
        const [image, x1, y1, x2, y2] = boxes.subarray(5 * r, 5 * r + 5);
        if (!(image >= 0 && image < shape[0] && Number.isInteger(image)))
          throw new Error(`roiAlign: rois[${r}] is of image ${image}, there are ${shape[0]}`);
        const rows = axisBins([y1, y2], scales[l], attributes, size[0], shape[1]);
        return { image, rows, columns: axisBins([x1, x2], scales[l], attributes, size[1], shape[2]) };
      });
      return { level: l, of, ...products(pairs, shape) };
    });
  });
}

type Weighted = [pixel: number, weight: number][];

/** Of each bin along an axis the pixels and their weights; rounded as the peers do, in float32. */
function axisBins(
  sides: readonly [from: number, to: number],
  scale: number,
  sampling: Sampling,
  count: number,
  pixels: number,
): Weighted[] {
  const f = Math.fround;
  const [begin, end] = sides.map((side) => f(f(side * scale) - (sampling.aligned ? 0.5 : 0)));
  const length = f(end - begin);
  const bin = f((sampling.aligned ? length : Math.max(length, 1)) / count);
  if (!(Math.abs(begin) <= 2 ** 20 && Math.ceil(bin) <= 2 ** 14))
    throw new Error(`roiAlign: rois has a side from ${sides[0]} to ${sides[1]}, expected pixels of a picture`);
  const samples = sampling.samples || Math.ceil(bin);
  return Array.from({ length: count }, (_, b) => {
    const weights = new Map<number, number>();
    for (let i = 0; i < samples && pixels > 0; i++) {
      const at = f(f(begin + f(b * bin)) + f(f((i + 0.5) * bin) / samples));
      if (at < -1 || at > pixels) continue;
      const inside = Math.min(Math.max(at, 0), pixels - 1);
      const low = Math.floor(inside);
      for (const [pixel, weight] of [[low, 1 - (inside - low)], [low + 1, inside - low]])
        if (weight > 0) weights.set(pixel, (weights.get(pixel) ?? 0) + weight / samples);
    }
    return [...weights];
  });
}

/** Every pixel of a bin's rows with every one of its columns. */
function products(
  rois: { image: number; rows: Weighted[]; columns: Weighted[] }[],
  [, height, width]: readonly number[],
): Pick<Bins, 'pixels' | 'weights' | 'width'> {
  const longest = (axes: Weighted[]): number => Math.max(1, ...axes.map((axis) => axis.length));
  const [down, along] = [longest(rois.flatMap(({ rows }) => rows)), longest(rois.flatMap(({ columns }) => columns))];
  const total = rois.reduce((sum, { rows, columns }) => sum + rows.length * columns.length, 0) * down * along;
  const [pixels, weights] = [new Int32Array(total), new Float32Array(total)];
  let bin = 0;
  for (const { image, rows, columns } of rois)
    for (const row of rows)
      for (const column of columns) {
        const end = (bin + 1) * down * along;
        let at = bin++ * down * along;
        for (const [y, vertical] of row)
          for (const [x, horizontal] of column) {
            pixels[at] = (image * height + y) * width + x;
            weights[at++] = vertical * horizontal;
          }
        // Padded by pixels of its own: 0 times another one might be NaN.
        if (row.length * column.length > 0) pixels.fill(pixels[at - 1], at, end);
      }
  return { pixels, weights, width: down * along };
}

/** [R, height, width, C] from the pixels of every bin. */
function gathered(maps: readonly Tensor4D[], parts: Bins[], count: number, [h, w]: readonly [number, number]): Tensor {
  const channels = maps[0].shape[3];
  const values = parts.map(({ level, pixels, weights, width }) => {
    const rows = tf.gather(tf.reshape(maps[level], [-1, channels]), integers([...pixels])); // [P K, C]
    const byBin = tf.tensor(weights, [pixels.length / width, 1, width]);
    return tf.reshape(tf.matMul(byBin, tf.reshape(rows, [-1, width, channels])), [-1, h, w, channels]);
  });
  if (values.length === 0) return tf.zeros([count, h, w, channels]);
  const place = new Int32Array(count);
  for (const [i, roi] of parts.flatMap(({ of }) => of).entries()) place[roi] = i;
  return tf.gather(tf.concat(values), integers([...place]));
}

/** The transpose of `gathered`: dy [R, height, width, C] -> the gradient of each map. */
function scattered(maps: readonly Tensor4D[], parts: Bins[], dy: Tensor): Tensor[] {
  return maps.map(({ shape }, l) => {
    const [n, h, w, channels] = shape;
    const sums = parts.filter(({ level }) => level === l).map(({ of, pixels, weights, width }) => {
      const own = tf.reshape(tf.gather(dy, integers(of)), [-1, 1, channels]); // [P, 1, C]
      const rows = tf.matMul(tf.tensor(weights, [pixels.length / width, width, 1]), own);
      return tf.unsortedSegmentSum(tf.reshape(rows, [-1, channels]), integers([...pixels]), n * h * w);
    });
    return sums.length > 0 ? tf.reshape(tf.addN(sums), shape) : tf.zeros(shape);
  });
}
