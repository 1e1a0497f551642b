/**
 * What a run is going to do, said before the long work: what is trained, for how many steps, what
 * is taken from a file, and about how long it takes on this machine. The time of a step is
 * measured: a few steps of the real training on pictures of noise.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Experiment, TrainingConfig } from '../../experiments/experiment';
import { measureSteps, type MeasuredStep } from '../../experiments/step-time';
import { resultFile } from '../../runs/results';
import type { PromptName, VariantRow } from '../../runs/variants';
import { sizeText } from '../../core/disk';
import { onGpu } from '../../core/native';
import { clock } from '../../core/progress';
import { world } from '../../train/distributed/communicator';

/** One kind of work: `runs` times `steps` steps of `milliseconds`, with `bytes` of tensors at the most. */
interface Work {
  what: string;
  runs: number;
  steps: number;
  milliseconds: number;
  bytes: number;
}

type Steps = Pick<TrainingConfig, 'steps' | 'batch'>;

export interface Planned {
  experiment: Experiment;
  variants: readonly VariantRow[];
  seeds: readonly number[];
  /** Teacher file without its extension. */
  teacherFile: string;
  /** Whether it is trained now, or found there. */
  trainsTeacher: boolean;
  /** The prompt of profile `released` comes from a file. */
  promptFile?: string;
  /** Whether finished results below `out` are kept. */
  resume: boolean;
  /** Parts that a batch is learnt from in. */
  accumulate: number;
  out: string;
}

/** The plan, a line each kind of work and one for all. */
export async function planText(planned: Planned): Promise<string> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'freekd-plan-'));
  try {
    const works = await worksOf(planned, folder);
    const lines = works.map(({ what, runs, steps, milliseconds }) => {
      const times = runs > 1 ? `${runs} x ` : '';
      const seconds = (runs * steps * milliseconds) / 1000;
      return `  ${what}: ${times}${steps} steps of ${milliseconds.toFixed(0)} ms, ${clock(seconds)}`;
    });
    const all = works.reduce((sum, { runs, steps, milliseconds }) => sum + runs * steps * milliseconds, 0);
    const taken = teacherSentence(planned);
    return [
      'plan:',
      ...(taken ? [`  ${taken}`] : []),
      ...lines,
      `  about ${clock(all / 1000)} of training on this machine, scoring and the teacher's features apart`,
      ...memoryLines(Math.max(0, ...works.map(({ bytes }) => bytes))),
    ].join('\n');
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** What the largest step needs, and whether that is there. */
function memoryLines(bytes: number): string[] {
  if (bytes === 0) return [];
  const need = `  about ${sizeText(bytes)} of tensors in the largest step`;
  if (onGpu()) return [`${need}, on the GPU: where that is too much, --accumulate cuts a batch into parts`];
  const here = os.totalmem() / world().size;
  if (bytes < here) return [need];
  return [`${need}, more than the ${sizeText(here)} here: --accumulate 2 (or more) cuts a batch into parts`];
}

const isTrained = (teacher: Experiment['teacher']): teacher is TrainingConfig => !('checkpoint' in teacher);

function teacherSentence({ experiment: { teacher }, trainsTeacher, teacherFile }: Planned): string | undefined {
  if (!isTrained(teacher)) return `teacher: imported from ${teacher.checkpoint}`;
  return trainsTeacher ? undefined : `teacher: taken from ${teacherFile}.safetensors`;
}

async function worksOf(planned: Planned, folder: string): Promise<Work[]> {
  const { experiment, variants, seeds, promptFile, trainsTeacher } = planned;
  const works: Work[] = [];
  type Measure = () => Promise<MeasuredStep>;
  const add = async (what: string, runs: number, { steps, batch }: Steps, measure: Measure): Promise<void> => {
    if (runs === 0) return;
    const { milliseconds, resident, perPicture } = await measure();
    const pictures = Math.ceil(batch / world().size / planned.accumulate);
    works.push({ what, runs, steps, milliseconds, bytes: resident + perPicture * pictures });
  };
  const { teacher, student, prompt } = experiment;
  if (isTrained(teacher) && trainsTeacher)
    await add(experiment.heldOut ? 'teacher, at most' : 'teacher', 1, teacher, () =>
      measureSteps.training(experiment, teacher, folder),
    );
  for (const name of Object.keys(prompt) as PromptName[]) {
    if (name === 'released' && promptFile) continue;
    const needed = seeds.filter((seed) =>
      variants.some((variant) => variant.prompt === name && seedsLeft(planned, variant).includes(seed)),
    );
    await add(`stage 1, ${name}`, needed.length, { steps: prompt[name].tuning.steps, batch: student.batch }, () =>
      measureSteps.prompt(experiment, name, folder),
    );
  }
  for (const variant of variants) {
    const losses = { distillation: variant.distillation(experiment), prompt: variant.prompt };
    await add(`student, ${variant.name}`, seedsLeft(planned, variant).length, student, () =>
      measureSteps.student(experiment, losses, folder),
    );
  }
  return works;
}

/** Seeds of a variant that are not finished yet. */
function seedsLeft({ seeds, resume, out }: Planned, { name }: VariantRow): number[] {
  return seeds.filter((seed) => !(resume && fs.existsSync(resultFile(out, name, seed))));
}
