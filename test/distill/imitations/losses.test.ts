/** The peers' losses against plain PyTorch copies (test/golden/imitations.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { valueAndGradients } from '../../../lib/dist/core/gradients';
import { Parameters } from '../../../lib/dist/core/parameters';
import { addCrossAttention, cankdLoss } from '../../../lib/dist/distill/imitations/cankd';
import { cwdLoss } from '../../../lib/dist/distill/imitations/cwd';
import { addContextBlocks, boxMasks, fgdLoss, type BoxMasks } from '../../../lib/dist/distill/imitations/fgd';
import { maskdLoss } from '../../../lib/dist/distill/imitations/maskd';
import { addGenerators, drawMasks, mgdLoss } from '../../../lib/dist/distill/imitations/mgd';
import { pkdLoss } from '../../../lib/dist/distill/imitations/pkd';
import { createPromptState } from '../../../lib/dist/distill/prompt-state';
import { tf, type Scalar, type Tensor, type Tensor4D } from '../../../lib/dist/tf';
import { fill, numbers } from '../../detection/golden';

type Shape = [number, number, number, number];
interface Answer {
  value: number;
  student: number[][];
  parameters: Record<string, number[]>;
}
const golden = JSON.parse(readFileSync(path.join(__dirname, '../../golden/imitations.json'), 'utf8')) as {
  shapes: Shape[];
  boxes: [number, number, number, number][][];
  /** Height and width of each picture inside the input. */
  sizes: [number, number][];
} & Record<
  | 'cwd'
  | 'cwdWarm'
  | 'pkd'
  | 'mgd'
  | 'fgd'
  | 'fgdPublished'
  | 'cankd'
  | 'maskdStage1'
  | 'maskd'
  | 'maskdRefined',
  Answer
>;
const maps = (name: string): Tensor4D[] =>
  golden.shapes.map((shape, i) =>
    tf.tensor4d(numbers(`${name}/${i}`, shape.reduce((a, b) => a * b), -2, 2), shape),
  );

function close(actual: ArrayLike<number>, expected: number[], what: string): void {
  assert.equal(actual.length, expected.length, what);
  const largest = Math.max(...expected.map(Math.abs));
  expected.forEach((value, i) =>
    assert.ok(Math.abs(actual[i] - value) <= 2e-5 * largest, `${what}[${i}]: ${actual[i]}, not ${value}`),
  );
}

/** Holds the value of a loss and its gradients. */
function hold(
  answer: Answer,
  loss: (teacher: Tensor4D[], student: Tensor4D[]) => Scalar,
  parameters?: Pick<Parameters, 'all'>,
): void {
  const [teacher, student] = [maps('teacher'), maps('student')];
  const learned = parameters?.all() ?? [];
  assert.deepEqual(learned.map(({ name }) => name).sort(), Object.keys(answer.parameters).sort());
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const inputs: Tensor[] = [...student, ...learned.map(({ value }) => value)];
    const { value, grads } = tf.engine().gradients(() => loss(teacher, student), inputs) as {
      value: Tensor;
      grads: Tensor[];
    };
    close(value.dataSync(), [answer.value], 'value');
    answer.student.forEach((expected, i) => close(grads[i].dataSync(), expected, `gradient of level ${i}`));
    learned.forEach(({ name }, i) =>
      close(grads[student.length + i].dataSync(), answer.parameters[name], `gradient of ${name}`),
    );
  });
  assert.equal(tf.memory().numTensors, before);
  tf.dispose([teacher, student]);
}

/** What a loss learns on every level, with the golden's numbers. */
function learnedBy(add: (parameters: Parameters, levels: number, channels: number, seed: number) => void): Parameters {
  const parameters = new Parameters();
  add(parameters, golden.shapes.length, golden.shapes[0][3], 0);
  fill({ parameters }, (name, shape) => numbers(name, shape.reduce((a, b) => a * b), -0.3, 0.3));
  return parameters;
}

test('CWD is that of PyTorch, at temperature 1 and another', () => {
  hold(golden.cwd, (teacher, student) => cwdLoss(teacher, student));
  hold(golden.cwdWarm, (teacher, student) => cwdLoss(teacher, student, 2.5));
});

test('PKD is that of PyTorch', () => hold(golden.pkd, pkdLoss));

