/**
 * One experiment on one machine: opens the data, takes or trains the teacher, tunes prompts, trains
 * students. Every piece is made once and shared by all variants and seeds; what a run of hours made
 * is found again by the next one. A closed session opens again on use.
 */
import * as path from 'node:path';
import type { CocoDataset } from '../coco/dataset';
import type { DataFingerprint } from '../coco/fingerprint';
import { createDetector } from '../detection/families';
import type { Detector } from '../detection/detector';
import { inheritNeckAndHead, trainDetector, type TeacherSide } from '../distill/distill-student';
import type { PictureDetector } from '../distill/detector-file';
import type { DetectorScore } from '../distill/evaluate';
import type { Teacher } from '../distill/teacher';
import { createPromptState, type PromptState } from '../distill/prompt-state';
import { tunePrompt } from '../distill/tune-prompt';
import { hashOf, sha256 } from '../train/checkpoint';
import { readLog } from '../train/log';
import { importWeights } from '../weights/import';
import { checkpointFile } from './checkpoint-file';
import { promptConfig, studentConfig, type StudentConfig } from './configs';
import { rowOf, type OwnLoss } from '../runs/own-loss';
import { provenance, thin, type RunResult } from '../runs/results';
import {
  profileOf,
  variants,
  type PromptName,
  type PromptSettings,
  type Variant,
  type VariantRow,
} from '../runs/variants';
import { beginWith } from './start';
import { TeacherSource } from './teacher-source';
import { Workbench, type SessionOptions } from './workbench';

/** What a session keeps, in megabytes (10^6 bytes). */
export interface SessionMemory {
  teacher: number;
  /** The teacher's maps of all training pictures, made when something is first learned from them. */
  features: number;
  prompts: number;
}

export class Session {
  readonly train: CocoDataset;
  readonly val: CocoDataset;
  private readonly bench: Workbench;
  private readonly source: TeacherSource;
  private readonly prompts = new Map<string, PromptState>();

  constructor(readonly options: SessionOptions) {
    this.bench = new Workbench(options);
    ({ train: this.train, val: this.val } = this.bench);
    this.source = new TeacherSource(this.bench);
  }

  /** The teacher with its score: from its file, or trained now. Its AP is compared with its card's. */
  async teacher(): Promise<{ teacher: Teacher; score: DetectorScore; sha256: string }> {
    const { views, score, sha256 } = await this.source.take();
    return { teacher: views.paper, score, sha256 };
  }

  /** Whether `teacher` will train one. */
  trainsTeacher(): Promise<boolean> {
    return this.source.isToBeTrained();
  }

  /** What the validation pictures are. */
  async validation(): Promise<DataFingerprint> {
    return (await this.bench.data()).val;
  }

  /** A detector as it is shown pictures here: what `writeDetector` writes. */
  shown(detector: Detector): PictureDetector {
    return this.bench.shown(detector);
  }

  /** A detector's score on the validation pictures. */
  evaluate(detector: Detector, title: string): Promise<DetectorScore> {
    return this.bench.evaluate(detector, title);
  }

  /** Stage 1 by name and seed, or the authors' own prompt where its file is given. */
  prompt(name: PromptName, seed: number): Promise<PromptState> {
    const settings = this.options.experiment.prompt[name];
    return this.options.promptFile && name === 'released'
      ? this.importPrompt(this.options.promptFile, settings)
      : this.tune(name, settings, seed);
  }

  /** The former name of `prompt`. */
  stageOne(name: PromptName, seed: number): Promise<PromptState> {
    return this.prompt(name, seed);
  }

  private async importPrompt(file: string, { frequency }: PromptSettings): Promise<PromptState> {
    const found = this.prompts.get(file);
    if (found) return found;
    const { views } = await this.source.take();
    const { deviations, channels } = views.released;
    const state = createPromptState(deviations.length, channels, frequency, 0);
    try {
      await importWeights(state.parameters, file, { names: 'freekd-prompt' });
    } catch (error) {
      state.parameters.dispose();
      throw error;
    }
    this.prompts.set(file, state);
    return state;
  }

  /**
   * Stage 1 with settings of one's own, tuned once a session for each `name` and seed, closed in
   * between or not; with `resume`, found again where it was tuned before with the same configuration.
   * The session frees the result.
   */
  async tune(name: string, { frequency, tuning }: PromptSettings, seed: number): Promise<PromptState> {
    const key = `${name}-seed${seed}`;
    const found = this.prompts.get(key);
    if (found) return found;
    const { views, sha256 } = await this.source.take();
    const profile = profileOf(frequency.profile);
    const teacher = views[profile];
    const { accumulate, experiment: { student: { batch } } } = this.options;
    const features = await this.source.features(profile);
    const { dataset, ...pictures } = await this.source.promptPictures(batch);
    const from = { batch, seed, teacher: sha256, ...pictures };
    const config = promptConfig({ frequency, tuning }, from, await this.bench.inputs());
    const state = createPromptState(teacher.deviations.length, teacher.channels, frequency, seed);
    const loader = this.bench.trainingLoader(batch, `prompt${seed}`, profile, dataset);
    try {
      await this.bench.run(`prompt, ${name}, seed ${seed}`, `prompt-${key}`, config, tuning.steps, (run) =>
        tunePrompt({ teacher, features, state, loader, tuning, batchSize: batch, accumulate }, run),
        true,
      );
    } catch (error) {
      state.parameters.dispose();
      throw error;
    } finally {
      await loader.close();
    }
    this.prompts.set(key, state);
    return state;
  }

