/**
 * Held-out training pictures: drawn by picture, never of val; the teacher's best weights; what
 * stage 1 is tuned on.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { openCoco, splitAside } from '../../lib/dist/coco/dataset';
import { standardAugmentation } from '../../lib/dist/coco/augmentation';
import { createLoader } from '../../lib/dist/coco/loader';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { taskLoss } from '../../lib/dist/distill/task-loss';
import { openSplits } from '../../lib/dist/experiments/data';
import { emojiScenes, type Experiment } from '../../lib/dist/experiments/experiment';
import { heldOutSentence, isMemorised, looksOf, type HeldOutReport } from '../../lib/dist/experiments/held-out';
import { Session } from '../../lib/dist/experiments/session';
import { readCard } from '../../lib/dist/experiments/teacher-file';
import { readLog } from '../../lib/dist/train/log';
import { tf } from '../../lib/dist/tf';
import { temporary, tinyStudent, tinyTeacher, writePictures } from '../distill/tiny';

const tuned = ({ frequency, tuning }: Experiment['prompt']['paper']) => ({
  frequency,
  tuning: { ...tuning, steps: 2 },
});
const experiment: Experiment = {
  ...emojiScenes,
  name: 'tiny',
  size: { width: 64, height: 64 },
  heldOut: { share: 0.25, looks: 3, patience: 3 },
  teacher: { ...emojiScenes.teacher, model: tinyTeacher, steps: 6, batch: 4, average: 0.9 },
  student: { ...emojiScenes.student, model: tinyStudent, steps: 2, batch: 2 },
  prompt: { ...emojiScenes.prompt, paper: tuned(emojiScenes.prompt.paper) },
};

let folder: string;
before(async () => {
  folder = await writePictures({ train: 12, val: 4 });
});

/** A session on a teacher file of its own, with the lines that it says. */
function open(out: string, changed: Partial<Experiment> = {}): { session: Session; said: string[] } {
  const said: string[] = [];
  const session = new Session({
    experiment: { ...experiment, ...changed },
    splits: openSplits(folder),
    out,
    root: folder,
    teacherFile: join(out, 'teacher'),
    trainTeacher: false,
    resume: false,
    goOn: 'run it again',
    progress: () => ({ update: () => undefined, stop: () => undefined }),
    say: (line) => void said.push(line),
  });
  return { session, said };
}

test('pictures are set aside by a seed, each in one part, in the order of the file', () => {
  const dataset = openCoco(folder, 'train');
  const idsOf = ({ images }: { images: readonly { id: number }[] }): number[] => images.map(({ id }) => id);
  const { kept, aside } = splitAside(dataset, 0.25, 'a');
  assert.deepEqual([kept.images.length, aside.images.length], [9, 3]);
  assert.deepEqual([...idsOf(kept), ...idsOf(aside)].sort((a, b) => a - b), idsOf(dataset));
  for (const part of [kept, aside]) {
    assert.deepEqual(idsOf(part), [...idsOf(part)].sort((a, b) => a - b));
    const pictures = new Set(idsOf(part));
    assert.ok(part.instances.annotations.every(({ image_id }) => pictures.has(image_id)));
    assert.equal(part.instances.annotations.length, part.images.length);
  }
  assert.deepEqual(idsOf(splitAside(dataset, 0.25, 'a').aside), idsOf(aside));
  assert.notDeepEqual(idsOf(splitAside(dataset, 0.25, 'b').aside), idsOf(aside));
  assert.equal(splitAside(dataset, 0.001, 'a').aside.images.length, 1);
  assert.equal(splitAside(dataset, 1, 'a').kept.images.length, 1);
});