test('MGD is that of PyTorch, for its generator too', () => {
  const parameters = learnedBy(addGenerators);
  const masks = golden.shapes.map(([n, h, w], i) =>
    tf.tensor4d(numbers(`mask/${i}`, n * h * w, 0, 1).map((value) => (value > 0.65 ? 1 : 0)), [n, h, w, 1]),
  );
  hold(golden.mgd, (teacher, student) => mgdLoss(teacher, student, { masks, parameters }), parameters);
  tf.dispose(masks);
  parameters.dispose();
});

test("MGD's mask of a picture depends on seed, step and picture, not on its place in the batch", () => {
  tf.tidy(() => {
    const options = { hidden: 0.65, seed: '0/7' };
    const map = tf.zeros([2, 40, 50, 3]) as Tensor4D;
    const [both] = drawMasks([map], [{ id: 5 }, { id: 9 }], options);
    const [turned] = drawMasks([map], [{ id: 9 }, { id: 5 }], options);
    assert.deepEqual(both.reverse(0).dataSync(), turned.dataSync());
    const [other] = drawMasks([map], [{ id: 5 }, { id: 9 }], { ...options, seed: '0/8' });
    assert.notDeepEqual(both.dataSync(), other.dataSync());
    assert.ok(Math.abs(both.mean().arraySync() as number - 0.35) < 0.03);
  });
});

const boxesOfGolden = (): BoxMasks[] =>
  boxMasks(
    golden.shapes,
    golden.boxes.map((boxes) => ({ boxes: Float32Array.from(boxes.flat()) })),
    golden.sizes.map(([inputHeight, inputWidth]) => ({ inputWidth, inputHeight })),
  );

test('FGD is that of PyTorch, for the GcBlocks of both sides too', () => {
  const parameters = learnedBy(addContextBlocks);
  const masks = boxesOfGolden();
  const balance = { background: 0.5, attention: 0.7, context: 0.3 };
  hold(golden.fgd, (teacher, student) => fgdLoss(teacher, student, { masks, parameters, ...balance }), parameters);
  hold(golden.fgdPublished, (teacher, student) => fgdLoss(teacher, student, { masks, parameters }));
  tf.dispose(masks.map(({ foreground, background }) => [foreground, background]));
  parameters.dispose();
});

test("FGD's masks: a picture without boxes is all background, one that a box covers has none", () => {
  tf.tidy(() => {
    const boxes = [new Float32Array(), Float32Array.of(0, 0, 8, 8)];
    const origin = { inputWidth: 8, inputHeight: 8 };
    const [{ foreground, background }] = boxMasks(
      [[2, 2, 2, 3]],
      boxes.map((own) => ({ boxes: own })),
      [origin, origin],
    );
    assert.deepEqual([...foreground.dataSync()], [0, 0, 0, 0, ...Array<number>(4).fill(Math.fround(1 / 9))]);
    assert.deepEqual([...background.dataSync()], [0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0]);
  });
});

test("CanKD is that of PyTorch, without PyTorch's HW x HW / 4 matrix", () => {
  const parameters = learnedBy(addCrossAttention);
  hold(golden.cankd, (teacher, student) => cankdLoss(teacher, student, parameters), parameters);
  parameters.dispose();
});

test('MasKD is that of PyTorch: stage 1 for all that it learns, stage 2 for the student alone', () => {
  const state = createPromptState(golden.shapes.length, golden.shapes[0][3], { profile: 'maskd', tokens: 3 }, 0);
  const { parameters, maskd: tokens = [] } = state;
  fill({ parameters }, (name, shape) => numbers(name, shape.reduce((a, b) => a * b), -0.3, 0.3));
  const stage1 = (along: Tensor4D[], maps: Tensor4D[]): Scalar =>
    tf.tidy(() => tf.addN(maps.map((_, level) => {
      const { feature, masks } = state.apply(maps, level);
      // The mean over levels, which is what stage 1 takes, is the sum of Dice's coefficients.
      return feature.mul(along[level]).sum().div(10).add(state.dissimilarity(masks, {}).div(maps.length)) as Scalar;
    })));
  hold(golden.maskdStage1, stage1, parameters);
  hold(golden.maskd, (teacher, student) => maskdLoss(teacher, student, { tokens }));
  hold(golden.maskdRefined, (teacher, student) => maskdLoss(teacher, student, { tokens, refined: true }));
  const [teacher, student] = [maps('teacher'), maps('student')];
  const { value, gradients } = valueAndGradients(
    () => maskdLoss(teacher, student, { tokens, refined: true }),
    parameters.trainable(),
  );
  assert.ok(gradients.every((gradient) => gradient.abs().max().dataSync()[0] === 0), 'the masks are constants');
  tf.dispose([teacher, student, value, gradients]);
  parameters.dispose();
});
