/**
 * One experiment on one machine: opens the data, takes or trains the teacher, tunes prompts, trains students. Every
 * piece is made once and shared by all variants and seeds; what a run of hours made is found again by the next one.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { CocoDataset } from '../coco/dataset';
import { createLoader, type Loader, type LoaderOptions } from '../coco/loader';
import type { Batch } from '../coco/types';
import { RetinaNet } from '../detection/retinanet';
import { trainStudent, type TeacherSide } from '../distill/distill-student';
import { checkTeacher, evaluateDetector, type DetectorScore } from '../distill/evaluate';
import { cachedFeatures, dividedFeatures, liveFeatures, type TeacherFeatures } from '../distill/feature-cache';
import { Teacher } from '../distill/teacher';
import { clampedLevels } from '../freekd/level';
import { createFrequencyState, tunePrompt, type FrequencyState } from '../distill/tune-prompt';
import { fingerprintOf } from '../train/checkpoint';
import { readLog } from '../train/log';
import type { TrainOptions, TrainResult } from '../train/loop';
import type { Progress } from '../train/progress';
import type { Splits } from './data';
import { distillationOf, stageOneOf, type Experiment, type Profile, type TrainingConfig, type Variant } from './experiment';
import { provenance, thin, type RunResult } from './results';
import { adoptTeacher, readTeacher, saveTeacher, type TeacherCard } from './teacher-file';

/** Raised when the user stopped the work; what was reached is saved. */
export class Stopped extends Error {}

export interface SessionOptions {
  experiment: Experiment;
  splits: Splits;
  /** Where results and, below `runs/`, logs and checkpoints go. */
  out: string;
  /** Repository root, for the commit that results name. */
  root: string;
  /** Teacher file without its extension; trained and written there when missing or with `trainTeacher`. */
  teacherFile: string;
  trainTeacher: boolean;
  resume: boolean;
  signal?: AbortSignal;
  /** Opens a progress display. */
  progress(title: string, total: number, start?: number): Progress;
  say(line: string): void;
}

const CACHE_LIMIT = 2 ** 31; // bytes of teacher features kept in memory

/** The teacher with what was made of it. */
interface TeacherState {
  detector: RetinaNet;
  sha256: string;
  score: DetectorScore;
  /** As each profile sees it: profile `released` takes the pyramid as it is, undivided. */
  views: Record<Profile, Teacher>;
  /** Undivided pyramids, made when first needed. */
  features?: TeacherFeatures;
}

export class Session {
  readonly train: CocoDataset;
  readonly val: CocoDataset;
  private teacherState: TeacherState | undefined;
  private readonly frequency = new Map<string, FrequencyState>();
  private readonly loaders = new Map<string, Loader>();
  /** Fingerprints of the annotations. */
  private readonly data: { train: string; val: string };

  constructor(readonly options: SessionOptions) {
    const { splits, experiment } = options;
    ({ train: this.train, val: this.val } = splits);
    const classes = this.train.categories.length;
    if (classes !== experiment.student.model.classes)
      throw new Error(`${this.train.folder} has ${classes} categories, the experiment ${experiment.name} expects ${experiment.student.model.classes}`);
    this.data = { train: fingerprintOf(this.train.instances), val: fingerprintOf(this.val.instances) };
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
          display ??= progress(title, steps, step + 1);
          const { loss, ...parts } = losses;
          const named = Object.entries(parts).map(([part, value]) => `${part} ${value.toFixed(3)}`);
          display.update(step + 1, `| loss ${loss.toFixed(3)} (${named.join(', ')}) | lr ${learningRate.toExponential(1)} | ${imagesPerSecond.toFixed(0)} images/s`, loss);
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
    const { views, score } = await this.takeTeacher();
    return { teacher: views.paper, score };
  }

