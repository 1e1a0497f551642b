/**
 * `npm run reproduce`: the whole method from a shell. Takes the teacher, tunes the prompt, trains
 * the students, scores them and writes table, charts and report.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { corruptionNames, SEVERITIES, type CorruptionName } from '../coco/corruptions/corrupt';
import type { CocoDetection } from '../coco/types';
import { ensureEmojiScenes } from '../scenes/index';
import { fingerprintOf } from '../train/checkpoint';
import { agreed, connect, rootFirst, world } from '../train/distributed/communicator';
import { terminalProgress, type Progress } from '../train/progress';
import { apBars } from '../view/charts';
import { toPng } from '../view/render';
import { writeReport, type ReportContent, type ReportPictures } from '../view/report';
import { comparisonTable } from '../view/text-table';
import { ablationExperiment, ablationNames, type AblationName } from './ablations';
import { checkpointFile } from './checkpoint-file';
import { corruptionList, CorruptionRuns, severityList, type Subject } from './corruptions';
import { checkSplits, openSplits, type Splits } from './data';
import { emojiScenes, folderExperiment, variants, type Experiment, type Profile, type Variant } from './experiment';
import { override } from './overrides';
import { readResult, readResults, resultFile, saveResult } from './results';
import { experimentNames, experiments, type ExperimentName } from './rows/index';
import { scalingSentence, withBatch, withSteps } from './scaling';
import { Session } from './session';
import { experimentOf, settingNames, settings, type Setting, type SettingName } from './settings';
import { Stopped, type SessionOptions } from './workbench';

const root = path.resolve(__dirname, '../../..');

interface Options {
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

function parse(): Options {
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
  program.parse();
  return program.opts<Options>();
}

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

/** Where the user stood when npm was called, and what relative paths are relative to. */
const base = process.env.INIT_CWD ?? process.cwd();

/** The pictures of a row of `experiments`: where `--data` says, or where `npm run data` puts them. */
async function openRow({ name, data, teacher }: Experiment, { data: given, skipBad }: Options): Promise<Splits> {
  const { folder: standard, remedy } = data!;
  const folder = given ? path.resolve(base, given) : path.join(root, standard);
  if (!fs.existsSync(folder))
    throw new Error(
      `${name} needs pictures that are not there: ${folder}; ${remedy}, or --data FOLDER where they lie elsewhere`,
    );
  const published = 'checkpoint' in teacher;
  const splits = openSplits(folder, { skipBad: skipBad || published }); // train2017 has two boxes without height
  if (!published) return checkSplits(splits);
  for (const { split, skipped } of [splits.train, splits.val])
    if (skipped['missing-image'])
      throw new Error(`${name}: ${skipped['missing-image']} pictures of ${split} are missing in ${folder}; ${remedy}`);
  return splits;
}

