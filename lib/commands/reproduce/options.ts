/** The options of `npm run reproduce`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { corruptionNames, SEVERITIES, type CorruptionName } from '../../coco/corruptions/corrupt';
import { detectorKinds, type DetectorKind } from '../../detection/families';
import {
  ablationNames,
  freekdPlusNames,
  type AblationName,
  type FreeKDPlusName,
} from '../../experiments/ablations';
import { corruptionList, severityList } from '../../experiments/corruptions';
import { variants, type Profile, type Variant } from '../../runs/variants';
import { experimentNames, type ExperimentName } from '../../experiments/rows/index';
import { settingNames, settings, type SettingName } from '../../experiments/settings';
import { startNames } from '../../experiments/start';

/** What the command line says. */
export interface Options {
  experiment?: ExperimentName;
  data?: string;
  detector: DetectorKind;
  augment?: boolean;
  start?: string;
  variants?: Variant[];
  loss?: string[];
  seeds: number;
  firstSeed: number;
  steps?: number;
  teacherSteps?: number;
  promptSteps?: number;
  batch?: number;
  accumulate: number;
  ranks?: number;
  prompt?: string;
  setting?: SettingName;
  ablation?: AblationName | FreeKDPlusName;
  set?: string[];
  profile: Profile;
  out?: string;
  resume: boolean;
  smoke: boolean;
  full: boolean;
  league: boolean;
  costs: boolean;
  spending: boolean;
  trainTeacher: boolean;
  ship: boolean;
  skipBad: boolean;
  corruptions?: CorruptionName[] | true;
  severities: number[];
  pictures?: number;
  frost?: string;
}

/** A parser of a whole number from `least` to `most`. */
const whole =
  (most: number, least = 1) =>
  (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
    return value;
  };

const MOST_STEPS = 1e9;
/** Of the seeds' numbers; above 2^53 two would be one. */
const LARGEST_SEED = 2 ** 31 - 1;

/** A parser of what must not be empty: an unset variable of a shell, most of the time. */
function place(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected a path, which may not be empty.');
  return text;
}

function variantList(text: string): Variant[] {
  const chosen = text.split(',').map((name) => {
    const variant = variants.find((known) => known === name.trim());
    if (!variant) throw new InvalidArgumentError(`"${name}" is none of ${variants.join(', ')}.`);
    return variant;
  });
  return [...new Set(chosen)];
}

/** A parser of an option whose error becomes commander's. */
const parsed =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };

/**
 * The options of this command line; a wrong one ends the process with one sentence.
 * @param words without the program's name
 */