  private async takeTeacher(): Promise<TeacherState> {
    if (this.teacherState) return this.teacherState;
    const { teacherFile, trainTeacher, experiment, say } = this.options;
    if (trainTeacher || !fs.existsSync(`${teacherFile}.json`)) await this.trainTeacher();
    const { detector, card, sha256 } = await readTeacher(teacherFile, experiment.teacher.model);
    try {
      const score = await this.evaluate(detector, 'teacher AP');
      if (card.data === this.data.val) checkTeacher(score.metrics.AP, card.AP);
      say(`teacher: ${score.metrics.AP.toFixed(1)} AP on ${this.val.images.length} pictures (its card: ${card.AP.toFixed(1)})`);
      this.sayClamped(detector);
      const views = { paper: new Teacher(detector, card.deviations), released: new Teacher(detector, card.deviations.map(() => 1)) };
      return (this.teacherState = { detector, sha256, score, views });
    } catch (error) {
      detector.dispose();
      throw error;
    }
  }

  /** Names the pyramid levels that are too small for profile `paper`'s wavelet levels. */
  private sayClamped({ strides }: RetinaNet): void {
    const { size, prompt } = this.options.experiment;
    const { frequency } = prompt.paper;
    if (!('width' in size) || frequency.profile !== 'paper') return;
    const maps = strides.map((stride): [number, number] => [Math.ceil(size.height / stride), Math.ceil(size.width / stride)]);
    for (const { pyramidLevel, size: [h, w], requested, used } of clampedLevels(maps, frequency.level))
      this.options.say(`pyramid level ${pyramidLevel} (${h}x${w}) is too small for ${requested} wavelet levels: profile paper uses ${used} there`);
  }

  private async trainTeacher(): Promise<void> {
    const { experiment, teacherFile, root } = this.options;
    const { model, steps } = experiment.teacher;
    const detector = new RetinaNet(model, { seed: 0 });
    try {
      const config = { ...experiment.teacher, ...this.inputs() };
      const { folder, millisecondsPerStep } = await this.run('teacher', 'teacher', config, steps, (run) =>
        trainStudent({ student: detector, seed: 0, distillation: {}, ...this.schedule(experiment.teacher, 0) }, run),
      );
      const adopted = await adoptTeacher(detector, this.loader(this.train, { batch: 10 }), teacherFile);
      const { metrics } = await this.evaluate(adopted.detector, 'teacher AP');
      adopted.detector.dispose();
      const card: TeacherCard = {
        experiment: experiment.name,
        data: this.data.val,
        AP: metrics.AP,
        metrics,
        deviations: adopted.deviations,
        config: experiment.teacher,
        millisecondsPerStep,
        curve: thin(readLog(folder)),
        ...provenance(root),
      };
      await saveTeacher(teacherFile, card, folder);
    } finally {
      detector.dispose();
    }
  }

