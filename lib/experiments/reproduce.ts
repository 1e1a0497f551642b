/**
 * `npm run reproduce`: the whole method from a shell. Takes the teacher, tunes the prompt, trains the students, scores
 * them and writes table, charts and report.
 */
import { Command, InvalidArgumentError } from 'commander';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ensureEmojiScenes } from '../scenes/index';
import { fingerprintOf } from '../train/checkpoint';
import { terminalProgress } from '../train/progress';
import { apBars } from '../view/charts';
import { toPng } from '../view/render';
import { writeReport, type ReportPictures } from '../view/report';
import { comparisonTable } from '../view/text-table';
import { emojiScenes, folderExperiment, variants, type Experiment, type Profile, type Variant } from './experiment';
import { readResults, resultFile, saveResult, type RunResult } from './results';
import { Session, Stopped } from './session';

const root = path.resolve(__dirname, '../../..');

interface Options {
  data?: string;
  variants?: Variant[];
  seeds: number;
  firstSeed: number;
  steps?: number;
  profile: Profile;
  out?: string;
  resume: boolean;
  smoke: boolean;
  full: boolean;
  trainTeacher: boolean;
  skipBad: boolean;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0.');
  return value;
}

function variantList(text: string): Variant[] {
  return text.split(',').map((name) => {
    const variant = variants.find((known) => known === name.trim());
    if (!variant) throw new InvalidArgumentError(`"${name}" is none of ${variants.join(', ')}.`);
    return variant;
  });
}

function parse(): Options {
  const program = new Command('npm run reproduce --')
    .description('Distils a detector with FreeKD and compares the variants. Without options: emoji scenes, shipped teacher, one seed, about ten minutes.')
    .option('--data <folder>', 'a folder in COCO layout with train and val splits (default: generated emoji scenes)')
    .option('--variants <a,b,...>', `which to run, of ${variants.join(', ')}`, variantList)
    .option('--seeds <n>', 'how many seeds', positive, 1)
    .option('--first-seed <n>', 'the first of them', positive, 1)
    .option('--steps <n>', 'training steps of each student', positive)
    .option('--profile <name>', "the FreeKD variant of the default list: 'paper' or 'released'", 'paper')
    .option('--out <folder>', 'where results go (default: data/results/local/NAME)')
    .option('--resume', 'go on with an interrupted run; finished runs of the same configuration are kept', false)
    .option('--full', 'all variants, three seeds', false)
    .option('--smoke', 'the whole path in a minute; its numbers mean nothing', false)
    .option('--train-teacher', 'train the teacher again instead of taking the existing one', false)
    .option('--skip-bad', 'leave out pictures and boxes that are broken, and count them', false)
    .showHelpAfterError('(--help lists the options)');
  program.parse();
  const options = program.opts<Options>();
  if (options.profile !== 'paper' && options.profile !== 'released') program.error(`error: --profile is 'paper' or 'released', not '${String(options.profile)}'`);
  return options;
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
    teacher: { ...experiment.teacher, steps: 40 },
    student: { ...experiment.student, steps: 40 },
    prompt: { paper: tuned('paper'), released: tuned('released') },
  };
}

async function openExperiment(options: Options): Promise<{ experiment: Experiment; dataFolder: string; teacherFile: string; out: string }> {
  let experiment: Experiment;
  let dataFolder: string;
  if (options.data) {
    dataFolder = path.resolve(process.env.INIT_CWD ?? process.cwd(), options.data);
    const name = path.basename(dataFolder);
    experiment = folderExperiment(name, countCategories(dataFolder));
  } else {
    const progress = terminalProgress('emoji scenes', 1);
    const size = options.smoke ? { train: 80, val: 40 } : {};
    ({ folder: dataFolder } = await ensureEmojiScenes({ ...size, onProgress: (done: number, total: number) => progress.update(done / total) }));
    progress.stop();
    experiment = emojiScenes;
  }
  if (options.smoke) experiment = smokeSized(experiment);
  if (options.steps) experiment = { ...experiment, student: { ...experiment.student, steps: options.steps } };
  const base = process.env.INIT_CWD ?? process.cwd();
  const out = options.out ? path.resolve(base, options.out) : path.join(root, 'data/results/local', experiment.name);
  const shipped = path.join(root, 'data/teachers', emojiScenes.name);
  const teacherFile = options.data ? path.join(out, 'teacher') : shipped;
  return { experiment, dataFolder, teacherFile, out };
}

