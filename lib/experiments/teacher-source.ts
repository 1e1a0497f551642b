/**
 * The teacher of an experiment: imported, taken from its file or trained on the spot; its AP
 * compared with the expected one, its features cached.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { firstPictures, type CocoDataset } from '../coco/dataset';
import { createDetector } from '../detection/families';
import type { Detector } from '../detection/detector';
import { trainDetector } from '../distill/distill-student';
import { checkTeacher, evaluateDetector, type DetectorScore } from '../distill/evaluate';
import { cachedFeatures, dividedFeatures, liveFeatures, type TeacherFeatures } from '../distill/feature-cache';
import { taskLoss } from '../distill/task-loss';
import { pyramidDeviations, Teacher } from '../distill/teacher';
import { clampedLevels } from '../freekd/level';
import { sha256 } from '../train/checkpoint';
import { agreed, world } from '../train/distributed/communicator';
import { readLog } from '../train/log';
import { importWeights } from '../weights/import';
import { checkpointFile } from './checkpoint-file';
import { teacherConfig, type TeacherConfig } from './configs';
import { hasFixedInputs, type ImportedTeacher, type TrainingConfig } from './experiment';
import {
  heldOutSentence,
  holdOut,
  isMemorised,
  looksOf,
  memorisedSentence,
  reportOf,
  type HeldOutReport,
} from './held-out';
import type { Profile } from '../runs/variants';
import { beginWith } from './start';
import { provenance, thin } from '../runs/results';
import { adoptTeacher, howItDiffers, readCard, readTeacher, saveTeacher, type TeacherCard } from './teacher-file';
import type { Workbench } from './workbench';

const CACHE_LIMIT = 2 ** 31; // bytes of teacher features kept in memory

/** A teacher that has not been measured here yet. */
interface Unmeasured {
  detector: Detector;
  deviations: number[];
  sha256: string;
  /** AP that it must reach, where the pictures are those that it was measured on before. */
  expected?: number;
  heldOut?: HeldOutReport;
}

/** The teacher with what was made of it. */
export interface TeacherState {
  detector: Detector;
  sha256: string;
  score: DetectorScore;
  /** As each profile sees it: profile `released` takes the pyramid as it is, undivided. */
  views: Record<Profile, Teacher>;
  /** Where a part of the training pictures chose among its weights. */
  heldOut?: HeldOutReport;
  /** Undivided pyramids, made when first needed, and what is kept of them in megabytes. */
  features?: TeacherFeatures;
  featureMegabytes: number;
}

export class TeacherSource {
  private state: TeacherState | undefined;

  constructor(private readonly bench: Workbench) {}

  /**
   * The teacher with its score, its AP compared with the expected one. Where it is to be trained
   * and has no file, that is done first.
   */
  async take(): Promise<TeacherState> {
    if (this.state) return this.state;
    const { experiment, say } = this.bench.options;
    const { detector, deviations, sha256, expected, heldOut } = await ('checkpoint' in experiment.teacher
      ? this.import(experiment.teacher)
      : this.read(experiment.teacher));
    try {
      const score = await this.bench.evaluate(detector, 'teacher AP');
      if (expected !== undefined) checkTeacher(score.metrics.AP, expected);
      say(
        `teacher: ${score.metrics.AP.toFixed(1)} AP on ${this.bench.val.images.length} ` +
          `pictures${expected === undefined ? '' : ` (expected: ${expected.toFixed(1)})`}`,
      );
      this.sayClamped(detector);
      const views = {
        paper: new Teacher(detector, deviations),
        released: new Teacher(
          detector,
          deviations.map(() => 1),
        ),
      };
      return (this.state = { detector, sha256, score, views, heldOut, featureMegabytes: 0 });
    } catch (error) {
      detector.dispose();
      throw error;
    }
  }

  /**
   * Why a teacher is trained now, in words; undefined where the one that is there is the wanted
   * one.
   * @throws where it is another one that may not be replaced
   */
  private async reasonToTrain(wanted: TeacherConfig): Promise<string | undefined> {
    const { teacherFile, trainTeacher, shippedTeacher, resume } = this.bench.options;
    const card = `${teacherFile}.json`;
    if (agreed(world(), trainTeacher)) return 'as asked';
    if (!agreed(world(), fs.existsSync(card))) return 'there is none yet';
    const other = howItDiffers(readCard(card), wanted, shippedTeacher ?? false);
    if (other && (shippedTeacher || resume))
      throw new Error(`${card} is another teacher's: ${other}; choose another --out or train it anew`);
    return other && `that of ${card} is another one: ${other}`;
  }

