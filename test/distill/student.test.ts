/**
 * Stage 2: weights of 0 are plain training bit for bit, no tensor is left behind, the gradient is
 * that of the whole loss.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openCoco } from '../../lib/dist/coco/dataset';
import { createLoader } from '../../lib/dist/coco/loader';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import {
  headsOf,
  imitatedIn,
  inheritNeckAndHead,
  trainStudent,
  type TeacherSide,
} from '../../lib/dist/distill/distill-student';
import { evaluateDetector } from '../../lib/dist/distill/evaluate';
import { activeImitations, createImitations, type Distillation } from '../../lib/dist/distill/imitations/index';
import { createProjections, project } from '../../lib/dist/distill/projection';
import { freekdLoss } from '../../lib/dist/freekd/freekd';
import { valueAndGradients } from '../../lib/dist/core/gradients';
import { readLog } from '../../lib/dist/train/log';
import { tf, type Scalar } from '../../lib/dist/tf';
import { distil, distillations, promptState, pictures, tinyTeacherSide, tune } from './setup';
import { hashOf, temporary, tinyStudent, writePictures } from './tiny';

let folder: string;
/** The teacher with both profiles' prompts, tuned for a few steps. */
let sides: Record<'paper' | 'released', TeacherSide>;

before(async () => {
  folder = await writePictures();
  const side = tinyTeacherSide();
  const [paper, released] = [promptState(side, 'paper'), promptState(side, 'released')];
  await tune(folder, side, paper);
  await tune(folder, side, released);
  sides = { paper: { ...side, prompt: paper }, released: { ...side, prompt: released } };
});
after(() => {
  for (const { prompt } of Object.values(sides)) prompt?.parameters.dispose();
  sides.paper.teacher.detector.dispose();
});

const sideOf = (name: string): TeacherSide => (name === 'released' ? sides.released : sides.paper);

describe('a student with all distillation weights 0', () => {
  const zero: Record<string, Distillation> = {
    paper: { mse: 0, freekd: { mu: 0, masks: true, relation: true } },
    released: { released: { frequency: 0, mse: 0, regression: 0 } },
  };
  for (const [profile, distillation] of Object.entries(zero))
    it(`equals plain training bit for bit, profile ${profile}`, async () => {
      const plain = await distil(folder, {});
      const distilled = await distil(folder, distillation, { side: sideOf(profile) });
      assert.equal(hashOf(distilled.student.parameters), hashOf(plain.student.parameters));
      const losses = (run: string): unknown => readLog(run).map((record) => record.losses);
      assert.deepEqual(losses(distilled.folder), losses(plain.folder));
      const untrained = new RetinaNet(tinyStudent, { seed: 2 });
      assert.notEqual(hashOf(untrained.parameters), hashOf(plain.student.parameters));
      for (const net of [plain.student, distilled.student, untrained]) net.dispose();
    });
});

