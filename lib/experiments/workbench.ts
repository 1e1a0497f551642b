/**
 * What all training of an experiment shares: the two splits, their loaders (made once), the
 * schedule, the progress display, and where logs and checkpoints lie.
 */
import { availableParallelism } from 'node:os';
import * as path from 'node:path';
import { fingerprintOfData, type DataFingerprint } from '../coco/fingerprint';
import type { CocoDataset } from '../coco/dataset';
import { requireWritable } from '../core/disk';
import { createLoader, type Loader, type LoaderOptions } from '../coco/loader';
import type { Batch } from '../data/types';
import type { Detector } from '../detection/detector';
import type { PictureDetector } from '../distill/detector-file';
import { evaluateDetector, type DetectorScore } from '../distill/evaluate';
import { lockFolder, type RunLock } from '../core/run-lock';
import { rootFirst, world } from '../train/distributed/communicator';
import { difference } from '../train/difference';
import type { TrainOptions, TrainResult } from '../train/loop';
import type { Progress } from '../core/progress';
import { Stopped, stopStatus } from '../train/stop';
import { Aside } from './aside';
import { inputsOf, type Inputs } from './configs';
import type { Splits } from './data';
import type { Experiment, TrainingConfig } from './experiment';
import type { Profile } from '../runs/variants';

export interface SessionOptions {
  experiment: Experiment;
  splits: Splits;
  /** Where results and, below `runs/`, logs and checkpoints go. */
  out: string;
  /** Repository root, for the commit that results name. */
  root: string;
  /**
   * Teacher file without its extension; trained and written there when missing or with
   * `trainTeacher`.
   */
  teacherFile: string;
  trainTeacher: boolean;
  /** Whether that teacher was made elsewhere, on pictures of its own; then it is only read. */
  shippedTeacher?: boolean;
  /** The authors' prompt checkpoint, in place of stage 1 of profile `released`. */
  promptFile?: string;
  resume: boolean;
  /**
   * Into how many parts every batch of training (of one rank) is cut, to be learnt from in turns.
   * Default 1. The outcome does not depend on it but for rounding, so it is no part of a run's
   * configuration, and a run may go on with another number.
   */
  accumulate?: number;
  signal?: AbortSignal;
  /** How the user goes on after a stop, as the end of a sentence. */
  goOn: string;
  /** Opens a progress display. */
  progress(title: string, total: number, start?: number): Progress;
  say(line: string): void;
}

type RunOptions = Pick<TrainOptions<Batch>, 'folder' | 'config' | 'resume' | 'signal' | 'onStep' | 'checkpointEvery'>;

export class Workbench {
  readonly train: CocoDataset;
  readonly val: CocoDataset;
  private fingerprints: Promise<{ train: DataFingerprint; val: DataFingerprint }> | undefined;
  private readonly aside: Aside;
  private scored: Loader | undefined;
  /**
   * Runs that were stopped in this session, and those it keeps, with their configurations: the next
   * call takes them up, whatever `resume` says, unless it is of another configuration.
   */
  private readonly takenUp = new Map<string, unknown>();
  /**
   * Settles when the last run has ended: an interrupted cell may be run again before its training
   * has come to rest.
   */
  private last: Promise<unknown> = Promise.resolve();

  constructor(readonly options: SessionOptions) {
    const { splits, experiment } = options;
    ({ train: this.train, val: this.val } = splits);
    const classes = this.train.categories.length;
    if (classes !== experiment.student.model.classes)
      throw new Error(
        `${this.train.folder} has ${classes} categories, the experiment ` +
          `${experiment.name} expects ${experiment.student.model.classes}`,
      );
    this.checkBatch(experiment.student.batch); // now, and not when a teacher has been trained
    this.aside = new Aside(options.out);
  }

  /** What both splits are, read once a session. */
  data(): Promise<{ train: DataFingerprint; val: DataFingerprint }> {
    return (this.fingerprints ??= (async () => ({
      train: await fingerprintOfData(this.train),
      val: await fingerprintOfData(this.val),
    }))());
  }

