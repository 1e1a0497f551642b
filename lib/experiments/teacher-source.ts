/** The teacher of an experiment: taken from its file or trained on the spot, checked against its card, its features cached. */
import * as fs from 'node:fs';
import { RetinaNet } from '../detection/retinanet';
import { trainStudent } from '../distill/distill-student';
import { checkTeacher, type DetectorScore } from '../distill/evaluate';
import { cachedFeatures, dividedFeatures, liveFeatures, type TeacherFeatures } from '../distill/feature-cache';
import { Teacher } from '../distill/teacher';
import { clampedLevels } from '../freekd/level';
import { readLog } from '../train/log';
import type { Profile } from './experiment';
import { provenance, thin } from './results';
import { adoptTeacher, readTeacher, saveTeacher, type TeacherCard } from './teacher-file';
import type { Workbench } from './workbench';

const CACHE_LIMIT = 2 ** 31; // bytes of teacher features kept in memory

/** The teacher with what was made of it. */
export interface TeacherState {
  detector: RetinaNet;
  sha256: string;
  score: DetectorScore;
  /** As each profile sees it: profile `released` takes the pyramid as it is, undivided. */
  views: Record<Profile, Teacher>;
  /** Undivided pyramids, made when first needed. */
  features?: TeacherFeatures;
}

export class TeacherSource {
  private state: TeacherState | undefined;

  constructor(private readonly bench: Workbench) {}

  /** The teacher with its score, its AP compared with its card's. Where it has no file it is trained and written first. */
  async take(): Promise<TeacherState> {
    if (this.state) return this.state;
    const { teacherFile, trainTeacher, experiment, say } = this.bench.options;
    if (trainTeacher || !fs.existsSync(`${teacherFile}.json`)) await this.make();
    const { detector, card, sha256 } = await readTeacher(teacherFile, experiment.teacher.model);
    try {
      const score = await this.bench.evaluate(detector, 'teacher AP');
      if (card.data === this.bench.data.val) checkTeacher(score.metrics.AP, card.AP);
      say(`teacher: ${score.metrics.AP.toFixed(1)} AP on ${this.bench.val.images.length} pictures (its card: ${card.AP.toFixed(1)})`);
      this.sayClamped(detector);
      const views = { paper: new Teacher(detector, card.deviations), released: new Teacher(detector, card.deviations.map(() => 1)) };
      return (this.state = { detector, sha256, score, views });
    } catch (error) {
      detector.dispose();
      throw error;
    }
  }

  /** Names the pyramid levels that are too small for profile `paper`'s wavelet levels. */
  private sayClamped({ strides }: RetinaNet): void {
    const { size, prompt } = this.bench.options.experiment;
    const { frequency } = prompt.paper;
    if (!('width' in size) || frequency.profile !== 'paper') return;
    const maps = strides.map((stride): [number, number] => [Math.ceil(size.height / stride), Math.ceil(size.width / stride)]);
    for (const { pyramidLevel, size: [h, w], requested, used } of clampedLevels(maps, frequency.level))
      this.bench.options.say(`pyramid level ${pyramidLevel} (${h}x${w}) is too small for ${requested} wavelet levels: profile paper uses ${used} there`);
  }

  private async make(): Promise<void> {
    const { experiment, teacherFile, root } = this.bench.options;
    const { model, steps } = experiment.teacher;
    const detector = new RetinaNet(model, { seed: 0 });
    try {
      const config = { ...experiment.teacher, ...this.bench.inputs() };
      const { folder, millisecondsPerStep } = await this.bench.run('teacher', 'teacher', config, steps, (run) =>
        trainStudent({ student: detector, seed: 0, distillation: {}, ...this.bench.schedule(experiment.teacher, 0) }, run),
      );
      const adopted = await adoptTeacher(detector, this.bench.loader(this.bench.train, { batch: 10 }), teacherFile);
      const { metrics } = await this.bench.evaluate(adopted.detector, 'teacher AP');
      adopted.detector.dispose();
      const card: TeacherCard = {
        experiment: experiment.name,
        data: this.bench.data.val,
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

  /** The teacher's pyramids as a profile sees them, cached where they fit in memory. */
  async features(profile: Profile): Promise<TeacherFeatures> {
    const state = await this.take();
    state.features ??= await this.undividedFeatures(state.views.released);
    return profile === 'released' ? state.features : dividedFeatures(state.features, state.views.paper.deviations);
  }

  private async undividedFeatures(teacher: Teacher): Promise<TeacherFeatures> {
    const { size } = this.bench.options.experiment;
    const positions = 'width' in size ? teacher.detector.strides.reduce((sum, s) => sum + Math.ceil(size.width / s) * Math.ceil(size.height / s), 0) : Infinity;
    const bytes = 2 * this.bench.train.images.length * positions * teacher.channels * 4;
    if (bytes > CACHE_LIMIT) return liveFeatures(teacher);
    const plain = this.bench.loader(this.bench.train, { batch: 10 });
    const flipped = this.bench.loader(this.bench.train, { batch: 10, flip: 1 });
    const progress = this.bench.options.progress('teacher features', plain.batchesPerEpoch + flipped.batchesPerEpoch);
    try {
      return await cachedFeatures(teacher, { plain, flipped }, (done) => progress.update(done));
    } finally {
      progress.stop();
    }
  }

  /** Frees the teacher. */
  dispose(): void {
    this.state?.detector.dispose();
  }
}