  /** What decides a trained teacher's weights. */
  private async wanted(config: TrainingConfig): Promise<TeacherConfig> {
    const { root, experiment: { heldOut } } = this.bench.options;
    const start = config.start && (await sha256(await checkpointFile(config.start, root)));
    return teacherConfig(config, await this.bench.inputs(), { heldOut, start });
  }

  /** Whether `take` will train it. */
  async isToBeTrained(): Promise<boolean> {
    const { teacher } = this.bench.options.experiment;
    if (this.state || 'checkpoint' in teacher) return false;
    return (await this.reasonToTrain(await this.wanted(teacher))) !== undefined;
  }

  /** From its file, after training it where there is none. */
  private async read(config: TrainingConfig): Promise<Unmeasured> {
    const { teacherFile, root, say } = this.bench.options;
    const wanted = await this.wanted(config);
    const reason = await this.reasonToTrain(wanted);
    if (reason !== undefined) {
      if (path.dirname(path.resolve(teacherFile)) === path.resolve(root, 'data/teachers'))
        throw new Error(
          `a teacher would be trained over the shipped ${teacherFile}.safetensors (${reason}); train it ` +
            'below --out, and let --ship put it there',
        );
      say(`teacher: trained now, ${reason}`);
      await this.make(wanted, config.start);
    }
    const { detector, card, sha256 } = await readTeacher(teacherFile, config.model);
    const { val } = await this.bench.data();
    const same = card.data === val.annotations && (card.pictures ?? val.pictures) === val.pictures;
    const { deviations, heldOut } = card;
    return { detector, deviations, sha256, expected: same ? card.AP : undefined, heldOut };
  }

  /** From a checkpoint of others. */
  private async import({ model, checkpoint, names, AP }: ImportedTeacher): Promise<Unmeasured> {
    const file = await checkpointFile(checkpoint, this.bench.options.root);
    const detector = createDetector(model);
    try {
      const { loaded, prefix, left } = await importWeights(detector.parameters, file, { names });
      const below = prefix && `, below "${prefix}"`;
      const others = [...new Set(left.map((name) => name.split('.', 2).join('.')))].slice(0, 3).join(', ');
      const aside = left.length > 0 ? `; read over: ${left.length} of ${others}` : '';
      this.bench.options.say(
        `teacher: ${loaded.length} tensors imported from ${path.basename(checkpoint)}${below}${aside}`,
      );
      const loader = this.bench.inOrder(this.bench.train, { shard: undefined });
      try {
        const deviations = await pyramidDeviations(detector, loader, this.bench.options.signal);
        return { detector, deviations, sha256: await sha256(file), expected: AP };
      } finally {
        await loader.close();
      }
    } catch (error) {
      detector.dispose();
      throw error;
    }
  }

  /** Names the pyramid levels that are too small for profile `paper`'s wavelet levels. */
  private sayClamped({ strides }: Detector): void {
    const { size, prompt } = this.bench.options.experiment;
    const { frequency } = prompt.paper;
    if (frequency.profile !== 'paper') return;
    const { width, height } = 'width' in size ? size : { width: size.longSide, height: size.shortSide };
    const maps = strides.map((stride): [number, number] => [Math.ceil(height / stride), Math.ceil(width / stride)]);
    for (const { pyramidLevel, size: [h, w], requested, used } of clampedLevels(maps, frequency.level))
      this.bench.options.say(
        `pyramid level ${pyramidLevel} (${h}x${w}) is too small for ${requested} ` +
          `wavelet levels: profile paper uses ${used} there`,
      );
  }

  /** @param start what it starts from; the configuration holds its SHA-256 */
  private async make(config: TeacherConfig, start: string | undefined): Promise<void> {
    const { experiment, teacherFile, root, say } = this.bench.options;
    const { model, steps } = config;
    const detector = createDetector(model, { seed: 0 });
    const parts = config.heldOut && holdOut(this.bench.train, config.heldOut);
    const schedule = this.bench.schedule(config, 0, undefined, parts?.rest);
    const choosing = parts && this.bench.inOrder(parts.heldOut);
    const selection = choosing &&
      config.heldOut && {
        ...looksOf(config.heldOut, steps),
        score: async () => (await evaluateDetector(detector, parts.heldOut, choosing)).stats[0],
      };
    const inOrder = this.bench.inOrder(this.bench.train, { shard: undefined });
    try {
      if (start !== undefined)
        say(`teacher: ${await beginWith(start, detector, this.bench.train.categories, root)}`);
      const { folder, millisecondsPerStep, best, steps: taken } = await this.bench.run(
        'teacher',
        'teacher',
        config,
        steps,
        (run) => trainDetector({ detector, seed: 0, distillation: {}, ...schedule, selection }, run),
      );
      const heldOut = best && parts && reportOf(best, taken, await this.lossesOn(detector, parts));
      if (heldOut) say(heldOutSentence(heldOut, steps));
      const adopted = await adoptTeacher(this.bench.shown(detector), inOrder, teacherFile, this.bench.options.signal);
      const { metrics } = await this.bench.evaluate(adopted.detector, 'teacher AP');
      adopted.detector.dispose();
      const { val } = await this.bench.data();
      const card: TeacherCard = {
        experiment: experiment.name,
        data: val.annotations,
        pictures: val.pictures,
        AP: metrics.AP,
        metrics,
        deviations: adopted.deviations,
        config,
        millisecondsPerStep,
        ...(heldOut && { heldOut }),
        curve: thin(readLog(folder)),
        ...provenance(root),
      };
      await saveTeacher(teacherFile, card, folder);
    } finally {
      await Promise.all([schedule.loader.close(), inOrder.close(), choosing?.close()]);
      detector.dispose();
    }
  }