test("a teacher's best look is its weights, and card, log and sentence say so", async () => {
  const out = temporary();
  const { session, said } = open(out);
  await session.teacher();
  const { heldOut, config } = readCard(join(out, 'teacher.json'));
  const looks = readLog(join(out, 'runs/teacher')).filter((record) => record.heldOut !== undefined);
  assert.deepEqual(looks.map(({ step }) => step), [1, 3, 5]);
  const best = Math.max(...looks.map((look) => Math.fround(look.heldOut!)));
  assert.equal(heldOut!.AP, best < 0 ? -1 : 100 * best);
  assert.equal(heldOut!.step, 1 + looks.find((look) => Math.fround(look.heldOut!) === best)!.step);
  assert.deepEqual([heldOut!.pictures, heldOut!.steps], [3, 6]);
  assert.ok(heldOut!.loss > 0 && heldOut!.trainingLoss > 0);
  assert.deepEqual(config.heldOut, experiment.heldOut);
  assert.ok(said.some((line) => line === heldOutSentence(heldOut!, 6)), said.join('\n'));
  const { numTensors } = tf.memory();
  await session.close();
  assert.ok(tf.memory().numTensors < numTensors);
});

test('of a teacher that has learned by heart the prompt is tuned on other pictures', async () => {
  const tunedOn = async (changed: Partial<Experiment>, losses: [number, number]) => {
    const out = temporary();
    const first = open(out, changed);
    await first.session.teacher();
    await first.session.close();
    const file = join(out, 'teacher.json');
    const card = JSON.parse(readFileSync(file, 'utf8')) as { heldOut: HeldOutReport };
    [card.heldOut.loss, card.heldOut.trainingLoss] = losses;
    writeFileSync(file, JSON.stringify(card));
    const { session, said } = open(out, changed);
    await session.prompt('paper', 1);
    await session.close();
    const sidecar = join(out, 'runs/prompt-paper-seed1/checkpoints/step-00000002.json');
    const { config } = JSON.parse(readFileSync(sidecar, 'utf8')) as { config: { pictures?: string } };
    return { pictures: config.pictures, said: said.filter((line) => line.includes('by heart')).join() };
  };
  const held = await tunedOn({}, [2, 0.5]);
  assert.equal(held.pictures, 'held-out');
  assert.match(held.said, /loss 0\.500 on them, 2\.000 on held-out ones.* tuned on the held-out ones$/);
  assert.deepEqual(await tunedOn({}, [1.4, 0.5]), { pictures: undefined, said: '' });
  const augmented = await tunedOn({ augmentation: standardAugmentation }, [2, 0.5]);
  assert.equal(augmented.pictures, undefined);
  assert.match(augmented.said, /tuned on augmented pictures$/);
  const few = await tunedOn({ student: { ...experiment.student, batch: 4 } }, [2, 0.5]);
  assert.equal(few.pictures, undefined);
  assert.match(few.said, /for want of others$/);
});

test('the task loss is the mean over batches, and leaves nothing behind', async () => {
  const detector = new RetinaNet(tinyTeacher, { seed: 3 });
  const loader = createLoader(openCoco(folder, 'train'), { size: { width: 64, height: 64 }, batch: 5, workers: 0 });
  const { numTensors } = tf.memory();
  const loss = await taskLoss(detector, loader);
  assert.equal(tf.memory().numTensors, numTensors);
  let sum = 0;
  for (const step of [0, 1, 2]) {
    const { images, targets, origins } = await loader.batch(step);
    const { classification, box } = detector.loss(detector.head(detector.pyramid(images)), targets, {
      extents: origins,
    });
    sum += classification.value.dataSync()[0] + box.value.dataSync()[0];
  }
  assert.ok(Math.abs(loss - sum / 3) < 1e-6 * loss, `${loss}, expected ${sum / 3}`);
  detector.dispose();
});

test('looks, the rule of by heart, and an early end in words', () => {
  assert.deepEqual(looksOf({ share: 0.1, looks: 15, patience: 5 }, 1000), { every: 67, patience: 5 });
  assert.deepEqual(looksOf({ share: 0.1, looks: 15, patience: 5 }, 4), { every: 1, patience: 5 });
  const report = { pictures: 20, step: 600, steps: 900, AP: 31.25, loss: 3, trainingLoss: 1 };
  assert.equal(isMemorised(report), false);
  assert.equal(isMemorised({ ...report, loss: 3.1 }), true);
  assert.match(heldOutSentence(report, 900), /best on 20 held-out training pictures after step 600, 31\.\d AP$/);
  assert.match(heldOutSentence(report, 1500), /; ended after step 900 of 1500, for nothing got better$/);
});