function countCategories(folder: string): number {
  const file = fs.existsSync(path.join(folder, 'annotations')) && fs.readdirSync(path.join(folder, 'annotations')).find((name) => /^instances_train.*\.json$/.test(name));
  if (!file) throw new Error(`${folder}: expected annotations/instances_train*.json and instances_val*.json, as in COCO's own layout`);
  const { categories } = JSON.parse(fs.readFileSync(path.join(folder, 'annotations', file), 'utf8')) as { categories?: unknown[] };
  if (!Array.isArray(categories)) throw new Error(`${folder}/annotations/${file}: field "categories" is missing; COCO's instances files list {id, name} there`);
  return categories.length;
}

async function main(): Promise<void> {
  const options = parse();
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const stop = new AbortController();
  process.once('SIGINT', () => {
    process.stderr.write('\nstopping after this step (Ctrl-C again to quit at once)\n');
    stop.abort();
    process.once('SIGINT', () => process.exit(130));
  });
  const { experiment, dataFolder, teacherFile, out } = await openExperiment(options);
  const freekd: Variant = options.profile === 'released' ? 'released' : 'freekd';
  const chosen = options.variants ?? (options.full ? [...variants] : (['student', 'mse', freekd] satisfies Variant[]));
  const seeds = Array.from({ length: options.full ? Math.max(3, options.seeds) : options.seeds }, (_, i) => options.firstSeed + i);
  const session = new Session({
    experiment, dataFolder, out, root, teacherFile, say,
    trainTeacher: options.trainTeacher, resume: options.resume, skipBad: options.skipBad, signal: stop.signal, progress: terminalProgress,
  });
  say(`${experiment.title}: ${session.train.images.length} training and ${session.val.images.length} validation pictures; results in ${path.relative(root, out) || out}`);
  try {
    const { score } = await session.teacher();
    const pictures: ReportPictures = { dataset: session.val, detections: { teacher: score.detections } };
    for (const seed of seeds)
      for (const variant of chosen) {
        const kept = options.resume && finished(resultFile(out, variant, seed), session.configOf(variant, seed));
        if (kept) {
          say(`${variant}, seed ${seed}: ${kept.metrics.AP.toFixed(1)} AP, kept from ${kept.date}`);
          continue;
        }
        const { result, detector, score: own } = await session.student(variant, seed);
        await saveResult(out, result);
        if (seed === seeds[0]) pictures.detections[variant] = own.detections;
        detector.dispose();
        say(`${variant}, seed ${seed}: ${result.metrics.AP.toFixed(1)} AP, ${result.millisecondsPerStep.toFixed(0)} ms a step`);
      }
    const results = readResults(out).filter((result) => seeds.includes(result.seed) && chosen.includes(result.variant));
    say(`\n${comparisonTable(results, score.metrics, experiment.title)}`);
    const report = await writeReport(out, { experiment, results, teacher: score.metrics, pictures });
    if (results.length) fs.writeFileSync(path.join(out, 'comparison.png'), await toPng(apBars(results, score.metrics, experiment.title), { background: '#ffffff' }));
    say(`\nreport: ${path.relative(process.env.INIT_CWD ?? process.cwd(), report)}`);
    for (const [kind, count] of Object.entries({ ...session.train.skipped, ...session.val.skipped })) if (count) say(`skipped, ${kind}: ${String(count)}`);
  } finally {
    await session.close();
  }
}

/** The finished result of the same configuration, if there is one. */
function finished(file: string, config: unknown): RunResult | undefined {
  if (!fs.existsSync(file)) return undefined;
  const result = JSON.parse(fs.readFileSync(file, 'utf8')) as RunResult;
  return fingerprintOf(result.config) === fingerprintOf(config) ? result : undefined;
}

main().catch((error: unknown) => {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`\n${error instanceof Stopped ? message : process.env.DEBUG ? stack : `error: ${message}`}\n`);
  process.exitCode = error instanceof Stopped ? 130 : 1;
});