  /** A trained teacher's loss on held-out pictures, and on as many others. */
  private async lossesOn(
    detector: Detector,
    { rest, heldOut }: ReturnType<typeof holdOut>,
  ): Promise<Pick<HeldOutReport, 'pictures' | 'loss' | 'trainingLoss'>> {
    const pictures = heldOut.images.length;
    const [loss, trainingLoss] = [heldOut, firstPictures(rest, pictures)].map(async (dataset) => {
      const loader = this.bench.inOrder(dataset, { shard: undefined });
      return taskLoss(detector, loader).finally(() => loader.close());
    });
    return { pictures, loss: await loss, trainingLoss: await trainingLoss };
  }

  /**
   * The pictures that stage 1 is tuned on: those of training, but the held-out ones where the
   * teacher has learned its own by heart and they are not augmented.
   */
  async promptPictures(batch: number): Promise<{ dataset: CocoDataset; pictures?: 'held-out' }> {
    const { heldOut: report } = await this.take();
    const { experiment, say } = this.bench.options;
    const { train } = this.bench;
    if (!report || !experiment.heldOut || !isMemorised(report)) return { dataset: train };
    const { heldOut } = holdOut(train, experiment.heldOut);
    const onHeldOut = !experiment.augmentation && heldOut.images.length >= batch;
    const others = experiment.augmentation ? 'augmented pictures' : 'them for want of others';
    say(memorisedSentence(report, onHeldOut ? 'the held-out ones' : others));
    return onHeldOut ? { dataset: heldOut, pictures: 'held-out' } : { dataset: train };
  }

  /**
   * The teacher's pyramids as a profile sees them: cached where inputs are fixed and all fit in
   * memory, else made in every step.
   */
  async features(profile: Profile): Promise<TeacherFeatures> {
    const state = await this.take();
    state.features ??= await this.undividedFeatures(state);
    return profile === 'released' ? state.features : dividedFeatures(state.features, state.views.paper.deviations);
  }

  private async undividedFeatures(state: TeacherState): Promise<TeacherFeatures> {
    const teacher = state.views.released;
    const { experiment } = this.bench.options;
    const { size } = experiment;
    if (!hasFixedInputs(experiment) || !('width' in size)) return liveFeatures(teacher);
    const positions = teacher.detector.strides.reduce(
      (sum, stride) => sum + Math.ceil(size.width / stride) * Math.ceil(size.height / stride),
      0,
    );
    const bytes = 2 * this.bench.train.images.length * positions * teacher.channels * 4;
    if (bytes > CACHE_LIMIT) return liveFeatures(teacher);
    const plain = this.bench.inOrder(this.bench.train);
    const flipped = this.bench.inOrder(this.bench.train, { flip: 1 });
    const total = plain.batchesPerEpoch + flipped.batchesPerEpoch;
    try {
      const features = await this.bench.untilStopped('teacher features', total, (update, signal) =>
        cachedFeatures(teacher, { plain, flipped }, update, signal),
      );
      state.featureMegabytes = bytes / 1e6;
      return features;
    } finally {
      await Promise.all([plain.close(), flipped.close()]);
    }
  }

  /** In megabytes. */
  memory(): { teacher: number; features: number } {
    const { detector, featureMegabytes = 0 } = this.state ?? {};
    return { teacher: (4 * (detector?.parameters.numel() ?? 0)) / 1e6, features: featureMegabytes };
  }

  /** Frees the teacher and its features; `take` reads it again. */
  close(): void {
    this.state?.detector.dispose();
    this.state = undefined;
  }
}
