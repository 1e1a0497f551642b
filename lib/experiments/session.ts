/**
 * One experiment on one machine: opens the data, takes or trains the teacher, tunes prompts, trains students. Every
 * piece is made once and shared by all variants and seeds; what a run of hours made is found again by the next one.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openCoco, splitsOf, type CocoDataset } from '../coco/dataset';
import { createLoader, type Loader, type LoaderOptions } from '../coco/loader';
import type { Batch } from '../coco/types';
import { RetinaNet } from '../detection/retinanet';
import { trainStudent, type TeacherSide } from '../distill/distill-student';
import { checkTeacher, evaluateDetector, type DetectorScore } from '../distill/evaluate';
import { cachedFeatures, liveFeatures, type TeacherFeatures } from '../distill/feature-cache';
import { Teacher } from '../distill/teacher';
import { createFrequencyState, tunePrompt, type FrequencyState } from '../distill/tune-prompt';
import { fingerprintOf } from '../train/checkpoint';
import { readLog } from '../train/log';
import type { TrainOptions, TrainResult } from '../train/loop';
import type { Progress } from '../train/progress';
import { distillationOf, stageOneOf, type Experiment, type Profile, type TrainingConfig, type Variant } from './experiment';
import { provenance, thin, type RunResult } from './results';
import { adoptTeacher, readTeacher, saveTeacher, type TeacherCard } from './teacher-file';

/** Raised when the user stopped the work; what was reached is saved. */
export class Stopped extends Error {}

export interface SessionOptions {
  experiment: Experiment;
  /** Folder in COCO layout. */
  dataFolder: string;
  /** Where results and, below `runs/`, logs and checkpoints go. */
  out: string;
  /** Repository root, for the commit that results name. */
  root: string;
  /** Teacher file without its extension; trained and written there when missing or with `trainTeacher`. */
  teacherFile: string;
  trainTeacher: boolean;
  resume: boolean;
  skipBad: boolean;
  signal?: AbortSignal;
  /** Opens a progress display. */
  progress(title: string, total: number, start?: number): Progress;
  say(line: string): void;
}

const CACHE_LIMIT = 2 ** 31; // bytes of teacher features kept in memory

export class Session {
  readonly train: CocoDataset;
  readonly val: CocoDataset;
  private teacherSide: { teacher: Teacher; score: DetectorScore; features?: TeacherFeatures } | undefined;
  private readonly frequency = new Map<string, FrequencyState>();
  private readonly loaders = new Map<string, Loader>();

  constructor(readonly options: SessionOptions) {
    const { dataFolder, skipBad, experiment } = options;
    const [train, val] = pickSplits(dataFolder);
    this.train = openCoco(dataFolder, train, { skipBad });
    this.val = openCoco(dataFolder, val, { skipBad });
    const classes = this.train.categories.length;
    if (classes !== experiment.student.model.classes)
      throw new Error(`${dataFolder} has ${classes} categories, the experiment ${experiment.name} expects ${experiment.student.model.classes}`);
  }

  private loader(dataset: CocoDataset, options: Partial<LoaderOptions> & { batch: number }): Loader {
    const { size, antialias } = this.options.experiment;
    const key = JSON.stringify([dataset.split, options]);
    let loader = this.loaders.get(key);
    if (!loader) this.loaders.set(key, (loader = createLoader(dataset, { size, antialias, ...options })));
    return loader;
  }

  /** A detector's score on the validation pictures. */
  async evaluate(detector: RetinaNet, title: string): Promise<DetectorScore> {
    const loader = this.loader(this.val, { batch: 10 });
    const progress = this.options.progress(title, loader.batchesPerEpoch);
    try {
      return await evaluateDetector(detector, this.val, loader, (done) => progress.update(done));
    } finally {
      progress.stop();
    }
  }