  /** A detector with what must be known to show it pictures as this experiment does. */
  shown(detector: Detector): PictureDetector {
    const { size, antialias } = this.options.experiment;
    return { detector, size, antialias, categories: this.train.categories };
  }

  /** A loader over a split at the size of the experiment, as its networks read pictures. */
  private open(dataset: CocoDataset, options: Partial<LoaderOptions> & { batch: number }): Loader {
    const { size, antialias, student } = this.options.experiment;
    const workers = Math.max(1, Math.min(8, availableParallelism() - 1));
    return createLoader(dataset, { size, antialias, workers, ...student.model.input, ...options });
  }

  /** @throws where a batch cannot be divided among ranks, or a rank's part of it into turns */
  private checkBatch(batch: number): void {
    const { size } = world();
    const { accumulate = 1 } = this.options;
    if (batch % size !== 0)
      throw new Error(
        `a batch of ${batch} pictures cannot be divided among ${size} ranks: ` +
          'see --batch, and --set teacher.batch for a teacher',
      );
    if ((batch / size) % accumulate !== 0)
      throw new Error(
        `a batch of ${batch / size} pictures${size > 1 ? ' of a rank' : ''} cannot be cut into ${accumulate} equal ` +
          'parts: see --accumulate, --batch, and --set teacher.batch for a teacher',
      );
  }

  /**
   * Pictures to train on, augmented as the experiment says, in a new order every epoch; the caller
   * closes the loader when its run has ended. Of several ranks, this rank's part of every batch.
   */
  trainingLoader(
    batch: number,
    seed: number | string,
    profile: Profile = 'paper',
    dataset: CocoDataset = this.train,
  ): Loader {
    const { sampling, augmentation } = this.options.experiment;
    const { rank, size } = world();
    this.checkBatch(batch);
    return this.open(dataset, {
      batch: batch / size,
      shard: { rank, size },
      shuffle: true,
      seed,
      ...sampling,
      flip: sampling?.flip[profile] ?? 0.5,
      augmentation,
    });
  }

  /**
   * A split in order; one by one where sizes differ, as mmdet does, so that none is padded to its
   * neighbours. Of several ranks, this rank's batches; with `shard: undefined` all of them. The
   * caller closes it.
   */
  inOrder(dataset: CocoDataset, options: Pick<LoaderOptions, 'flip' | 'shard'> = {}): Loader {
    const { rank, size } = world();
    const batch = 'width' in this.options.experiment.size ? 10 : 1;
    return this.open(dataset, { batch, shard: { rank, size }, ...options });
  }

  /** The validation pictures in order, whose loader is kept: every detector is scored on them. */
  private validation(): Loader {
    return (this.scored ??= this.inOrder(this.val));
  }

  /** A detector's score on the validation pictures. */
  async evaluate(detector: Detector, title: string): Promise<DetectorScore> {
    const loader = this.validation();
    return this.untilStopped(title, loader.batchesPerEpoch, (update, signal) =>
      evaluateDetector(detector, this.val, loader, update, signal),
    );
  }