  /** What a variant's student learns from; nothing for the student alone. */
  private async sideOf({ name, prompt }: VariantRow, seed: number): Promise<TeacherSide | undefined> {
    if (name === 'student') return undefined;
    const profile = profileOf(prompt);
    const { views } = await this.source.take();
    return {
      teacher: views[profile],
      features: await this.source.features(profile),
      prompt: prompt && (await this.prompt(prompt, seed)),
    };
  }

  /**
   * Trains and scores the student of a variant and seed: a name of the table, or a loss of one's
   * own. The caller disposes the detector.
   */
  async student(
    chosen: Variant | OwnLoss | VariantRow,
    seed: number,
  ): Promise<{ result: RunResult; detector: Detector; score: DetectorScore }> {
    const { experiment, root } = this.options;
    const row = rowOf(chosen);
    const { name: variant, title, color } = row;
    const teacher = (await this.source.take()).score.metrics;
    const config = await this.configOf(row, seed);
    const { student: training, distillation } = config;
    const side = await this.sideOf(row, seed);
    const detector = createDetector(training.model, { seed });
    const schedule = this.bench.schedule(training, seed, profileOf(row.prompt));
    try {
      await this.start(detector, config);
      const { folder, millisecondsPerStep } = await this.bench.run(
        `${variant}, seed ${seed}`,
        `${variant}-seed${seed}`,
        config,
        training.steps,
        (run) => trainDetector({ detector, seed, distillation, side, ...schedule }, run),
      );
      const score = await this.bench.evaluate(detector, `${variant}, seed ${seed}: AP`);
      const { metrics, perCategory } = score;
      const curve = thin(readLog(folder));
      const known = {
        format: 1 as const,
        experiment: experiment.name,
        data: experiment.title,
        variant,
        ...(!variants.includes(variant) && { look: { title, color } }),
        seed,
        config,
      };
      const outcome = {
        metrics,
        perCategory,
        teacher,
        steps: training.steps,
        millisecondsPerStep,
        parameters: hashOf(detector.parameters),
        curve,
      };
      return { result: { ...known, ...outcome, ...provenance(root) }, detector, score };
    } catch (error) {
      detector.dispose();
      throw error;
    } finally {
      await schedule.loader.close();
    }
  }

  /**
   * What a student starts with beside its seed: the imported backbone, what it inherits of the
   * teacher.
   */
  private async start(detector: Detector, { student, inherit }: StudentConfig): Promise<void> {
    const { say, root } = this.options;
    const { backbone } = student;
    const { start } = this.options.experiment.student;
    if (start !== undefined) say(`student: ${await beginWith(start, detector, this.train.categories, root)}`);
    if (backbone) {
      const file = await checkpointFile(backbone.checkpoint, root);
      const others = detector.parameters.all().filter(({ name }) => !name.startsWith('backbone.'));
      const { loaded, prefix } = await importWeights(detector.parameters, file, {
        names: backbone.names,
        optional: others.map(({ name }) => name),
      });
      const from = `${path.basename(backbone.checkpoint)}${prefix && `, below "${prefix}"`}`;
      say(`student: backbone of ${loaded.length} tensors imported from ${from}`);
    }
    if (inherit) inheritNeckAndHead(detector, (await this.source.take()).detector, inherit);
  }

  /** Everything that decides the outcome of a run, imported weights included. */
  async configOf(variant: Variant | OwnLoss | VariantRow, seed: number): Promise<StudentConfig> {
    const { experiment, promptFile, root } = this.options;
    const { backbone, start } = experiment.student;
    const sources = {
      start: start && (await sha256(await checkpointFile(start, root))),
      backbone: backbone && (await sha256(await checkpointFile(backbone.checkpoint, root))),
      teacher: (await this.source.take()).sha256,
      promptFile: promptFile && (await sha256(promptFile)),
      validation: (await this.bench.data()).val,
    };
    return studentConfig(experiment, rowOf(variant), seed, sources, await this.bench.inputs());
  }

  /** What `close` gives back; students are their callers'. */
  memory(): SessionMemory {
    const values = [...this.prompts.values()].reduce((sum, { parameters }) => sum + parameters.numel(), 0);
    return { ...this.source.memory(), prompts: (4 * values) / 1e6 };
  }

  /**
   * Frees the teacher and its features, the prompts and the loaders. Whatever is asked for later is
   * read or made again, prompts from their files.
   */
  async close(): Promise<void> {
    await this.bench.close();
    this.prompts.forEach(({ parameters }) => parameters.dispose());
    this.prompts.clear();
    this.source.close();
  }
}