export function parseOptions(words: readonly string[]): Options {
  const program = new Command('npm run reproduce --')
    .description(
      'Distils a detector with FreeKD and compares the variants. Without options: ' +
        'emoji scenes, shipped teacher, one seed, about ten minutes.',
    )
    .addOption(
      new Option(
        '--experiment <name>',
        "a row of the paper's table, or what a CPU runs; --data says where its pictures lie",
      )
        .choices(experimentNames)
        .conflicts(['setting', 'ablation']),
    )
    .option(
      '--data <folder>',
      'a folder in COCO layout with train and val splits (default: generated ' +
        'emoji scenes; data/coco for the rows on COCO)',
      place,
    )
    .addOption(
      new Option('--detector <family>', 'small detectors of this family, on emoji scenes or a folder of --data')
        .choices(detectorKinds)
        .default('retinanet')
        .conflicts(['experiment', 'ablation']),
    )
    .option(
      '--augment',
      'change training pictures at random: scale, crop and colour (default: with --data alone; rows keep their own)',
    )
    .option('--no-augment', 'only mirror them')
    .addOption(
      new Option(
        '--start <weights>',
        'what the teacher of --data begins with, its classes fitted: shipped (the one trained on emoji scenes; the ' +
          `default), random, a .safetensors file of this project, or a published one: ${startNames().join(', ')}`,
      )
        .argParser(place)
        .conflicts(['experiment', 'setting', 'ablation', 'league']),
    )
    .option('--variants <a,b,...>', `which to run, of ${variants.join(', ')}`, variantList)
    .option(
      '--loss <file>',
      'a loss of your own, TypeScript or JavaScript (see README.md), beside the others; may be repeated',
      (word: string, before: string[] = []) => [...before, place(word)],
    )
    .option('--seeds <n>', 'how many seeds', whole(1000), 1)
    .option('--first-seed <n>', 'the first of them', whole(LARGEST_SEED), 1)
    .option('--steps <n>', 'training steps of each student', whole(MOST_STEPS))
    .option('--teacher-steps <n>', 'training steps of the teacher, where one is trained', whole(MOST_STEPS))
    .option('--prompt-steps <n>', 'steps of stage 1, the tuning of the prompt', whole(MOST_STEPS))
    .option(
      '--batch <n>',
      'pictures a step of each student: learning rate and steps are scaled ' +
        "with it (default: the experiment's, times the ranks)",
      whole(65_536),
    )
    .option(
      '--accumulate <n>',
      'cut every batch (of a rank) into n equal parts, learnt from in turns before one update: the memory of a part, ' +
        'the outcome of the batch',
      whole(65_536),
      1,
    )
    .option(
      '--ranks <n>',
      'train with n processes of this machine at once, through Open MPI, which is installed when first asked for',
      whole(1024),
    )
    .option(
      '--prompt <file>',
      "the authors' prompt (freekd-prompt-r101, or a file of the same kind) " +
        'in place of stage 1, for the variant released',
      place,
    )
    .addOption(
      new Option(
        '--setting <name>',
        'other conditions on emoji scenes: ' +
          `${settingNames.map((name) => `${name} (${settings[name].what})`).join(', ')}`,
      ).choices(settingNames),
    )
    .addOption(
      new Option('--ablation <name>', 'FreeKD on emoji scenes with one choice changed; runs freekd only')
        .choices([...ablationNames, ...freekdPlusNames])
        .conflicts(['setting', 'data']),
    )
    .option(
      '--set <field=value>',
      'change a field of the experiment, e.g. weights.mu=30; may be repeated',
      (word: string, before: string[] = []) => [...before, word],
    )
    .addOption(
      new Option('--profile <name>', 'the FreeKD variant of the default list')
        .choices(['paper', 'released'])
        .default('paper'),
    )
    .option(
      '--out <folder>',
      'where results go (default: data/results/local/NAME, with a few digits of --data behind it)',
      place,
    )
    .option(
      '--resume',
      'go on with an interrupted run; finished runs of the same configuration are kept ' +
        '(without it, earlier runs of the same name are moved into a folder before-N)',
      false,
    )
    .option('--full', "all variants of the paper and its authors' code, three seeds", false)
    .addOption(
      new Option(
        '--league',
        'every loss tuned alike and compared on fresh seeds (data/README.md): hours; started again, it goes on; ' +
          '--experiment or --data have the comparison there, --variants fewer losses',
      )
        .default(false)
        .conflicts(['full', 'ablation', 'setting', 'loss', 'corruptions', 'ship', 'prompt', 'seeds', 'firstSeed']),
    )
    .addOption(
      new Option('--costs', 'measure what each loss adds to a step: parameters, time, peak memory; trains nothing')
        .default(false)
        .conflicts(['league', 'full', 'ablation', 'loss', 'corruptions', 'ship', 'ranks']),
    )
    .addOption(
      new Option(
        '--spending',
        'measure where MSE, L_FKD and FreeKD are spent: on objects of which size, in which bands; a student of 200 ' +
          'steps (--steps) on 64 pictures (--pictures)',
      )
        .default(false)
        .conflicts(['league', 'costs', 'full', 'ablation', 'loss', 'variants', 'corruptions', 'ship', 'ranks']),
    )
    .option('--smoke', 'the whole path in a minute; its numbers mean nothing', false)
    .option('--train-teacher', 'train the teacher again, below --out, instead of taking the existing one', false)
    .addOption(
      new Option('--ship', 'put the teacher that was trained into data/teachers, with its card and log')
        .default(false)
        .conflicts('smoke'),
    )
    .option('--skip-bad', 'leave out pictures and boxes that are broken, and count them', false)
    .option(
      '--corruptions [a,b,...]',
      `measure the detectors under corruptions too (COCO-C), of ${corruptionNames.join(', ')} (default: all)`,
      parsed(corruptionList),
    )
    .option('--severities <1,2,...>', 'of the corruptions', parsed(severityList), [...SEVERITIES])
    .option('--pictures <n>', 'measure corruptions, or --spending, on the first n validation pictures', whole(1e9))
    .option('--frost <folder>', 'the frost pictures of the Python package imagecorruptions, in place of our own', place)
    .showHelpAfterError('(--help lists the options)');
  program.parse(words, { from: 'user' });
  return program.opts<Options>();
}