  /** What every run depends on beside its own settings. */
  private inputs(): Record<string, unknown> {
    const { size, antialias } = this.options.experiment;
    return { size, antialias, data: this.data.train };
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

  /** The teacher's pyramids as a profile sees them, cached where they fit in memory. */
  private async features(profile: Profile): Promise<TeacherFeatures> {
    const state = await this.takeTeacher();
    state.features ??= await this.undividedFeatures(state.views.released);
    return profile === 'released' ? state.features : dividedFeatures(state.features, state.views.paper.deviations);
  }

  private async undividedFeatures(teacher: Teacher): Promise<TeacherFeatures> {
    const { size } = this.options.experiment;
    const positions = 'width' in size ? teacher.detector.strides.reduce((sum, s) => sum + Math.ceil(size.width / s) * Math.ceil(size.height / s), 0) : Infinity;
    const bytes = 2 * this.train.images.length * positions * teacher.channels * 4;
    if (bytes > CACHE_LIMIT) return liveFeatures(teacher);
    const plain = this.loader(this.train, { batch: 10 });
    const flipped = this.loader(this.train, { batch: 10, flip: 1 });
    const progress = this.options.progress('teacher features', plain.batchesPerEpoch + flipped.batchesPerEpoch);
    try {
      return await cachedFeatures(teacher, { plain, flipped }, (done) => progress.update(done));
    } finally {
      progress.stop();
    }
  }

  /** Stage 1 of a profile and seed, tuned once a session; with `resume`, found again where it was tuned before with the same configuration. */
  async stageOne(profile: Profile, seed: number): Promise<FrequencyState> {
    const key = `${profile}-seed${seed}`;
    const found = this.frequency.get(key);
    if (found) return found;
    const { views, sha256 } = await this.takeTeacher();
    const teacher = views[profile];
    const { frequency, tuning } = this.options.experiment.prompt[profile];
    const { batch } = this.options.experiment.student;
    const features = await this.features(profile);
    const loader = this.loader(this.train, { batch, shuffle: true, flip: 0.5, seed: `prompt${seed}` });
    const config = { frequency, tuning, batch, seed, teacher: sha256, ...this.inputs() };
    const state = createFrequencyState(teacher.deviations.length, teacher.channels, frequency, seed);
    try {
      await this.run(`prompt, ${profile}, seed ${seed}`, `prompt-${key}`, config, tuning.steps, (run) =>
        tunePrompt({ teacher, features, state, loader, tuning, batchSize: batch }, run),
      );
    } catch (error) {
      state.parameters.dispose();
      throw error;
    }
    this.frequency.set(key, state);
    return state;
  }

  /** What a variant's student learns from; nothing for the student alone. */
  private async sideOf(variant: Variant, seed: number): Promise<TeacherSide | undefined> {
    if (variant === 'student') return undefined;
    const stageOne = stageOneOf(variant);
    const profile = stageOne ?? 'paper';
    const { views } = await this.takeTeacher();
    return { teacher: views[profile], features: await this.features(profile), frequency: stageOne && (await this.stageOne(stageOne, seed)) };
  }

  /** Trains and scores the student of a variant and seed. The caller disposes the detector. */
  async student(variant: Variant, seed: number): Promise<{ result: RunResult; detector: RetinaNet; score: DetectorScore }> {
    const { experiment, root } = this.options;
    const { steps, model } = experiment.student;
    const teacher = (await this.takeTeacher()).score.metrics;
    const config = await this.configOf(variant, seed);
    const side = await this.sideOf(variant, seed);
    const distillation = distillationOf(variant, experiment);
    const detector = new RetinaNet(model, { seed });
    try {
      const { folder, millisecondsPerStep } = await this.run(`${variant}, seed ${seed}`, `${variant}-seed${seed}`, config, steps, (run) =>
        trainStudent({ student: detector, seed, distillation, side, ...this.schedule(experiment.student, seed) }, run),
      );
      const score = await this.evaluate(detector, `${variant}, seed ${seed}: AP`);
      const { metrics, perCategory } = score;
      const curve = thin(readLog(folder));
      const known = { format: 1 as const, experiment: experiment.name, data: experiment.title, variant, seed, config };
      return { result: { ...known, metrics, perCategory, teacher, steps, millisecondsPerStep, curve, ...provenance(root) }, detector, score };
    } catch (error) {
      detector.dispose();
      throw error;
    }
  }

  /** Everything that decides the outcome of a run, the teacher's weights included where it has one. */
  async configOf(variant: Variant, seed: number): Promise<Record<string, unknown>> {
    const { experiment } = this.options;
    const profile = stageOneOf(variant);
    return {
      student: experiment.student,
      distillation: distillationOf(variant, experiment),
      ...(profile && { prompt: experiment.prompt[profile] }),
      ...(variant !== 'student' && { teacher: (await this.takeTeacher()).sha256 }),
      ...this.inputs(),
      validation: this.data.val,
      seed,
    };
  }

  /** Frees the teacher, the prompts and the loaders. */
  async close(): Promise<void> {
    await Promise.all([...this.loaders.values()].map((loader) => loader.close()));
    this.frequency.forEach(({ parameters }) => parameters.dispose());
    this.teacherState?.detector.dispose();
  }
}