describe('stage 2', () => {
  const parts: Record<string, string[]> = {
    student: ['loss', 'classification', 'box'],
    mse: ['loss', 'classification', 'box', 'mse'],
    freekd: ['loss', 'classification', 'box', 'freekd'],
    released: ['loss', 'classification', 'box', 'mse', 'freekd', 'regression'],
  };
  for (const [name, distillation] of Object.entries(distillations))
    it(`of ${name} holds the same number of tensors after every step and logs every part of its loss`, async () => {
      const before = tf.memory().numTensors;
      const counts: number[] = [];
      const run = await distil(folder, distillation, {
        side: sideOf(name),
        steps: 5,
        onStep: () => void counts.push(tf.memory().numTensors),
      });
      assert.equal(new Set(counts).size, 1, `tensors: ${counts}`);
      for (const { losses } of readLog(run.folder)) {
        assert.deepEqual(Object.keys(losses).sort(), [...parts[name]].sort());
        const weights: Record<string, number> = {
          mse: distillation.mse ?? distillation.released?.mse ?? 0,
          freekd: distillation.freekd?.mu ?? 1,
        };
        const total = Object.entries(losses).reduce(
          (sum, [part, value]) => sum + (part === 'loss' ? 0 : value * (weights[part] ?? 1)),
          0,
        );
        assert.ok(Math.abs(total - losses.loss) < 1e-4 * total, `${total} and ${losses.loss}`);
      }
      run.student.dispose();
      assert.ok(
        tf.memory().numTensors - before <= 5,
        'what tfjs keeps for the TensorBoard writer of a folder may stay, nothing else',
      );
    });

  it('imitates where the weight of mse alone is above 0, whatever stands beside it', async () => {
    const run = await distil(
      folder,
      { mse: 5, released: { frequency: 0, mse: 0, regression: 0 } },
      { side: sides.released, steps: 1 },
    );
    assert.deepEqual(Object.keys(readLog(run.folder)[0].losses), ['loss', 'classification', 'box', 'mse']);
    run.student.dispose();
  });

  it('builds only the parts of profile released that have a weight', async () => {
    const run = await distil(
      folder,
      { released: { frequency: 0, mse: 0, regression: 1 } },
      { side: { ...sides.released, prompt: undefined }, steps: 1 },
    );
    assert.deepEqual(Object.keys(readLog(run.folder)[0].losses), ['loss', 'classification', 'box', 'regression']);
    run.student.dispose();
  });

  // Without omega: it depends on the student, but no gradient goes through it.
  const smooth: Record<string, Distillation> = {
    mse: distillations.mse,
    freekd: { freekd: { mu: 3, masks: true, relation: false } },
    released: distillations.released,
  };
  for (const [name, distillation] of Object.entries(smooth))
    it(`of ${name} descends the gradient of the whole loss, projection included`, async () => {
      const batch = await pictures(folder).batch(0);
      const student = new RetinaNet(tinyStudent, { seed: 2 });
      const side = sideOf(name);
      const imitations = createImitations(activeImitations(distillation), { student, ...side, seed: 7 });
      const stores = [student.parameters, ...Object.values(imitations.parameters)];
      assert.equal(stores.length, 2, 'phi');
      const parameters = stores.flatMap((store) => store.trainable());
      const loss = (): Scalar => {
        const imitated = imitatedIn(batch, imitations, side);
        const pyramid = student.pyramid(batch.images, true);
        const heads = headsOf(student, student.head(pyramid, { training: true }), imitations, imitated, side.teacher);
        const parts = imitations.losses({ ...imitated, ...heads, step: 0, student: pyramid });
        return tf.addN(Object.values(parts).map(({ value, weight }) => tf.mul<Scalar>(value, weight)));
      };
      const { value, gradients } = valueAndGradients(loss, parameters);
      const norm = Math.sqrt(
        gradients.reduce((sum, gradient) => sum + tf.tidy(() => tf.sum(tf.square(gradient)).dataSync()[0]), 0),
      );
      const start = parameters.map((parameter) => parameter.value.clone());
      /** The loss `distance` along the gradient. */
      const at = (distance: number): number => {
        parameters.forEach((parameter, i) =>
          tf.tidy(() => parameter.assign(tf.add(start[i], tf.mul(gradients[i], distance / norm)))),
        );
        return tf.tidy(() => loss().dataSync()[0]);
      };
      const h = 3e-4;
      const slope = (at(h) - at(-h)) / (2 * h);
      assert.ok(Math.abs(slope - norm) < 0.02 * norm, `slope ${slope}, norm of the gradient ${norm}`);
      tf.dispose([value, gradients, start, batch.images]);
      student.dispose();
      imitations.dispose();
    });

  it('says what is wrong with its settings', async () => {
    await assert.rejects(distil(folder, { mse: 1 }), /distillation needs a teacher/);
    await assert.rejects(
      distil(folder, { mse: -1 }, { side: sides.paper }),
      /the weight mse should be a number >= 0, is -1/,
    );
    await assert.rejects(
      distil(folder, { mse: -1, released: { frequency: 0, mse: 1, regression: 0 } }, { side: sides.released }),
      /the weight mse should be a number >= 0, is -1/,
    );
    await assert.rejects(
      distil(folder, { released: { frequency: 0, mse: -2, regression: 0 } }, { side: sides.released }),
      /the weight released\.mse should be a number >= 0, is -2/,
    );
    await assert.rejects(
      distil(folder, { freekd: { mu: NaN, masks: true, relation: true } }, { side: sides.paper }),
      /freekd\.mu should be a number >= 0, is NaN/,
    );
    await assert.rejects(
      distil(folder, { ...distillations.freekd, ...distillations.released }, { side: sides.paper }),
      /choose one/,
    );
    const untuned = { ...sides.paper, prompt: undefined };
    await assert.rejects(
      distil(folder, distillations.freekd, { side: untuned }),
      /masks come from stage 1: tune the prompt first/,
    );
    await assert.rejects(
      distil(folder, distillations.released, { side: untuned }),
      /profile 'released' has a stage 1 of its own/,
    );
    const ungated = { ...sides.paper, prompt: { ...sides.paper.prompt!, relations: undefined } };
    for (const masks of [true, false])
      await assert.rejects(
        distil(folder, { freekd: { ...distillations.freekd.freekd!, masks } }, { side: ungated }),
        /channel weights come from stage 1: tune the prompt with its gate first/,
      );
  });

  it('takes masks and channel weights only where they are asked for', async () => {
    const { features, prompt } = sides.paper;
    const student = new RetinaNet(tinyStudent, { seed: 2 });
    const batch = await pictures(folder).batch(0);
    tf.tidy(() => {
      const pyramid = student.pyramid(batch.images, true);
      const outputs = student.head(pyramid, { training: true });
      for (const [masks, relation] of [[false, false], [true, false], [false, true], [true, true]]) {
        const settings = { ...distillations.freekd.freekd!, masks, relation };
        const context = { student, ...sides.paper, seed: 7 };
        const imitations = createImitations(activeImitations({ freekd: settings }), context);
        const imitated = imitatedIn(batch, imitations, sides.paper);
        const heads = headsOf(student, outputs, imitations, imitated, sides.paper.teacher);
        const parts = imitations.losses({ ...imitated, ...heads, step: 0, student: pyramid });
        const expected = freekdLoss({
          teacher: features(batch),
          student: project(Object.values(imitations.parameters)[0], pyramid),
          ...(masks && { prompts: prompt!.prompts }),
          ...(relation && { relations: prompt!.relations }),
          wavelet: 'haar',
          mode: 'zero',
          level: 2,
        });
        assert.equal(parts.freekd.value.dataSync()[0], expected.dataSync()[0], `masks ${masks}, relation ${relation}`);
        imitations.dispose();
      }
    });
    batch.images.dispose();
    student.dispose();
  });
});

