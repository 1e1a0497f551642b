/**
 * Where feature MSE, L_FKD and FreeKD are spent: under the experiment's teacher, on validation
 * pictures, with a student early in its training whose maps the best linear phi translates.
 *
 * What a coefficient d_b of the difference costs is its gradient times itself: the losses are
 * homogeneous in the difference, so that these products add up to the loss (to its double for the
 * squared error). Both are taken in the wavelet domain, where a position of a band stands for a
 * block of pixels, and are shared out by how much of the block each region has.
 */
import { createLoader } from '../coco/loader';
import type { Batch } from '../data/types';
import { alignChannels } from '../distill/alignment';
import { gradientsBy, type LossOfMaps } from '../distill/pull';
import { bandNames, bandsOf } from '../freekd/bands';
import { featureMSE } from '../freekd/feature-mse';
import { freekdLoss } from '../freekd/freekd';
import { usableLevel } from '../freekd/level';
import { regions, type ByRegion, type Spending, type Spent } from '../runs/spending';
import { variantRow, type Variant } from '../runs/variants';
import { tf, type Tensor, type Tensor4D } from '../tf';
import { wavedec2 } from '../wavelet/transform';
import type { Session } from './session';

export const spendingLosses: readonly Variant[] = ['mse', 'fkd', 'freekd'];
const [SMALL, LARGE] = [32 ** 2, 96 ** 2]; // COCO's, in pixels
const BACKGROUND = regions.indexOf('background');

/**
 * Which region each pixel of a batch is of, as [N, H, W, regions] of 0 and 1; where boxes meet,
 * that of the smallest.
 */
export function regionsOf({
  images: {
    shape: [n, height, width],
  },
  targets,
}: Pick<Batch, 'images' | 'targets'>): Tensor4D {
  const labels = new Int32Array(n * height * width).fill(BACKGROUND);
  targets.forEach(({ boxes }, picture) => {
    const each = Array.from({ length: boxes.length / 4 }, (_, i) => [...boxes.subarray(4 * i, 4 * i + 4)]);
    const area = ([x1, y1, x2, y2]: number[]): number => (x2 - x1) * (y2 - y1);
    for (const box of each.sort((a, b) => area(b) - area(a))) {
      const region = area(box) < SMALL ? 0 : area(box) < LARGE ? 1 : 2;
      const [left, top, right, bottom] = box.map((side, i) =>
        Math.min(Math.max(0, Math.round(side)), i % 2 ? height : width),
      );
      for (let y = top; y < bottom; y++) {
        const row = (picture * height + y) * width;
        labels.fill(region, row + left, row + right);
      }
    }
  });
  return tf.tidy(
    () => tf.oneHot(tf.tensor3d(labels, [n, height, width], 'int32'), regions.length).toFloat() as Tensor4D,
  );
}

/** Sums of costs [N, h, w] on each region, each position standing for a block of pixels. */
function onRegions(costs: Tensor, pixels: Tensor4D): ByRegion {
  const [, height, width] = pixels.shape;
  const [, h, w] = costs.shape;
  if (height % h !== 0 || width % w !== 0)
    throw new Error(`--spending: a band of ${h}x${w} does not divide an input of ${height}x${width} into equal blocks`);
  const block: [number, number] = [height / h, width / w];
  const sums = tf.tidy(() =>
    tf.sum(tf.mul(tf.avgPool(pixels, block, block, 'valid'), tf.expandDims(costs, 3)), [0, 1, 2]),
  );
  const values = sums.dataSync();
  sums.dispose();
  return Object.fromEntries(regions.map((region, i) => [region, values[i]])) as ByRegion;
}

const totalOf = (each: readonly ByRegion[]): number =>
  each.reduce((total, one) => total + regions.reduce((sum, region) => sum + one[region], 0), 0);

const dividedBy = (total: number, one: ByRegion): ByRegion =>
  Object.fromEntries(regions.map((region) => [region, one[region] / total])) as ByRegion;

/** Of one loss, band by band of every level. */
export function spentBy(
  variant: Variant,
  loss: LossOfMaps,
  { teacher, student, strides, pixels }: {
    teacher: Tensor4D[];
    student: Tensor4D[];
    strides: readonly number[];
    pixels: Tensor4D;
  },
): Spent[] {
  const gradients = gradientsBy(loss, student);
  const spent = gradients.flatMap((gradient, i) => {
    const [, h, w] = gradient.shape;
    const transform = { wavelet: 'haar', mode: 'zero', level: usableLevel([h, w], 3) } as const;
    const [values, pulls] = tf.tidy(() => {
      const bands = (map: Tensor4D): Tensor4D[] => bandsOf(wavedec2(map, transform));
      const differences = bands(tf.sub(student[i], teacher[i]));
      const slopes = bands(gradient);
      return [
        slopes.map((slope, b) => tf.sum(tf.mul(slope, differences[b]), 3)),
        slopes.map((slope) => tf.sum(tf.abs(slope), 3)),
      ]; // [N, H_b, W_b] a band
    });
    const level = bandNames(transform.level).map((band, b): Spent => ({
      variant,
      stride: strides[i],
      band,
      value: onRegions(values[b], pixels),
      gradient: onRegions(pulls[b], pixels),
    }));
    tf.dispose([values, pulls]);
    return level;
  });
  tf.dispose(gradients);
  const totals = {
    value: totalOf(spent.map(({ value }) => value)),
    gradient: totalOf(spent.map((one) => one.gradient)),
  };
  return spent.map((one) => ({
    ...one,
    value: dividedBy(totals.value, one.value),
    gradient: dividedBy(totals.gradient, one.gradient),
  }));
}

/** @param options.pictures how many of the first validation pictures */
export async function measureSpending(
  session: Session,
  { seed, pictures }: { seed: number; pictures: number },
): Promise<Pick<Spending, 'area' | 'pictures' | 'spent'>> {
  const { experiment } = session.options;
  const { teacher } = await session.teacher();
  const { prompts, relations } = await session.prompt('paper', seed);
  const { detector } = await session.student('student', seed);
  const loader = createLoader(session.val, {
    batch: Math.min(pictures, session.val.images.length),
    size: experiment.size,
    antialias: experiment.antialias,
    ...experiment.student.model.input,
    workers: 0,
  });
  const batch = await loader.batch(0);
  const count = batch.images.shape[0];
  const pixels = regionsOf(batch);
  const given = teacher.pyramid(batch.images);
  const student = tf.tidy(() => detector.pyramid(batch.images).map((map, i) => alignChannels(map, given[i])));
  try {
    const maps = { teacher: given, student, strides: detector.strides, pixels };
    const spent = spendingLosses.flatMap((variant) => {
      const { freekd } = variantRow(variant).distillation(experiment);
      if (!freekd) return spentBy(variant, (own) => featureMSE(given, own), maps);
      const { wavelet, mode, level } = freekd;
      const masked = {
        prompts: freekd.masks ? prompts : undefined,
        relations: freekd.relation ? relations : undefined,
      };
      const options = { wavelet, mode, level, ...experiment.loss };
      return spentBy(variant, (own) => freekdLoss({ teacher: given, student: own, ...masked, ...options }), maps);
    });
    const whole = tf.ones([count, 1, 1]);
    const area = dividedBy(count, onRegions(whole, pixels));
    whole.dispose();
    return { area, pictures: count, spent };
  } finally {
    tf.dispose([batch.images, pixels, given, student]);
    detector.dispose();
    await loader.close();
  }
}
