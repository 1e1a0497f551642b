/** Which experiment `npm run reproduce` runs, on which pictures, and where its results go. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { standardAugmentation } from '../../coco/augmentation';
import { ablationExperiment } from '../../experiments/ablations';
import { FEWEST_PICTURES, standardHeldOut } from '../../experiments/held-out';
import { checkSplits, openSplits, type Splits } from '../../experiments/data';
import {
  emojiScenesWith,
  folderExperiment,
  type Experiment,
  type TrainingConfig,
} from '../../experiments/experiment';
import { type PromptSettings } from '../../runs/variants';
import { experimentSchema } from '../../experiments/experiment-schema';
import { override } from '../../experiments/overrides';
import { experiments } from '../../experiments/rows/index';
import { scalingSentence, withBatch, withSteps } from '../../experiments/scaling';
import { experimentOf, settings, type Setting } from '../../experiments/settings';
import { modelOfStart, startNames } from '../../experiments/start';
import type { SessionOptions } from '../../experiments/workbench';
import { ensureEmojiScenes } from '../../scenes/index';
import { checked } from '../../core/schema';
import { fingerprintOf } from '../../train/checkpoint';
import { difference } from '../../train/difference';
import { rootFirst, world } from '../../train/distributed/communicator';
import type { Options } from './options';
import { base, root } from './places';
import { progress, say } from './speech';

const isTrained = (teacher: Experiment['teacher']): teacher is TrainingConfig => !('checkpoint' in teacher);

function withPromptSteps(prompt: Experiment['prompt'], steps: number): Experiment['prompt'] {
  const tuned = ({ frequency, tuning }: PromptSettings): PromptSettings => ({
    frequency,
    tuning: { ...tuning, steps },
  });
  const entries = Object.entries(prompt).map(([name, settings]) => [name, tuned(settings)]);
  return Object.fromEntries(entries) as Experiment['prompt'];
}

/** Sizes at which the whole path takes a minute. */
function smokeSized(experiment: Experiment): Experiment {
  return {
    ...experiment,
    name: `${experiment.name}-smoke`,
    title: `${experiment.title}, smoke run: numbers without meaning`,
    teacher: isTrained(experiment.teacher) ? withSteps(experiment.teacher, 40) : experiment.teacher,
    student: withSteps(experiment.student, 40),
    prompt: withPromptSteps(experiment.prompt, 10),
  };
}

/** The pictures of a row of `experiments`: where `--data` says, or where `npm run data` puts them. */
async function openRow(
  { name, teacher, data }: Experiment & Required<Pick<Experiment, 'data'>>,
  { data: given, skipBad }: Options,
  signal: AbortSignal,
): Promise<Splits> {
  const { remedy } = data;
  const folder = given === undefined ? path.join(root, data.folder) : path.resolve(base, given);
  if (!fs.existsSync(folder))
    throw new Error(
      `${name} needs pictures that are not there: ${folder}; ${remedy}, or --data FOLDER where they lie elsewhere`,
    );
  const published = !isTrained(teacher);
  // train2017 has two boxes without height
  const splits = openSplits(folder, { skipBad: skipBad || published, warn: say });
  if (!published) return checkSplits(splits, signal);
  for (const { split, skipped } of [splits.train, splits.val])
    if (skipped['missing-image'])
      throw new Error(`${name}: ${skipped['missing-image']} pictures of ${split} are missing in ${folder}; ${remedy}`);
  return splits;
}

/** The experiment with the augmentation that is asked for; without a word, its own. */
function augmented(experiment: Experiment, augment: boolean | undefined): Experiment {
  if (augment === undefined) return experiment;
  const { augmentation, ...plain } = experiment;
  return augment ? { ...plain, augmentation: { ...standardAugmentation, ...augmentation } } : plain;
}

/** What is run, before the options change its numbers. */
interface Chosen {
  experiment: Experiment;
  /** Opens its pictures, or makes them. */
  open(signal: AbortSignal): Promise<Splits>;
  /** Whether the shipped teacher was made for these pictures. */
  shipped: boolean;
}

function choose(options: Options): Chosen {
  const { data, setting, skipBad, detector } = options;
  const row: Experiment | undefined = options.experiment && experiments[options.experiment];
  if (row?.data) {
    const { data: standard } = row;
    return { experiment: row, open: (signal) => openRow({ ...row, data: standard }, options, signal), shipped: false };
  }
  if (data === undefined) return emojiExperiment(options);
  if (setting || row)
    throw new Error(
      `--${row ? 'experiment' : 'setting'}: ` +
        `${row ? 'this one is' : 'the settings are'} of emoji scenes; leave out --data`,
    );
  const folder = path.resolve(base, data);
  if (!fs.existsSync(folder)) throw new Error(`--data: there is no folder ${folder}`);
  const splits = openSplits(folder, { skipBad, warn: say });
  const classes = splits.train.categories.length;
  const experiment = started(folderExperiment(path.basename(folder), classes, undefined, detector), options);
  const heldOut = splits.train.images.length < FEWEST_PICTURES ? {} : { heldOut: standardHeldOut };
  return {
    experiment: { ...augmented(experiment, true), ...heldOut },
    open: (signal) => checkSplits(splits, signal),
    shipped: false,
  };
}

/** The experiment on a folder with what its teacher starts from. */
function started(experiment: Experiment, { start, detector }: Options): Experiment {
  const { teacher } = experiment;
  const shipped = `${shippedFile(emojiScenesWith(detector).name)}.safetensors`;
  if (start === 'random' || !isTrained(teacher)) return experiment;
  if (start === undefined && !fs.existsSync(shipped)) return experiment;
  if (start === undefined || start === 'shipped')
    return { ...experiment, teacher: { ...teacher, start: path.relative(root, shipped) } };
  if (/\.safetensors$/.test(start)) return { ...experiment, teacher: { ...teacher, start: path.resolve(base, start) } };
  const model = modelOfStart(start, teacher.model.classes);
  if (!model)
    throw new Error(
      `--start: "${start}" is none of shipped, random, ${startNames().join(', ')}, and no .safetensors file`,
    );
  return { ...experiment, teacher: { ...teacher, model, start } };
}

