/**
 * A loss of one's own in stage 2: it sees what is said, holds the number of tensors, resumes bit
 * for bit, trains parameters of its own; and masks of one's own in FreeKD.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Parameters } from '../../../lib/dist/core/parameters';
import { bandNames } from '../../../lib/dist/freekd/bands';
import type { TeacherSide } from '../../../lib/dist/distill/distill-student';
import type { ImitationInput } from '../../../lib/dist/distill/imitations/imitation';
import { activeImitations, type Distillation } from '../../../lib/dist/distill/imitations/index';
import { emojiScenes } from '../../../lib/dist/experiments/experiment';
import { featureMSE } from '../../../lib/dist/freekd/feature-mse';
import { ownVariant, type OwnLoss } from '../../../lib/dist/runs/own-loss';
import { tf, type Scalar, type Tensor4D } from '../../../lib/dist/tf';
import type { LossParts } from '../../../lib/dist/train/step';
import { readLog, type StepRecord } from '../../../lib/dist/train/log';
import { distil, distillations, promptState, tinyTeacherSide } from '../setup';
import { hashOf, temporary, writePictures } from '../tiny';

let folder: string;
let side: TeacherSide;
before(async () => {
  folder = await writePictures();
  side = tinyTeacherSide();
  side.prompt = promptState(side, 'paper');
});
after(() => {
  side.prompt!.parameters.dispose();
  side.teacher.detector.dispose();
});

const own = (loss: Omit<OwnLoss, 'name'>): Distillation =>
  ownVariant({ name: 'mine', ...loss }).distillation(emojiScenes);
const firstOf = async (distillation: Distillation): Promise<StepRecord['losses']> => {
  const run = await distil(folder, distillation, { side, steps: 1 });
  run.student.dispose();
  return readLog(run.folder)[0].losses;
};
const mse = ({ teacher, student }: ImitationInput): LossParts => ({
  mse: { value: featureMSE(teacher, student), weight: 2 },
});

/** A loss with a parameter of its own, whose square it is. */
const learned = own({
  create: () => {
    const parameters = new Parameters();
    const number = parameters.create('number', [1], Float32Array.of(3));
    return {
      parameters,
      losses: () => ({ far: { value: number.value.square().sum(), weight: 1 } }),
      dispose: () => parameters.dispose(),
    };
  },
});
const noise: OwnLoss['losses'] = ({ student, step }) => ({
  noisy: {
    value: student[0]
      .mul(tf.randomUniform(student[0].shape, 0, 1, 'float32', step))
      .square()
      .mean(),
    weight: 1,
  },
});
const flat = own({
  imitations: { freekd: { mu: 1, relation: false, masks: (bands) => bands.map((band) => tf.onesLike(band)) } },
});

for (const [name, distillation] of Object.entries({
  losses: own({ losses: mse }),
  parameters: learned,
  'of a step': own({ losses: noise }),
  masks: flat,
})) {
  it(`${name}: holds the number of tensors, and ends with the same weights where it was stopped and resumed`, async () => {
    const counts: number[] = [];
    const options = { side, steps: 6, checkpointEvery: 2, config: { name } };
    const whole = await distil(folder, distillation, {
      ...options,
      onStep: () => void counts.push(tf.memory().numTensors),
    });
    assert.equal(new Set(counts).size, 1, `tensors: ${counts}`);
    const stop = new AbortController();
    const stopped = await distil(folder, distillation, {
      ...options,
      folder: temporary(),
      signal: stop.signal,
      onStep: ({ step }) => void (step >= 3 && stop.abort()),
    });
    assert.equal(stopped.result.finished, false);
    const resumed = await distil(folder, distillation, { ...options, folder: stopped.folder, resume: true });
    assert.equal(hashOf(resumed.student.parameters), hashOf(whole.student.parameters));
    assert.deepEqual(
      readLog(stopped.folder).map((record) => record.losses),
      readLog(whole.folder).map((record) => record.losses),
    );
    for (const { student } of [whole, stopped, resumed]) student.dispose();
  });
}

it('sees the projected student by default, and is the loss that is known where it is written again', async () => {
  assert.deepEqual(await firstOf(own({ losses: mse })), await firstOf({ mse: 2 }));
});

it('sees the student itself where it asks for that, and both heads', async () => {
  const seen: ImitationInput[] = [];
  const channels: number[][] = [];
  const losses = (input: ImitationInput): LossParts => {
    seen.push(input);
    channels.push(input.student.map(({ shape }) => shape[3]), input.teacher.map(({ shape }) => shape[3]));
    return { none: { value: tf.zeros([]) as Scalar, weight: 1 } };
  };
  await firstOf(own({ losses, projected: false, readsHead: true, readsOutputs: true }));
  assert.deepEqual(channels, [[8, 8], [12, 12]]);
  const [{ outputs, teacherOutputs, regression, teacherRegression, batch, step }] = seen;
  assert.ok(outputs && teacherOutputs && teacherRegression);
  assert.equal(regression.length, 2);
  assert.equal(batch.targets.length, 4);
  assert.ok(batch.targets.every(({ boxes }) => boxes.length === 4));
  assert.equal(step, 0);
  await firstOf(own({ losses }));
  assert.equal(seen[1].teacherOutputs, undefined, 'the head of the teacher runs only where it is read');
});

