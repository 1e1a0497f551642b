/**
 * The whole method from a shell: takes the teacher, tunes the prompt, trains the students, scores
 * them and writes table, charts and report.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeAtomically } from '../../core/atomic-file';
import { corruptionNames } from '../../coco/corruptions/corrupt';
import type { CocoDetection } from '../../coco/types';
import { requireWritable } from '../../core/disk';
import { checkpointFile } from '../../experiments/checkpoint-file';
import { CorruptionRuns, type Subject } from '../../experiments/corruptions';
import { writeDetector } from '../../distill/detector-file';
import { type Experiment } from '../../experiments/experiment';
import { variantRow, variants, type Variant, type VariantRow } from '../../runs/variants';
import { readResult, readResults, resultFile, saveResult } from '../../runs/results';
import { Session } from '../../experiments/session';
import { shipTeacher } from '../../experiments/teacher-file';
import type { SessionOptions } from '../../experiments/workbench';
import { lockFolder } from '../../core/run-lock';
import { difference } from '../../train/difference';
import { agreed, connect, world } from '../../train/distributed/communicator';
import type { CorruptionResult } from '../../runs/corruption-results';
import { apBars } from '../../view/charts';
import { corruptionChart, corruptionTables } from '../../view/corruptions';
import { toPng } from '../../view/render';
import { writeReport, type ReportContent, type ReportPictures } from '../../view/report';
import { comparisonTable } from '../../view/text-table';
import { readLoss } from './loss-file';
import { openExperiment, shippedFile } from './opening';
import type { Options } from './options';
import { base, root } from './places';
import { planText } from './plan';
import { goOn, progress, say } from './speech';

/**
 * What runs where `--variants` says nothing: of a published row, whose students take days, the
 * distilled one alone.
 */
function standardVariants({ ablation, full, profile }: Options, { teacher }: Experiment): Variant[] {
  const distilled = profile === 'released' ? 'released' : 'freekd';
  if (full) return variants.filter((name) => !variantRow(name).peer);
  return ablation || 'checkpoint' in teacher ? [distilled] : ['student', 'mse', distilled];
}

/** Losses of the user's own. */
function ownLosses({ loss = [] }: Options): VariantRow[] {
  const own = loss.map((file) => readLoss(file, path.resolve(base, file)));
  const twice = own.find(({ name }, i) => own.findIndex((other) => other.name === name) < i);
  if (twice) throw new Error(`--loss: two files have the name "${twice.name}"`);
  return own;
}

/** Runs every variant and seed that the options ask for and writes table, charts and report. */
export async function run(options: Options, signal: AbortSignal): Promise<void> {
  const { size, rank } = await connect();
  if (options.ranks && options.ranks !== size)
    throw new Error(
      `--ranks ${options.ranks}: this is a run of ${size}; start it as npm run reproduce -- --ranks ${options.ranks}`,
    );
  const own = ownLosses(options);
  const { open, ...opened } = openExperiment(options);
  const { out } = opened;
  const occupied = rank === 0 ? occupy(out) : undefined;
  try {
    await runOpened(options, signal, { ...opened, own, splits: await open(signal) });
  } finally {
    occupied?.release();
  }
}

/** Makes sure that results can be written to a folder, and that no other run writes there. */
export function occupy(out: string): { release(): void } {
  const isNew = !fs.existsSync(out);
  requireWritable(out);
  const lock = lockFolder(out);
  return {
    release() {
      lock.release();
      if (isNew && fs.readdirSync(out).length === 0) fs.rmdirSync(out); // of a run that came to nothing
    },
  };
}

type Opened = Pick<SessionOptions, 'experiment' | 'splits' | 'teacherFile' | 'shippedTeacher' | 'out'> & {
  /** Losses of the user's own, which run after those of the table. */
  own: VariantRow[];
};

