/**
 * Batches of pictures with label maps, made ahead of the step in worker threads as those of boxes
 * are (coco/loader.ts): `batch(step)` depends on (data set, options, seed, step) alone, whatever the
 * number of threads and of ranks.
 */
import { join } from 'node:path';
import type { Loader } from '../coco/loader';
import type { InputSize } from '../coco/input-size';
import { onThisThread, WorkerPool, type Maker } from '../coco/pool';
import { Sampler, type Draw, type Shard } from '../coco/sampler';
import { inputSizeSchema } from '../coco/schema';
import { IMAGENET } from '../coco/transforms';
import { checked } from '../core/schema';
import * as s from '../core/schema';
import type { LabelMap } from '../data/label-map';
import type { Normalization } from '../data/types';
import { tf, type Tensor4D } from '../tf';
import { createSemanticAssembler, type SemanticAssembly, type SemanticPlan } from './assemble';
import {
  drawSemantic,
  semanticAugmentationSchema,
  type SemanticAugmentation,
  type SemanticDrawn,
} from './augmentation';
import type { SemanticDataset } from './dataset';

export interface SemanticLoaderOptions {
  /** Pictures a batch (of one rank). */
  batch: number;
  /** The part of one rank of a distributed run. Default: all. */
  shard?: Shard;
  /** Of the input; with `augmentation` of the picture before its random ratio. */
  size: InputSize;
  /** Inputs are padded to a multiple of it, with labels that are ignored. Default 1, as mmsegmentation. */
  padMultiple?: number;
  /** Probability of mirroring left to right. Default 0. */
  flip?: number;
  /** A new order every epoch. Default false: files by name. */
  shuffle?: boolean;
  /** Seed of order, flips and augmentation. Default 0. */
  seed?: number | string;
  /** Default: ImageNet's statistics, R, G, B. */
  normalization?: Normalization;
  /** Leave out an epoch's last, incomplete batch. Default: as `shuffle`. */
  dropLast?: boolean;
  augmentation?: SemanticAugmentation;
  /**
   * Label maps of the input's size, to train on, or of the picture's own, to score on. Default
   * 'input'.
   */
  labels?: 'input' | 'original';
  /** Worker threads. Default 1; 0 reads on the main thread. */
  workers?: number;
  /** Batches made ahead. Default 3. */
  ahead?: number;
}

const script = join(__dirname, 'worker.js');

/** Of what can be wrong in a call; the rest is TypeScript's to check. */
const schema = s.fields({
  batch: s.whole(1, 4096),
  size: inputSizeSchema,
  padMultiple: s.whole(1, 1024),
  flip: s.real(0, 1),
  workers: s.whole(0, 256),
  ahead: s.whole(0, 1024),
  augmentation: s.optional(semanticAugmentationSchema),
});

/**
 * A batch's promise is rejected with a DatasetError that names the file where a picture or its label
 * map is bad.
 */
export function createSemanticLoader(dataset: SemanticDataset, options: SemanticLoaderOptions): Loader<LabelMap> {
  const { batch, size, seed = 0, shuffle = false, flip = 0, workers = 1, ahead = 3, padMultiple = 1 } = options;
  const { shard = { rank: 0, size: 1 }, dropLast = shuffle, augmentation, labels = 'input' } = options;
  checked(schema, { batch, size, padMultiple, flip, workers, ahead, augmentation }, 'createSemanticLoader');
  if (labels === 'original' && augmentation)
    throw new RangeError("createSemanticLoader: labels 'original' fit no picture that is augmented");
  const { images, classes, table, folder, split } = dataset;
  const sampler = new Sampler<SemanticDrawn>([], images.map((_, index) => index), {
    batch,
    shard,
    shuffle,
    flip,
    seed,
    dropLast,
    groupByAspect: false,
    augment: augmentation && ((_, random) => drawSemantic(augmentation, random)),
  });
  const { batchesPerEpoch } = sampler;
  if (batchesPerEpoch === 0)
    throw new Error(
      `createSemanticLoader: split ${split} of ${folder} has ${images.length} pictures, too few for a batch of ` +
        `${batch * shard.size}.`,
    );
  const plan: SemanticPlan = {
    dataset: { images, classes, table },
    size,
    padMultiple,
    normalization: options.normalization ?? IMAGENET,
    augmentation,
    labels,
  };
  const order = (step: number): Draw<SemanticDrawn>[] => sampler.draws(step);
  const open = (): Maker<SemanticAssembly> =>
    workers === 0 ? onThisThread(createSemanticAssembler(plan), order) : new WorkerPool(script, plan, workers, order);
  let maker: Maker<SemanticAssembly> | undefined;
  // An unshuffled pass is likely to be the only one: nothing is made ahead past its end.
  const horizon = (step: number): number =>
    shuffle ? step + ahead : Math.min(step + ahead, (Math.floor(step / batchesPerEpoch) + 1) * batchesPerEpoch - 1);
  return {
    length: images.length,
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
      const { inputs, shape, targets, origins } = await (maker ??= open()).take(step, horizon(step));
      return { images: tf.tensor4d(inputs, shape, 'float32') as Tensor4D, targets, origins };
    },
  };
}