it('trains parameters of its own', async () => {
  const run = await distil(folder, learned, { side, steps: 6 });
  const far = readLog(run.folder).map(({ losses }) => losses.far);
  assert.ok(far[5] < far[0], `${far}`);
  run.student.dispose();
});

it('stands beside known losses, and no part takes the place of another', async () => {
  const one = { value: tf.keep(tf.scalar(7)), weight: 1 };
  const losses = await firstOf(
    own({ losses: () => ({ box: one, loss: one, mse: one, mine: one }), imitations: { mse: 2 } }),
  );
  assert.deepEqual(Object.keys(losses), [
    ...['loss', 'classification', 'box', 'mse', 'own.box', 'own.loss', 'own.mse', 'mine'],
  ]);
  assert.notEqual(losses.box, 7);
  assert.ok(Math.abs(losses.loss - (losses.classification + losses.box + 2 * losses.mse + 28)) < 1e-3);
  one.value.dispose();
});

it('is blamed for its errors, and for parts that are none', async () => {
  const scalar = { value: tf.scalar(1), weight: 1 };
  const cases: [unknown, RegExp][] = [
    [() => { throw new Error('no idea'); }, /^the loss mine: no idea$/],
    [() => tf.scalar(1), /^the loss mine: losses should give \{ part: \{ value, weight \} \}, not a tensor$/],
    [() => undefined, /^the loss mine: losses should give .*, not undefined$/],
    [() => ({}), /^the loss mine: losses should give .*, and gave none$/],
    [() => Promise.resolve({ a: scalar }), /^the loss mine: .*, not a promise: it may not be async$/],
    [
      ({ student }: ImitationInput) => ({ a: { value: student[0].sub(student[1]), weight: 1 } }),
      /^the loss mine: Incompatible shapes: \[4,\d+,\d+,\d+\] vs\. \[4,\d+,\d+,\d+\]$/,
    ],
    [() => ({ a: 3 }), /^the loss mine: .*, value a scalar; that of a is no tensor$/],
    [() => ({ a: { ...scalar, value: tf.ones([2, 3]) } }), /^the loss mine: .* that of a is a tensor \[2,3\]$/],
    [() => ({ a: { ...scalar, value: tf.ones([1]) } }), /that of a is a tensor \[1\]$/],
    [() => ({ a: { ...scalar, weight: '3' } }), /^the loss mine: .*, weight a number >= 0; that of a is 3$/],
    [() => ({ a: { ...scalar, weight: -1 } }), /weight a number >= 0; that of a is -1$/],
    [() => ({ a: { value: scalar.value } }), /weight a number >= 0; that of a is undefined$/],
  ];
  for (const [losses, message] of cases)
    await assert.rejects(firstOf(own({ losses: losses as OwnLoss['losses'] })), { message });
  const none = { value: tf.log(tf.scalar(-1)), weight: 1 };
  await assert.rejects(firstOf(own({ losses: () => ({ none }) })), {
    message: /^step 0: the loss is not finite \(.*, none NaN\), before anything is learned: /,
  });
  const creates: [unknown, RegExp][] = [
    [() => { throw new Error('not made'); }, /^the loss mine: not made$/],
    [() => undefined, /^the loss mine: create should give \{ losses, parameters \}, .*; it gave undefined$/],
    [() => ({ loss: mse }), /^the loss mine: create should give .*; it gave \{ loss \}$/],
    [async () => ({ losses: mse }), /^the loss mine: .*; it gave a promise: it may not be async$/],
    [() => ({ losses: mse, parameters: [] }), /^the loss mine: the parameters that create gives should be a new Param/],
  ];
  for (const [create, message] of creates)
    await assert.rejects(firstOf(own({ create: create as OwnLoss['create'] })), { message });
  none.value.dispose();
  scalar.value.dispose();
});

it('a loss that nobody knows is named, with the nearest', () => {
  assert.throws(
    () => activeImitations({ mses: 1 } as Distillation),
    /^Error: distillation: there is no field "mses" \(did you mean "mse"\?\)/,
  );
});

it("FreeKD under masks of one's own is FreeKD under a prompt's, where they are the same", async () => {
  const { prompts } = side.prompt!;
  const freekd = { ...distillations.freekd.freekd!, relation: false };
  const seen: unknown[] = [];
  const masks = (bands: Tensor4D[], transform: { level: number }, level: number): Tensor4D[] => {
    seen.push([level, bands.length, bandNames(transform.level).length]);
    const details = Array.from({ length: transform.level }, (_, i) => ({
      level: transform.level - i,
      horizontal: bands[3 * i + 1],
      vertical: bands[3 * i + 2],
      diagonal: bands[3 * i + 3],
    }));
    return prompts![level].masks({ approximation: bands[0], details });
  };
  const [known, mine, plain] = [
    await firstOf({ freekd: { ...freekd, masks: true } }),
    await firstOf({ freekd: { ...freekd, masks } }),
    await firstOf({ freekd: { ...freekd, masks: false } }),
  ];
  assert.deepEqual(mine, known);
  assert.notEqual(mine.freekd, plain.freekd);
  assert.deepEqual(seen, [[0, 7, 7], [1, 4, 4]], 'the second map, 4x4, has one level');
  const wrong = firstOf({ freekd: { ...freekd, masks: () => undefined as unknown as Tensor4D[] } });
  await assert.rejects(wrong, /masks must be a list of tensors \[N, H_b, W_b, T\], one a band/);
});
