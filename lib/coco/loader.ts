/**
 * Batches for training and evaluation, made ahead of the step in worker threads.
 *
 * `batch(step)` depends on (data set, options, seed, step) alone, whatever the number of threads
 * and whatever was asked before. A training step blocks the main thread; the workers run on
 * meanwhile, and the main thread is left with wrapping an array into a tensor.
 */
import { join } from 'node:path';
import { checked } from '../core/schema';
import type { Random } from '../core/random';
import type { Batch, Normalization, Origin, Target } from '../data/types';
import { tf, type Tensor4D } from '../tf';
import {
  createAssembler,
  createPictureCache,
  type Assembly,
  type AssemblyPlan,
  type Order,
  type SeededCorruption,
} from './assemble';
import { drawAugmentation, type Augmentation, type Drawn } from './augmentation';
import { checkCorruption, SMALLEST_SIDE } from './corruptions/corrupt';
import type { CocoDataset } from './dataset';
import { PAD_MULTIPLE, type InputSize } from './input-size';
import { onThisThread, WorkerPool, type Maker } from './pool';
import { Sampler, type Shard } from './sampler';
import { augmentationSchema } from './schema';
import { IMAGENET, originOf, targetOf } from './transforms';
import { isTrainedOn } from './training-boxes';
import type { CocoImage } from './types';

export interface LoaderOptions {
  /** Pictures a batch (of one rank). */
  batch: number;
  /**
   * The part of one rank of a distributed run: with `dropLast` its slice of every batch, else every
   * `size`-th batch. Default: all.
   */
  shard?: Shard;
  /** A fixed size, or limits of the long and short side under which the proportions are kept. */
  size: InputSize;
  /**
   * Inputs of a batch are padded with zeros to its largest, rounded up to this multiple. Default
   * 32.
   */
  padMultiple?: number;
  /** Probability of mirroring left to right. Default 0. */
  flip?: number;
  /** A new order every epoch. Default false: the order of the annotation file. */
  shuffle?: boolean;
  /** Seed of order, flips and augmentation. Default 0. */
  seed?: number | string;
  /** Order of the input's channels. Default 'rgb'. */
  order?: Normalization['order'];
  /**
   * Of each channel in that order, in the scale 0..255. Default ImageNet's (123.675, 116.28, 103.53)
   * and (58.395, 57.12, 57.375), which are those of R, G, B.
   */
  mean?: Normalization['mean'];
  std?: Normalization['std'];
  /**
   * Leave out an epoch's last, incomplete batch. Default: as `shuffle`, so training drops it and
   * evaluation keeps it.
   */
  dropLast?: boolean;
  /** Batches of landscape or of portrait pictures only. Default false. */
  groupByAspect?: boolean;
  /** Leave out pictures without a box that is trained on (training-boxes.ts). Default false. */
  skipEmpty?: boolean;
  /**
   * Average over all pixels when shrinking. Default false: OpenCV's bilinear, which aliases when it
   * shrinks to less than half.
   */
  antialias?: boolean;
  /**
   * One of the corruptions of COCO-C, applied to the decoded picture before it is resized; which
   * numbers are drawn depends on its seed and the picture's id.
   */
  corruption?: SeededCorruption;
  /**
   * Random sizes, parts and colours, drawn for each picture and epoch from the seed. An object is
   * kept where its centre is shown.
   */
  augmentation?: Augmentation;
  /** Worker threads. Default 1; 0 decodes on the main thread. */
  workers?: number;
  /** Batches made ahead. Default 3. */
  ahead?: number;
  /** Keep resized pictures in memory, if all fit in `cacheLimit`. Default 'memory'. */
  cache?: 'memory' | 'none';
  /** Bytes. Default 512 MB (2^29). */
  cacheLimit?: number;
}

/** @typeParam T what a picture is taught */
export interface Loader<T = Target> {
  /** Pictures in an epoch, of all ranks. */
  readonly length: number;
  /** Batches of this rank; without `dropLast` the last ranks may have one less than the first. */
  readonly batchesPerEpoch: number;
  /** { rank: 0, size: 1 } for all pictures. */
  readonly shard: Shard;
  /**
   * The batch of a step, counted from 0 over all epochs. The caller disposes its `images`. Rejects
   * with a DatasetError naming file and id when a picture is bad; under `skipBad` the next picture
   * of the data set takes its place, or, where `dropLast` is false and every picture should come
   * once, the batch is smaller by it; either way it is counted in the data set's `skipped`.
   */
  batch(step: number): Promise<Batch<T>>;
  /** Picture ids of an epoch, in order. */
  order(epoch: number): number[];
  /**
   * Ends the worker threads; batches still awaited are rejected. A batch that is asked for later
   * starts them again.
   */
  close(): Promise<void>;
}

const script = join(__dirname, 'worker.js');