async function runOpened(options: Options, signal: AbortSignal, { own, ...opened }: Opened): Promise<void> {
  const { size, rank } = world();
  const { experiment, out, teacherFile } = opened;
  const { full, resume, accumulate, trainTeacher, firstSeed } = options;
  const chosen = [...(options.variants ?? standardVariants(options, experiment)).map(variantRow), ...own];
  const seeds = Array.from({ length: full ? Math.max(3, options.seeds) : options.seeds }, (_, i) => firstSeed + i);
  const promptFile = options.prompt && (await checkpointFile(options.prompt, base));
  const session = new Session({
    ...opened,
    root,
    trainTeacher,
    promptFile,
    resume,
    accumulate,
    signal,
    say,
    progress,
    goOn,
  });
  say(
    `${experiment.title}: ${session.train.images.length} training and ${session.val.images.length} validation ` +
      `pictures; results in ${path.relative(root, out) || out}${size > 1 ? `; ${size} ranks` : ''}`,
  );
  try {
    if (!options.smoke) {
      const trainsTeacher = await session.trainsTeacher();
      say(
        await planText({
          ...{ experiment, variants: chosen, seeds, teacherFile, trainsTeacher },
          ...{ promptFile, resume, accumulate, out },
        }),
      );
    }
    const corruptions = openCorruptions(session, options);
    const { teacher, score, sha256 } = await session.teacher();
    if (options.ship && rank === 0) say(`shipped: ${shipTeacher(teacherFile, shippedFile(experiment.name))}`);
    const validation = await session.validation();
    const subjects: Subject[] = [{ detector: 'teacher', config: { teacher: sha256, validation } }];
    await corruptions?.measure(subjects[0], teacher.detector);
    const pictures: ReportPictures = { dataset: session.val, detections: { teacher: score.detections } };
    for (const seed of seeds)
      for (const variant of chosen) {
        const detections = await runStudent(session, variant, seed, corruptions);
        subjects.push(await subjectOf(session, variant, seed));
        if (seed === seeds[0] && detections) pictures.detections[variant.name] = detections;
      }
    if (rank > 0) return;
    const results = readResults(out).filter(
      ({ seed, variant }) => seeds.includes(seed) && chosen.some(({ name }) => name === variant),
    );
    await compare(out, { experiment, results, teacher: score.metrics, pictures });
    if (corruptions) await reportCorruptions(out, corruptions.results(subjects));
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

/** Prints the tables and writes the chart. */
async function reportCorruptions(out: string, results: CorruptionResult[]): Promise<void> {
  say(`\n${corruptionTables(results)}`);
  await writeAtomically(path.join(out, 'corruptions', 'corruptions.png'), async (file) =>
    file.writeFile(await toPng(corruptionChart(results), { background: '#ffffff' })),
  );
}

/** A student whose AP under corruptions is asked for. */
async function subjectOf(session: Session, variant: VariantRow, seed: number): Promise<Subject> {
  const { name, title, color } = variant;
  const look = variants.includes(name) ? undefined : { title, color };
  return { detector: name, look, seed, config: await session.configOf(variant, seed) };
}

/**
 * Trains, scores and saves one student with its weights; returns its detections, or nothing where its finished
 * result was kept.
 */
export async function runStudent(
  session: Session,
  variant: VariantRow,
  seed: number,
  corruptions?: CorruptionRuns,
): Promise<CocoDetection[] | undefined> {
  const { out, resume } = session.options;
  const { name } = variant;
  const file = resultFile(out, name, seed);
  const subject = await subjectOf(session, variant, seed);
  const { config } = subject;
  const kept = agreed(world(), resume && fs.existsSync(file)) ? readResult(file) : undefined;
  const other = kept && difference(kept.config, config);
  if (other)
    throw new Error(
      `${file} is of another configuration (${other}): choose another --out, or leave out --resume, ` +
        'which moves it aside and trains again',
    );
  if (kept) say(`${name}, seed ${seed}: ${kept.metrics.AP.toFixed(1)} AP, kept from ${kept.date}`);
  if (kept && (corruptions?.isComplete(subject) ?? true)) return undefined;
  const { result, detector, score } = await session.student(variant, seed); // of a kept one: from its last checkpoint
  try {
    if (!kept) {
      if (world().rank === 0) {
        await writeDetector(`${file.slice(0, -'.json'.length)}.safetensors`, session.shown(detector));
        await saveResult(out, result); // last: with it the student counts as made
      }
      say(
        `${name}, seed ${seed}: ${result.metrics.AP.toFixed(1)} AP, ` +
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
    await writeAtomically(path.join(out, 'comparison.png'), async (file) =>
      file.writeFile(await toPng(apBars(results, teacher, experiment.title), { background: '#ffffff' })),
    );
  say(`\nreport: ${path.relative(base, report)}`);
}
