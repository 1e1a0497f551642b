/**
 * Tensors and resident memory over a thousand steps of a student under FreeKD: stage 2 as
 * `reproduce` runs it, with loader, log and checkpoints.
 */
import { join } from 'node:path';
import { tf } from 'freekd';
import { openSplits } from '../../lib/dist/experiments/data';
import { emojiScenes, type Experiment } from '../../lib/dist/experiments/experiment';
import { Session } from '../../lib/dist/experiments/session';
import { ensureEmojiScenes } from '../../lib/dist/scenes/index';

export interface Steadiness {
  /** Steps taken when the values beside it were read. */
  steps: number[];
  tensors: number[];
  residentBytes: number[];
}

export const STEADY_STEPS = 1000;
/** Afterwards memory should stay where it is: buffers are there, the first checkpoint is written. */
export const WARM_UP = 250;
const TRAINING = 'freekd, seed 1';

/** Stage 1 in a few steps, as only the student's are watched. */
function watched(steps: number): Experiment {
  const { prompt, student } = emojiScenes;
  const { frequency, tuning } = prompt.paper;
  return {
    ...emojiScenes,
    student: { ...student, steps },
    prompt: { ...prompt, paper: { frequency, tuning: { ...tuning, steps: 10 } } },
  };
}

/** @param folder for data and run; @param onStep called after every step */
export async function steadiness(folder: string, steps: number, onStep: (done: number) => void): Promise<Steadiness> {
  const scenes = await ensureEmojiScenes({ train: 80, val: 40 });
  const seen: Steadiness = { steps: [], tensors: [], residentBytes: [] };
  const look = (done: number): void => {
    seen.steps.push(done);
    seen.tensors.push(tf.memory().numTensors);
    seen.residentBytes.push(process.memoryUsage.rss());
    onStep(done);
  };
  const session = new Session({
    experiment: watched(steps),
    splits: openSplits(scenes.folder),
    root: join(__dirname, '../..'),
    teacherFile: join(__dirname, '../../data/teachers', emojiScenes.name),
    shippedTeacher: true,
    out: folder,
    trainTeacher: false,
    resume: false,
    goOn: 'start again',
    say: () => undefined,
    progress: (title) => ({ update: (done) => void (title === TRAINING && look(done)), stop: () => undefined }),
  });
  try {
    const { detector } = await session.student('freekd', 1);
    detector.dispose();
  } finally {
    await session.close();
  }
  if (seen.steps.length === 0) throw new Error(`no step of "${TRAINING}" was seen`);
  return seen;
}

/** Tensors and resident bytes at the end of the warm-up, at the end, and at the most between. */
export function afterWarmUp({
  steps,
  tensors,
  residentBytes,
}: Steadiness): Record<'tensors' | 'residentBytes', { first: number; last: number; most: number }> {
  const start = steps.findIndex((step) => step >= WARM_UP);
  if (start < 0) throw new Error(`the run ended before the warm-up of ${WARM_UP} steps`);
  const range = (values: number[]) => ({
    first: values[start],
    last: values[values.length - 1],
    most: Math.max(...values.slice(start)),
  });
  return { tensors: range(tensors), residentBytes: range(residentBytes) };
}