/** Without a word of --start, a teacher whose network was changed begins at random. */
function fitting(experiment: Experiment, { data, start, detector }: Options): Experiment {
  const { teacher } = experiment;
  if (data === undefined || start !== undefined || !isTrained(teacher) || !teacher.start) return experiment;
  const { model } = emojiScenesWith(detector).teacher;
  const other = difference({ ...model, classes: teacher.model.classes }, teacher.model);
  if (other === undefined) return experiment;
  say(`teacher: from random weights, for the shipped one is another network: ${other}`);
  return { ...experiment, teacher: { ...teacher, start: undefined } };
}

function emojiExperiment({ setting: name, ablation, smoke, detector }: Options): Chosen {
  const setting: Setting | undefined = name && settings[name];
  const size = smoke ? { train: 80, val: 40 } : {};
  const standard = emojiScenesWith(detector);
  return {
    experiment: name ? experimentOf(name, standard) : ablation ? ablationExperiment(ablation) : standard,
    shipped: !setting?.ownTeacher && fs.existsSync(`${shippedFile(standard.name)}.json`),
    async open(signal) {
      const bar = progress('emoji scenes', 1);
      const onProgress = (done: number, total: number): void => bar.update(done / total);
      const { folder } = await rootFirst(world(), () =>
        ensureEmojiScenes({ ...setting?.scenes, ...size, onProgress, signal }),
      );
      bar.stop();
      return openSplits(folder);
    },
  };
}

/** Whether the shipped teacher is the one that an experiment on emoji scenes asks for. */
function asksForShipped(experiment: Experiment, { trainTeacher, teacherSteps, detector }: Options): boolean {
  const asked = ({ teacher, size, antialias, sampling, heldOut }: Experiment): unknown => [
    teacher,
    size,
    antialias,
    sampling,
    heldOut,
  ];
  if (trainTeacher || teacherSteps !== undefined) return false;
  return difference(asked(emojiScenesWith(detector)), asked(experiment)) === undefined;
}

/** The experiment with the numbers that the options ask for. */
function asked(chosen: Experiment, options: Options, shipped: boolean): Experiment {
  const { smoke, set = [], steps, teacherSteps, promptSteps } = options;
  let experiment = override(smoke ? smokeSized(chosen) : chosen, set);
  if (shipped) experiment = { ...experiment, teacher: emojiScenesWith(options.detector).teacher };
  const { student, teacher, prompt } = experiment;
  const { batch = student.batch * world().size } = options;
  if (batch !== student.batch) experiment = { ...experiment, student: withBatch(student, batch) };
  if (steps !== undefined) experiment = { ...experiment, student: withSteps(experiment.student, steps) };
  if (batch !== student.batch) say(scalingSentence(student, experiment.student));
  if (teacherSteps !== undefined && isTrained(teacher))
    experiment = { ...experiment, teacher: withSteps(teacher, teacherSteps) };
  if (promptSteps !== undefined) {
    experiment = { ...experiment, prompt: withPromptSteps(prompt, promptSteps) };
  }
  return checked(experimentSchema, experiment, 'with these options');
}

/**
 * Where results go by default: a name, and for a folder of the user's a few digits of its path, so
 * that two folders of one name never meet.
 */
function standardOut(name: string, data: string | undefined): string {
  const local = path.join(root, 'data/results/local');
  if (data === undefined) return path.join(local, name);
  const folder = path.resolve(base, data);
  const digits = fingerprintOf(fs.existsSync(folder) ? fs.realpathSync(folder) : folder).slice(0, 8);
  return path.join(local, `${name}-${digits}`);
}

export type Opening = Pick<SessionOptions, 'experiment' | 'teacherFile' | 'shippedTeacher' | 'out'> & {
  /** Opens the pictures, or makes them. */
  open(signal: AbortSignal): Promise<Splits>;
};

/** The experiment that the options ask for, and where its teacher and results lie. */
export function openExperiment(options: Options): Opening {
  const { trainTeacher, teacherSteps, ship, data } = options;
  if (options.start !== undefined && data === undefined)
    throw new Error('--start: for pictures of your own (--data); emoji scenes have a shipped teacher');
  const { experiment: usual, open, shipped: fits } = choose(options);
  const chosen = augmented(usual, options.augment);
  const shippedTeacher = fits && asksForShipped(override(chosen, options.set ?? []), options);
  const experiment = fitting(asked(chosen, options, shippedTeacher), options);
  if ((trainTeacher || teacherSteps !== undefined || ship) && !isTrained(experiment.teacher))
    throw new Error(
      '--train-teacher, --teacher-steps and --ship are for a teacher that is trained; ' +
        `that of ${chosen.name} is imported`,
    );
  if (ship && shippedTeacher) throw new Error('--ship: this teacher is the shipped one; add --train-teacher');
  const out = options.out === undefined ? standardOut(experiment.name, data) : path.resolve(base, options.out);
  const standard = emojiScenesWith(options.detector).name;
  const teacherFile = shippedTeacher ? shippedFile(standard) : path.join(out, 'teacher');
  return { experiment, out, teacherFile, shippedTeacher, open };
}

/** The files of a teacher in the repository, without their extensions. */
export const shippedFile = (name: string): string => path.join(root, 'data/teachers', name);