  /**
   * Long work under a progress display that is no training: throws `Stopped` where the user stopped
   * it.
   */
  async untilStopped<T>(
    title: string,
    total: number,
    body: (update: (done: number) => void, signal?: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { signal, goOn } = this.options;
    const progress = this.options.progress(title, total);
    try {
      return await body((done) => progress.update(done), signal);
    } catch (error) {
      if (error instanceof Stopped) throw new Stopped(`stopped during ${title}; ${goOn}`, error.status);
      throw error;
    } finally {
      progress.stop();
    }
  }

  /**
   * Trains under a progress display, after the run before has ended; throws `Stopped` where the
   * user stopped it.
   * @param keep whether this session trains it once only, and later calls find it again
   */
  run(
    title: string,
    name: string,
    config: unknown,
    steps: number,
    body: (run: RunOptions) => Promise<TrainResult>,
    keep = false,
  ): Promise<TrainResult & { folder: string }> {
    const run = this.last.catch(() => undefined).then(() => this.runNow(title, name, config, steps, body, keep));
    this.last = run;
    return run;
  }

  private async runNow(
    title: string,
    name: string,
    config: unknown,
    steps: number,
    body: (run: RunOptions) => Promise<TrainResult>,
    keep: boolean,
  ): Promise<TrainResult & { folder: string }> {
    const { out, signal, progress, goOn } = this.options;
    const folder = path.join(out, 'runs', name);
    const known = this.takenUp.has(name) && difference(this.takenUp.get(name), config) === undefined;
    const resume = this.options.resume || known;
    const lock = world().rank === 0 ? this.occupy() : undefined;
    let display: Progress | undefined;
    try {
      if (!resume) await this.makeWay(name);
      const result = await body({
        folder,
        config,
        resume,
        signal,
        checkpointEvery: Math.max(200, steps >> 8),
        onStep: ({ step, losses, learningRate, imagesPerSecond }) => {
          display ??= progress(title, steps, step + 1);
          const { loss, ...parts } = losses;
          const named = Object.entries(parts).map(([part, value]) => `${part} ${value.toFixed(3)}`);
          display.update(
            step + 1,
            `| loss ${loss.toFixed(3)} (${named.join(', ')}) | lr ` +
              `${learningRate.toExponential(1)} | ${imagesPerSecond.toFixed(0)} images/s`,
            losses,
          );
        },
      });
      if (!result.finished) {
        this.takenUp.set(name, config);
        throw new Stopped(`stopped after step ${result.steps} of ${title}; ${goOn}`, stopStatus(signal));
      }
      if (keep) this.takenUp.set(name, config);
      else this.takenUp.delete(name);
      return { ...result, folder };
    } finally {
      display?.stop();
      lock?.release();
    }
  }

  /** Keeps other processes from the folder while a run writes to it; rank 0 does so for all. */
  private occupy(): RunLock {
    requireWritable(this.options.out);
    return lockFolder(this.options.out);
  }

  /** Moves an earlier run of this name, and what was made and measured of it, out of the way. */
  private async makeWay(name: string): Promise<void> {
    const files = ['.json', '.safetensors', '.log.jsonl'].map((ending) => `${name}${ending}`);
    await rootFirst(world(), async () => {
      if (world().rank > 0) return;
      const kept = this.aside.move([path.join('runs', name), ...files, path.join('corruptions', `${name}.json`)]);
      if (kept) this.options.say(`${name}: what was there before is now in ${path.relative('', kept)}`);
    });
  }

  /** What every run depends on beside its own settings. */
  async inputs(): Promise<Inputs> {
    return inputsOf(this.options.experiment, (await this.data()).train);
  }

  /** Batches, optimizer and learning rate of a training run, whose loader the caller closes. */
  schedule(
    { batch, learningRate, warmupSteps, warmupRatio, milestones, steps, optimizer, clip, average }: TrainingConfig,
    seed: number,
    profile?: Profile,
    dataset?: CocoDataset,
  ) {
    const warmup = { steps: Math.min(warmupSteps, steps >> 2), ratio: warmupRatio ?? 0.001 };
    const { accumulate } = this.options;
    return {
      loader: this.trainingLoader(batch, seed, profile, dataset),
      batchSize: batch,
      ...(accumulate !== undefined && { accumulate }),
      schedule: {
        ...(milestones ? { kind: 'step' as const, milestones: [...milestones] } : { kind: 'cosine' as const }),
        base: learningRate,
        steps,
        warmup,
      },
      optimizer,
      clip,
      ...(average !== undefined && { average }),
    };
  }

  /** Ends the workers of the loader that was kept, with the pictures that they hold. */
  async close(): Promise<void> {
    const { scored } = this;
    this.scored = undefined;
    await scored?.close();
  }
}
