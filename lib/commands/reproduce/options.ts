/** The options of `npm run reproduce`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { corruptionNames, SEVERITIES, type CorruptionName } from '../../coco/corruptions/corrupt';
import { ablationNames, type AblationName } from '../../experiments/ablations';
import { corruptionList, severityList } from '../../experiments/corruptions';
import { variants, type Profile, type Variant } from '../../experiments/experiment';
import { experimentNames, type ExperimentName } from '../../experiments/rows/index';
import { settingNames, settings, type SettingName } from '../../experiments/settings';

/** What the command line says. */
export interface Options {
  experiment?: ExperimentName;
  data?: string;
  variants?: Variant[];
  seeds: number;
  firstSeed: number;
  steps?: number;
  batch?: number;
  ranks?: number;
  prompt?: string;
  setting?: SettingName;
  ablation?: AblationName;
  set?: string[];
  profile: Profile;
  out?: string;
  resume: boolean;
  smoke: boolean;
  full: boolean;
  trainTeacher: boolean;
  skipBad: boolean;
  corruptions?: CorruptionName[] | true;
  severities: number[];
  pictures?: number;
  frost?: string;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0.');
  return value;
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
    )
    .option('--variants <a,b,...>', `which to run, of ${variants.join(', ')}`, variantList)
    .option('--seeds <n>', 'how many seeds', positive, 1)
    .option('--first-seed <n>', 'the first of them', positive, 1)
    .option('--steps <n>', 'training steps of each student', positive)
    .option(
      '--batch <n>',
      'pictures a step of each student: learning rate and steps are scaled ' +
        "with it (default: the experiment's, times the ranks)",
      positive,
    )
    .option(
      '--ranks <n>',
      'train with n processes of this machine at once, through Open MPI, which is installed when first asked for',
      positive,
    )
    .option(
      '--prompt <file>',
      "the authors' prompt (freekd-prompt-r101, or a file of the same kind) " +
        'in place of stage 1, for the variant released',
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
        .choices(ablationNames)
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
    .option('--out <folder>', 'where results go (default: data/results/local/NAME)')
    .option('--resume', 'go on with an interrupted run; finished runs of the same configuration are kept', false)
    .option('--full', 'all variants, three seeds', false)
    .option('--smoke', 'the whole path in a minute; its numbers mean nothing', false)
    .option('--train-teacher', 'train the teacher again instead of taking the existing one', false)
    .option('--skip-bad', 'leave out pictures and boxes that are broken, and count them', false)
    .option(
      '--corruptions [a,b,...]',
      `measure the detectors under corruptions too (COCO-C), of ${corruptionNames.join(', ')} (default: all)`,
      parsed(corruptionList),
    )
    .option('--severities <1,2,...>', 'of the corruptions', parsed(severityList), [...SEVERITIES])
    .option('--pictures <n>', 'measure corruptions on the first n validation pictures', positive)
    .option('--frost <folder>', 'the frost pictures of the Python package imagecorruptions, in place of our own')
    .showHelpAfterError('(--help lists the options)');
  program.parse(words, { from: 'user' });
  return program.opts<Options>();
}