describe('FreeKD+', () => {
  it('takes the masks of both from the step that is said, also where it was resumed', async () => {
    const settings = { ...distillations.freekd.freekd!, bandWeights: { low: 1, high: 0.5 } };
    const options = { side: sides.paper, steps: 6, checkpointEvery: 2, config: 'plus' };
    const plain = await distil(folder, { freekd: settings }, options);
    const refined = { freekd: { ...settings, refineAfter: 3 } };
    const whole = await distil(folder, refined, options);
    const lossesOf = (run: { folder: string }): number[] => readLog(run.folder).map(({ losses }) => losses.freekd);
    assert.deepEqual(lossesOf(whole).slice(0, 3), lossesOf(plain).slice(0, 3));
    assert.ok(lossesOf(whole)[3] < lossesOf(plain)[3], 'a product of two shares is less than one');
    const stop = new AbortController();
    const own = { ...options, folder: temporary() };
    const onStep = ({ step }: { step: number }): void => void (step >= 3 && stop.abort());
    const first = await distil(folder, refined, { ...own, signal: stop.signal, onStep });
    const resumed = await distil(folder, refined, { ...own, resume: true });
    assert.equal(hashOf(resumed.student.parameters), hashOf(whole.student.parameters));
    for (const { student } of [plain, whole, first, resumed]) student.dispose();
  });
});

describe('phi', () => {
  it("starts as PyTorch's Conv2d, by seed", () => {
    const [phi, same, other] = [7, 7, 8].map((seed) => createProjections(2, 16, 256, seed));
    for (const [name, { shape, data }] of phi.read()) {
      const size = Math.max(...Array.from(data, Math.abs));
      assert.ok(size <= 0.25 && size > 0.24, `${name} [${shape}] is uniform within 1 / sqrt(16), not ${size}`);
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      assert.ok(Math.abs(mean) < (4 * 0.25) / Math.sqrt(3 * data.length), `${name} has the mean ${mean}`);
    }
    assert.equal(hashOf(same), hashOf(phi));
    assert.notEqual(hashOf(other), hashOf(phi));
    assert.notDeepEqual(phi.get('phi.0.weight').value.dataSync(), phi.get('phi.1.weight').value.dataSync());
    [phi, same, other].forEach((item) => item.dispose());
  });
});