  /** Trains under a progress display; throws `Stopped` where the user stopped it. */
  private async run(
    title: string,
    name: string,
    config: unknown,
    steps: number,
    body: (run: Pick<TrainOptions<Batch>, 'folder' | 'config' | 'resume' | 'signal' | 'onStep'>) => Promise<TrainResult>,
  ): Promise<TrainResult & { folder: string }> {
    const { out, resume, signal, progress } = this.options;
    const folder = path.join(out, 'runs', name);
    let display: Progress | undefined;
    try {
      const result = await body({
        folder,
        config,
        resume,
        signal,
        onStep: ({ step, losses, learningRate, imagesPerSecond }) => {
          display ??= progress(title, steps, step);
          const { loss, ...parts } = losses;
          const named = Object.entries(parts).map(([part, value]) => `${part} ${value.toFixed(3)}`);
          display.update(step + 1, `| loss ${loss.toFixed(3)} (${named.join(', ')}) | lr ${learningRate.toExponential(1)} | ${imagesPerSecond.toFixed(0)} images/s`);
        },
      });
      if (!result.finished) throw new Stopped(`stopped after step ${result.steps} of ${title}; the same command with --resume goes on from there`);
      return { ...result, folder };
    } finally {
      display?.stop();
    }
  }

  /** The teacher with its score: from its file, or trained now. Its AP is compared with its card's. */
  async teacher(): Promise<{ teacher: Teacher; score: DetectorScore }> {
    if (this.teacherSide) return this.teacherSide;
    const { teacherFile, trainTeacher, experiment, say } = this.options;
    const make = trainTeacher || !fs.existsSync(`${teacherFile}.json`);
    if (make) await this.trainTeacher();
    const { detector, card } = await readTeacher(teacherFile, experiment.teacher.model);
    const score = await this.evaluate(detector, 'teacher AP');
    if (!make && card.data === fingerprintOf(this.val.instances)) checkTeacher(score.metrics.AP, card.AP);
    say(`teacher: ${score.metrics.AP.toFixed(1)} AP on ${this.val.images.length} pictures (its card: ${card.AP.toFixed(1)})`);
    const teacher = new Teacher(detector, card.deviations);
    this.teacherSide = { teacher, score };
    return this.teacherSide;
  }

  private async trainTeacher(): Promise<void> {
    const { experiment, teacherFile, root } = this.options;
    const { model, ...training } = experiment.teacher;
    const detector = new RetinaNet(model, { seed: 0 });
    const config = { ...experiment.teacher, data: fingerprintOf(this.train.instances) };
    const { folder, millisecondsPerStep } = await this.run('teacher', 'teacher', config, training.steps, (run) =>
      trainStudent({ student: detector, seed: 0, distillation: {}, ...this.schedule(experiment.teacher, 0) }, run),
    );
    const adopted = await adoptTeacher(detector, this.loader(this.train, { batch: 10 }), teacherFile);
    const score = await this.evaluate(adopted.detector, 'teacher AP');
    const card: TeacherCard = {
      experiment: experiment.name,
      data: fingerprintOf(this.val.instances),
      AP: score.metrics.AP,
      metrics: score.metrics,
      deviations: adopted.deviations,
      config: experiment.teacher,
      millisecondsPerStep,
      curve: thin(readLog(folder)),
      ...provenance(root),
    };
    await saveTeacher(teacherFile, card);
    adopted.detector.dispose();
    detector.dispose();
  }

  private schedule({ batch, learningRate, warmupSteps, steps, optimizer, clip }: TrainingConfig, seed: number) {
    return {
      loader: this.loader(this.train, { batch, shuffle: true, flip: 0.5, seed }),
      batchSize: batch,
      schedule: { kind: 'cosine' as const, base: learningRate, steps, warmup: { steps: Math.min(warmupSteps, steps >> 2), ratio: 0.001 } },
      optimizer,
      clip,
    };
  }