async function openExperiment(
  options: Options,
): Promise<Pick<SessionOptions, 'experiment' | 'splits' | 'teacherFile' | 'out'>> {
  let experiment: Experiment;
  let splits: Splits;
  let shipped = false; // whether the shipped teacher fits
  const row: Experiment | undefined = options.experiment && experiments[options.experiment];
  if (row?.data) {
    experiment = row;
    splits = await openRow(row, options);
  } else if (options.data) {
    if (options.setting || row)
      throw new Error(
        `--${row ? 'experiment' : 'setting'}: ` +
          `${row ? 'this one is' : 'the settings are'} of emoji scenes; leave out --data`,
      );
    const folder = path.resolve(base, options.data);
    if (!fs.existsSync(folder)) throw new Error(`--data: there is no folder ${folder}`);
    splits = await checkSplits(openSplits(folder, { skipBad: options.skipBad }));
    experiment = folderExperiment(path.basename(folder), splits.train.categories.length);
  } else {
    const setting: Setting | undefined = options.setting && settings[options.setting];
    const bar = progress('emoji scenes', 1);
    const size = options.smoke ? { train: 80, val: 40 } : {};
    const wanted = {
      ...setting?.scenes,
      ...size,
      onProgress: (done: number, total: number) => bar.update(done / total),
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

/** Rank 0 alone speaks. */
const say = (line: string): void => void (world().rank === 0 && process.stdout.write(`${line}\n`));
const silent: Progress = { update: () => undefined, stop: () => undefined };
const progress: SessionOptions['progress'] = (...settings) =>
  world().rank === 0 ? terminalProgress(...settings) : silent;

/**
 * Aborted by the first Ctrl-C; the second one ends the process. SIGUSR2 is what mpirun passes on to
 * its ranks.
 */
function stopOnInterrupt(): AbortSignal {
  const stop = new AbortController();
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    if (world().rank === 0) process.stderr.write('\nstopping after this step (Ctrl-C again to quit at once)\n');
    stop.abort();
  };
  process.on('SIGINT', interrupt).on('SIGUSR2', interrupt);
  return stop.signal;
}

/**
 * What runs where `--variants` says nothing: of a published row, whose students take days, the
 * distilled one alone.
 */
function standardVariants({ ablation, full, profile }: Options, { teacher }: Experiment): Variant[] {
  const distilled = profile === 'released' ? 'released' : 'freekd';
  if (full) return [...variants];
  return ablation || 'checkpoint' in teacher ? [distilled] : ['student', 'mse', distilled];
}

async function main(): Promise<void> {
  const options = parse();
  const { size, rank } = await connect();
  if (options.ranks && options.ranks !== size)
    throw new Error(
      `--ranks ${options.ranks}: this is a run of ${size}; start it as npm run reproduce -- --ranks ${options.ranks}`,
    );
  const { full, resume, trainTeacher, firstSeed } = options;
  const signal = stopOnInterrupt();
  const opened = await openExperiment(options);
  const { experiment, out } = opened;
  const chosen = options.variants ?? standardVariants(options, experiment);
  const seeds = Array.from({ length: full ? Math.max(3, options.seeds) : options.seeds }, (_, i) => firstSeed + i);
  const promptFile = options.prompt && (await checkpointFile(options.prompt, base));
  const session = new Session({
    ...opened,
    root,
    trainTeacher,
    promptFile,
    resume,
    signal,
    say,
    progress,
    goOn: 'the same command with --resume goes on from there',
  });
  say(
    `${experiment.title}: ${session.train.images.length} training and ${session.val.images.length} validation ` +
      `pictures; results in ${path.relative(root, out) || out}${size > 1 ? `; ${size} ranks` : ''}`,
  );
  try {
    const corruptions = openCorruptions(session, options);
    const { teacher, score, sha256 } = await session.teacher();
    const subjects: Subject[] = [{ detector: 'teacher', config: { teacher: sha256 } }];
    await corruptions?.measure(subjects[0], teacher.detector);
    const pictures: ReportPictures = { dataset: session.val, detections: { teacher: score.detections } };
    for (const seed of seeds)
      for (const variant of chosen) {
        const detections = await runStudent(session, variant, seed, corruptions);
        subjects.push({ detector: variant, seed, config: await session.configOf(variant, seed) });
        if (seed === seeds[0] && detections) pictures.detections[variant] = detections;
      }
    if (rank > 0) return;
    const results = readResults(out).filter((result) => seeds.includes(result.seed) && chosen.includes(result.variant));
    await compare(out, { experiment, results, teacher: score.metrics, pictures });
    await corruptions?.report(subjects);
    for (const { split, skipped } of [session.train, session.val])
      for (const [kind, count] of Object.entries(skipped)) if (count) say(`skipped in ${split}, ${kind}: ${count}`);
  } finally {
    await session.close();
  }
}

function openCorruptions(
  session: Session,
  { corruptions, severities, pictures, frost }: Options,
): CorruptionRuns | undefined {
  if (!corruptions) return undefined;
  if (world().size > 1) throw new Error('--corruptions: one process measures them; leave out --ranks');
  const names = corruptions === true ? corruptionNames : corruptions;
  return new CorruptionRuns(session, { names, severities, pictures, frostFolder: frost && path.resolve(base, frost) });
}

/**
 * Trains, scores and saves one student; returns its detections, or nothing where its finished
 * result was kept.
 */
async function runStudent(
  session: Session,
  variant: Variant,
  seed: number,
  corruptions?: CorruptionRuns,
): Promise<CocoDetection[] | undefined> {
  const { out, resume } = session.options;
  const file = resultFile(out, variant, seed);
  const config = await session.configOf(variant, seed);
  const subject = { detector: variant, seed, config };
  const found = agreed(world(), resume && fs.existsSync(file)) ? readResult(file) : undefined;
  const kept = found && fingerprintOf(found.config) === fingerprintOf(config) ? found : undefined;
  if (kept) say(`${variant}, seed ${seed}: ${kept.metrics.AP.toFixed(1)} AP, kept from ${kept.date}`);
  if (kept && (corruptions?.isComplete(subject) ?? true)) return undefined;
  const { result, detector, score } = await session.student(variant, seed); // of a kept one: from its last checkpoint
  try {
    if (!kept) {
      if (world().rank === 0) await saveResult(out, result);
      say(
        `${variant}, seed ${seed}: ${result.metrics.AP.toFixed(1)} AP, ` +
          `${result.millisecondsPerStep.toFixed(0)} ms a step`,
      );
    }
    await corruptions?.measure(subject, detector);
  } finally {
    detector.dispose();
  }
  return score.detections;
}

/** Prints the table and writes report and chart. */
async function compare(out: string, content: ReportContent): Promise<void> {
  const { results, teacher, experiment } = content;
  say(`\n${comparisonTable(results, teacher, experiment.title)}`);
  const report = await writeReport(out, content);
  if (results.length)
    fs.writeFileSync(
      path.join(out, 'comparison.png'),
      await toPng(apBars(results, teacher, experiment.title), { background: '#ffffff' }),
    );
  say(`\nreport: ${path.relative(base, report)}`);
}

main().catch((error: unknown) => {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const { rank, leave } = world();
  const what = error instanceof Stopped ? message : process.env.DEBUG ? stack : `error: ${message}`;
  if (error instanceof Stopped) leave(); // all ranks stopped together
  if (rank === 0 || !(error instanceof Stopped)) process.stderr.write(`\n${rank > 0 ? `rank ${rank}: ` : ''}${what}\n`);
  process.exitCode = error instanceof Stopped ? 130 : 1;
});