describe('the training of a student', () => {
  it('clips the gradient of student and phi together, and phi starts by the seed', async () => {
    const batch = await pictures(folder).batch(0);
    const loader = { ...pictures(folder), batch: async () => ({ ...batch, images: batch.images.clone() }) };
    interface FirstStep {
      norm?: number;
      mse: number;
      moved: number;
    }
    const first = async (clip: number | undefined, seed: number): Promise<FirstStep> => {
      const [student, run] = [new RetinaNet(tinyStudent, { seed: 2 }), temporary()];
      const before = student.parameters.read();
      await trainStudent(
        {
          student,
          loader,
          batchSize: 4,
          schedule: { kind: 'constant', base: 1, steps: 1 },
          optimizer: { kind: 'sgd' },
          clip,
          distillation: distillations.mse,
          side: sides.paper,
          seed,
        },
        { folder: run, config: {}, checkpointEvery: 0 },
      );
      let moved = 0;
      for (const { name, variable } of student.parameters.trainable())
        variable.read().forEach((value, i) => (moved += (value - before.get(name)!.data[i]) ** 2));
      student.dispose();
      const [{ gradientNorm: norm, losses }] = readLog(run);
      return { norm, mse: losses.mse, moved: Math.sqrt(moved) };
    };
    const [free, clipped, other] = [await first(undefined, 2), await first(0.01, 2), await first(undefined, 3)];
    assert.equal(free.norm, undefined);
    assert.ok(free.moved > 0.1 && clipped.norm! > free.moved, `${free.moved} of ${clipped.norm}`);
    assert.ok(Math.abs(clipped.moved - (0.01 * free.moved) / clipped.norm!) < 1e-4, `moved by ${clipped.moved}`);
    assert.equal(clipped.mse, free.mse);
    assert.notEqual(other.mse, free.mse);
    batch.images.dispose();
  });
});

describe('batch norm of a student', () => {
  const statisticsOf = ({ parameters }: RetinaNet): Float32Array[] =>
    parameters
      .all()
      .filter(({ role }) => role === 'statistic')
      .map(({ variable }) => variable.read());

  it('learns from its batches in training and is left alone by evaluation, which uses it', async () => {
    const { student } = await distil(folder, {}, { steps: 3 });
    const fresh = new RetinaNet(tinyStudent, { seed: 2 });
    statisticsOf(student).forEach((statistic, i) => assert.notDeepEqual(statistic, statisticsOf(fresh)[i]));
    const before = hashOf(student.parameters);
    const dataset = openCoco(folder, 'val');
    const loader = createLoader(dataset, { size: { width: 64, height: 64 }, batch: 4, workers: 0 });
    await evaluateDetector(student, dataset, loader);
    assert.equal(hashOf(student.parameters), before);
    const { images } = await loader.batch(0);
    const [together, alone] = [images, tf.slice(images, 0, 1)].map((some) => student.head(student.pyramid(some)));
    together.forEach(({ logits }, level) => {
      const apart = tf.max(tf.abs(tf.sub(tf.slice(logits, 0, 1), alone[level].logits)));
      assert.ok(apart.dataSync()[0] < 1e-4, 'a picture has the same logits in any batch');
    });
    student.dispose();
    fresh.dispose();
  });
});

describe('inheritNeckAndHead', () => {
  it('copies what fits by name and shape, and nothing else', () => {
    const teacher = new RetinaNet(
      { ...tinyStudent, backbone: { ...tinyStudent.backbone, widths: [8, 8, 16] } },
      { seed: 8 },
    );
    const student = new RetinaNet(tinyStudent, { seed: 9 });
    const before = student.parameters.read();
    const names = inheritNeckAndHead(student, teacher);
    const given = teacher.parameters.read();
    for (const [name, { data }] of student.parameters.read())
      assert.deepEqual(data, (names.includes(name) ? given : before).get(name)?.data, name);
    const fitting = [...before.keys()].filter(
      (name) => /^(neck|bbox_head)\./.test(name) && name !== 'neck.lateral_convs.1.conv.weight',
    );
    assert.deepEqual([...names].sort(), fitting.sort());
    const necks = fitting.filter((name) => name.startsWith('neck.'));
    assert.ok(necks.length > 0 && necks.length < fitting.length);
    assert.deepEqual(inheritNeckAndHead(student, teacher, 'neck').sort(), necks);
    teacher.dispose();
    student.dispose();
  });
});