  /** The teacher's pyramids, cached where they fit in memory. */
  private async features(): Promise<TeacherFeatures> {
    await this.teacher();
    const side = this.teacherSide as NonNullable<typeof this.teacherSide>;
    if (side.features) return side.features;
    const { size } = this.options.experiment;
    const { teacher } = side;
    const positions = 'width' in size ? teacher.detector.strides.reduce((sum, s) => sum + Math.ceil(size.width / s) * Math.ceil(size.height / s), 0) : Infinity;
    const bytes = 2 * this.train.images.length * positions * teacher.channels * 4;
    if (bytes > CACHE_LIMIT) return (side.features = liveFeatures(teacher));
    const plain = this.loader(this.train, { batch: 10 });
    const flipped = this.loader(this.train, { batch: 10, flip: 1 });
    const progress = this.options.progress('teacher features', plain.batchesPerEpoch + flipped.batchesPerEpoch);
    side.features = await cachedFeatures(teacher, { plain, flipped }, (done) => progress.update(done));
    progress.stop();
    return side.features;
  }

  /** Stage 1 of a profile and seed, found again where it was tuned before with the same configuration. */
  async stageOne(profile: Profile, seed: number): Promise<FrequencyState> {
    const key = `${profile}-seed${seed}`;
    const found = this.frequency.get(key);
    if (found) return found;
    const { teacher } = await this.teacher();
    const { frequency, tuning } = this.options.experiment.prompt[profile];
    const { batch } = this.options.experiment.student;
    const state = createFrequencyState(teacher.deviations.length, teacher.channels, frequency, seed);
    const features = await this.features();
    const loader = this.loader(this.train, { batch, shuffle: true, flip: 0.5, seed: `prompt${seed}` });
    const config = { frequency, tuning, seed, teacher: teacher.deviations };
    await this.run(`prompt, ${profile}, seed ${seed}`, `prompt-${key}`, config, tuning.steps, (run) =>
      tunePrompt({ teacher, features, state, loader, tuning, batchSize: batch }, run),
    );
    this.frequency.set(key, state);
    return state;
  }

  /** Trains and scores the student of a variant and seed. */
  async student(variant: Variant, seed: number): Promise<{ result: RunResult; detector: RetinaNet; score: DetectorScore }> {
    const { experiment, root } = this.options;
    const { teacher, score: teacherScore } = await this.teacher();
    const distillation = distillationOf(variant, experiment);
    const profile = stageOneOf(variant);
    const frequency = profile && (await this.stageOne(profile, seed));
    const side: TeacherSide | undefined = variant === 'student' ? undefined : { teacher, features: await this.features(), frequency };
    const detector = new RetinaNet(experiment.student.model, { seed });
    const config = this.configOf(variant, seed);
    const { steps } = experiment.student;
    const { folder, millisecondsPerStep } = await this.run(`${variant}, seed ${seed}`, `${variant}-seed${seed}`, config, steps, (run) =>
      trainStudent({ student: detector, seed, distillation, side, ...this.schedule(experiment.student, seed) }, run),
    );
    const score = await this.evaluate(detector, `${variant}, seed ${seed}: AP`);
    const { metrics, perCategory } = score;
    const result: RunResult = {
      format: 1,
      experiment: experiment.name,
      data: experiment.title,
      variant,
      seed,
      config,
      metrics,
      perCategory,
      teacher: teacherScore.metrics,
      steps,
      millisecondsPerStep,
      curve: thin(readLog(folder)),
      ...provenance(root),
    };
    return { result, detector, score };
  }

  /** Everything that decides the outcome of a run. */
  configOf(variant: Variant, seed: number): Record<string, unknown> {
    const { experiment } = this.options;
    const profile = stageOneOf(variant);
    return {
      student: experiment.student,
      distillation: distillationOf(variant, experiment),
      ...(profile && { prompt: experiment.prompt[profile] }),
      size: experiment.size,
      data: fingerprintOf(this.train.instances),
      seed,
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.loaders.values()].map((loader) => loader.close()));
    this.frequency.forEach(({ parameters }) => parameters.dispose());
    this.teacherSide?.teacher.detector.dispose();
  }
}

/** The split to train on and the one to measure on. */
function pickSplits(folder: string): [string, string] {
  const splits = splitsOf(folder);
  const named = (prefix: string): string => {
    const split = splits.find((name) => name.startsWith(prefix));
    if (!split) throw new Error(`${folder}: no split called ${prefix}* (found: ${splits.join(', ') || 'none'}); expected annotations/instances_${prefix}*.json`);
    return split;
  };
  return [named('train'), named('val')];
}
