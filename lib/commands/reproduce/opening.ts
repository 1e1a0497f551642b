/** Which experiment `npm run reproduce` runs, on which pictures, and where its results go. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ablationExperiment } from '../../experiments/ablations';
import { checkSplits, openSplits, type Splits } from '../../experiments/data';
import { emojiScenes, folderExperiment, type Experiment, type Profile } from '../../experiments/experiment';
import { override } from '../../experiments/overrides';
import { experiments } from '../../experiments/rows/index';
import { scalingSentence, withBatch, withSteps } from '../../experiments/scaling';
import { experimentOf, settings, type Setting } from '../../experiments/settings';
import type { SessionOptions } from '../../experiments/workbench';
import { ensureEmojiScenes } from '../../scenes/index';
import { rootFirst, world } from '../../train/distributed/communicator';
import type { Options } from './options';
import { base, root } from './places';
import { progress, say } from './speech';

/** Sizes at which the whole path takes a minute. */
function smokeSized(experiment: Experiment): Experiment {
  const tuned = (profile: Profile): Experiment['prompt'][Profile] => {
    const { frequency, tuning } = experiment.prompt[profile];
    return { frequency, tuning: { ...tuning, steps: 10 } };
  };
  return {
    ...experiment,
    name: `${experiment.name}-smoke`,
    title: `${experiment.title}, smoke run: numbers without meaning`,
    teacher: 'checkpoint' in experiment.teacher ? experiment.teacher : withSteps(experiment.teacher, 40),
    student: withSteps(experiment.student, 40),
    prompt: { paper: tuned('paper'), released: tuned('released') },
  };
}

/** The pictures of a row of `experiments`: where `--data` says, or where `npm run data` puts them. */
async function openRow(
  { name, data, teacher }: Experiment,
  { data: given, skipBad }: Options,
  signal: AbortSignal,
): Promise<Splits> {
  const { folder: standard, remedy } = data!;
  const folder = given ? path.resolve(base, given) : path.join(root, standard);
  if (!fs.existsSync(folder))
    throw new Error(
      `${name} needs pictures that are not there: ${folder}; ${remedy}, or --data FOLDER where they lie elsewhere`,
    );
  const published = 'checkpoint' in teacher;
  // train2017 has two boxes without height
  const splits = openSplits(folder, { skipBad: skipBad || published, warn: say });
  if (!published) return checkSplits(splits, signal);
  for (const { split, skipped } of [splits.train, splits.val])
    if (skipped['missing-image'])
      throw new Error(`${name}: ${skipped['missing-image']} pictures of ${split} are missing in ${folder}; ${remedy}`);
  return splits;
}

/** The experiment that the options ask for, its pictures, and where its teacher and results lie. */
export async function openExperiment(
  options: Options,
  signal: AbortSignal,
): Promise<Pick<SessionOptions, 'experiment' | 'splits' | 'teacherFile' | 'out'>> {
  let experiment: Experiment;
  let splits: Splits;
  let shipped = false; // whether the shipped teacher fits
  const row: Experiment | undefined = options.experiment && experiments[options.experiment];
  if (row?.data) {
    experiment = row;
    splits = await openRow(row, options, signal);
  } else if (options.data) {
    if (options.setting || row)
      throw new Error(
        `--${row ? 'experiment' : 'setting'}: ` +
          `${row ? 'this one is' : 'the settings are'} of emoji scenes; leave out --data`,
      );
    const folder = path.resolve(base, options.data);
    if (!fs.existsSync(folder)) throw new Error(`--data: there is no folder ${folder}`);
    splits = await checkSplits(openSplits(folder, { skipBad: options.skipBad, warn: say }), signal);
    experiment = folderExperiment(path.basename(folder), splits.train.categories.length);
  } else {
    const setting: Setting | undefined = options.setting && settings[options.setting];
    const bar = progress('emoji scenes', 1);
    const size = options.smoke ? { train: 80, val: 40 } : {};
    const wanted = {
      ...setting?.scenes,
      ...size,
      onProgress: (done: number, total: number) => bar.update(done / total),
      signal,
    };
    const { folder } = await rootFirst(world(), () => ensureEmojiScenes(wanted));
    bar.stop();
    splits = openSplits(folder);
    experiment = options.setting
      ? experimentOf(options.setting)
      : options.ablation
        ? ablationExperiment(options.ablation)
        : emojiScenes;
    shipped = !setting?.ownTeacher;
  }
  if (options.smoke) experiment = smokeSized(experiment);
  experiment = override(experiment, options.set ?? []);
  const { student } = experiment;
  const { batch = student.batch * world().size } = options;
  if (batch !== student.batch) experiment = { ...experiment, student: withBatch(student, batch) };
  if (options.steps) experiment = { ...experiment, student: withSteps(experiment.student, options.steps) };
  if (batch !== student.batch) say(scalingSentence(student, experiment.student));
  const out = options.out ? path.resolve(base, options.out) : path.join(root, 'data/results/local', experiment.name);
  const teacherFile = shipped ? path.join(root, 'data/teachers', emojiScenes.name) : path.join(out, 'teacher');
  return { experiment, splits, teacherFile, out };
}