export function createLoader(dataset: CocoDataset, options: LoaderOptions): Loader {
  const {
    batch,
    size,
    shuffle = false,
    flip = 0,
    seed = 0,
    groupByAspect = false,
    workers = 1,
    ahead = 3,
    shard = { rank: 0, size: 1 },
    augmentation,
  } = options;
  const { padMultiple = PAD_MULTIPLE, antialias = false, dropLast = shuffle } = options;
  const { mean = IMAGENET.mean, std = IMAGENET.std } = options;
  check(options);
  const { images } = dataset;
  const hasObject = (image: CocoImage): boolean =>
    dataset.annotationsOf(image.id).some((annotation) => isTrainedOn(annotation, image));
  const indices = images
    .map((_, index) => index)
    .filter((index) => !options.skipEmpty || hasObject(images[index]));
  const classOf = new Map(dataset.categories.map(({ id }, index) => [id, index]));
  const targetIn = (origin: Origin): Target => targetOf(dataset.annotationsOf(origin.id), origin, classOf);
  const augment =
    augmentation &&
    ((index: number, random: Random): Drawn => {
      const image = images[index];
      const showsObject = (drawn: Drawn): boolean =>
        targetIn(originOf(image, size, false, augmentation, drawn)).labels.length > 0;
      return drawAugmentation(augmentation, random, hasObject(image) ? showsObject : () => true);
    });
  const sampler = new Sampler(images, indices, { batch, shard, shuffle, flip, seed, dropLast, groupByAspect, augment });
  const { batchesPerEpoch } = sampler;
  if (dropLast ? batchesPerEpoch === 0 : indices.length === 0) {
    const where = `split ${dataset.split} of ${dataset.folder}`;
    throw new Error(
      `createLoader: ${where} has ${indices.length} pictures to load, too few for a batch of ${batch * shard.size}.`,
    );
  }
  const small =
    options.corruption &&
    indices.map((index) => images[index]).find(({ width, height }) => Math.min(width, height) < SMALLEST_SIDE);
  if (small)
    throw new Error(
      `createLoader: corruptions are for pictures of ${SMALLEST_SIDE} x ${SMALLEST_SIDE} pixels or ` +
        `more; ${dataset.fileOf(small)} is ${small.width} x ${small.height}.`,
    );
  const plan: AssemblyPlan = {
    images,
    files: images.map((image) => dataset.fileOf(image)),
    size,
    padMultiple,
    antialias,
    normalization: { order: options.order, mean, std },
    corruption: options.corruption,
    augmentation,
    onBad: !dataset.skipBad ? 'throw' : dropLast ? 'replace' : 'leave-out',
    cache:
      options.cache === 'none'
        ? undefined
        : createPictureCache(images, size, augmentation, options.cacheLimit ?? 2 ** 29),
  };
  // A training batch of all ranks has one size.
  const order = (step: number): Order => ({
    draws: sampler.draws(step),
    beside: dropLast && shard.size > 1 ? sampler.drawsOfAll(step) : [],
  });
  const open = (): Maker<Assembly> =>
    workers === 0 ? onThisThread(createAssembler(plan), order) : new WorkerPool(script, plan, workers, order);
  let maker: Maker<Assembly> | undefined = open();
  // An unshuffled pass is likely to be the only one: nothing is made ahead past its end.
  const horizon = (step: number): number =>
    shuffle ? step + ahead : Math.min(step + ahead, (Math.floor(step / batchesPerEpoch) + 1) * batchesPerEpoch - 1);

  return {
    length: indices.length,
    batchesPerEpoch,
    shard,
    order: (epoch) => sampler.epoch(epoch).map(({ index }) => images[index].id),
    async close() {
      const closed = maker;
      maker = undefined;
      await closed?.close();
    },
    async batch(step) {
      if (!Number.isSafeInteger(step) || step < 0)
        throw new Error(`Loader.batch: step should be an integer >= 0, is ${step}.`);
      const { inputs, shape, draws, problems } = await (maker ??= open()).take(step, horizon(step));
      problems.forEach((problem) => dataset.note(problem));
      const origins = draws.map(({ index, flip, drawn }) => originOf(images[index], size, flip, augmentation, drawn));
      return { images: tf.tensor4d(inputs, shape, 'float32') as Tensor4D, targets: origins.map(targetIn), origins };
    },
  };
}

function check(options: LoaderOptions): void {
  const whole = (name: string, value: number | undefined, least: number): void => {
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
    throw new Error(`createLoader: ${name} should be an integer >= ${least}, is ${value}.`);
  };
  whole('batch', options.batch ?? NaN, 1);
  if (
    !('width' in options.size && 'height' in options.size) &&
    !('longSide' in options.size && 'shortSide' in options.size)
  ) {
    throw new Error('createLoader: size should be { width, height } or { longSide, shortSide }.');
  }
  for (const [side, value] of Object.entries(options.size)) whole(`size.${side}`, value, 1);
  whole('padMultiple', options.padMultiple, 1);
  whole('workers', options.workers, 0);
  whole('ahead', options.ahead, 0);
  if (options.corruption) checkCorruption(options.corruption);
  if (options.augmentation) checked(augmentationSchema, options.augmentation, 'createLoader: augmentation');
  const { flip = 0, std = IMAGENET.std } = options;
  if (!(flip >= 0 && flip <= 1)) throw new Error(`createLoader: flip is a probability from 0 to 1, not ${flip}.`);
  if (!std.every((value) => value > 0))
    throw new Error(`createLoader: std should be positive, is [${std.join(', ')}].`);
}
