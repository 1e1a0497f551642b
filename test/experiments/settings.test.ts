/** Changing an experiment field by field, and the settings made of such changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createDetector,
  ablationExperiment,
  ablationNames,
  ablations,
  emojiScenes,
  freekdPlusAblations,
  freekdPlusNames,
  variantRow,
  experimentOf,
  experiments,
  folderExperiment,
  override,
  settingNames,
  settings,
  type Setting,
} from 'freekd';
import type { ResNetConfig } from '../../lib/dist/backbone/resnet';
import { experimentSchema } from '../../lib/dist/experiments/experiment-schema';
import { sceneConfig } from '../../lib/dist/scenes/config';
import { checked } from '../../lib/dist/core/schema';

test('override changes the named fields and nothing else', () => {
  const before = structuredClone(emojiScenes);
  const changed = override(emojiScenes, [
    'weights.mu=50',
    'prompt.paper.frequency.wavelet=db2',
    'student.model.backbone.widths=[8,16,32,64]',
    'antialias=true',
  ]);
  assert.deepEqual(emojiScenes, before);
  const expected = structuredClone(emojiScenes) as unknown as {
    weights: { mu: number };
    antialias: boolean;
    prompt: { paper: { frequency: { wavelet: string } } };
    student: { model: { backbone: { widths: number[] } } };
  };
  expected.weights.mu = 50;
  expected.antialias = true;
  expected.prompt.paper.frequency.wavelet = 'db2';
  expected.student.model.backbone.widths = [8, 16, 32, 64];
  assert.deepEqual(changed, expected);
  assert.deepEqual(override(emojiScenes, []), emojiScenes);
});

test('a field that is optional may be set, and two fields that are right together alone', () => {
  assert.equal(override(emojiScenes, ['inherit=true']).inherit, true);
  assert.equal(override(emojiScenes, ['inherit=neck']).inherit, 'neck');
  assert.throws(() => override(emojiScenes, ['inherit=head']), /--set inherit=head: inherit: must be "neck"/);
  assert.deepEqual(override(emojiScenes, ['student.milestones=[400,600]']).student.milestones, [400, 600]);
  const { widths, blocks } = override(emojiScenes, [
    'student.model.backbone.widths=[8,16,32,64,64]',
    'student.model.backbone.blocks=[1,1,1,1,1]',
  ]).student.model.backbone as ResNetConfig;
  assert.equal(widths.length, blocks.length);
  assert.throws(() => override(emojiScenes, ['weights.mu=-1', 'weights.mse=3']), /^Error: --set weights\.mu=-1: /);
});

test('a network may have a kind, a style and statistics of pixels; teacher and student share the last', () => {
  const input = '{"order":"bgr","mean":[103.5,116.3,123.7],"std":[1,1,1]}';
  const changed = override(emojiScenes, [
    'student.model.kind=retinanet',
    'student.model.backbone.style=caffe',
    `teacher.model.input=${input}`,
    `student.model.input=${input}`,
  ]);
  assert.equal(changed.student.model.kind, 'retinanet');
  assert.equal((changed.student.model.backbone as ResNetConfig).style, 'caffe');
  assert.deepEqual(changed.student.model.input, JSON.parse(input));
});

test('every experiment of this project is what the schema says', () => {
  const ofSettings = settingNames.map((name) => experimentOf(name));
  for (const experiment of [...Object.values(experiments), ...ofSettings, folderExperiment('x', 3)])
    assert.equal(checked(experimentSchema, experiment, experiment.name), experiment);
});

test('a boundary mode has its long or its short name', () => {
  for (const mode of ['symmetric', 'sym', 'per']) {
    const changed = override(emojiScenes, [`prompt.paper.frequency.mode=${mode}`]);
    assert.equal((changed.prompt.paper.frequency as { mode: string }).mode, mode);
  }
});

test('override says what is wrong, and which fields there are', () => {
  const cases: [string, RegExp][] = [
    ['weights.nu=3', /no field "nu" \(did you mean "mu"\?\); there are mse, mu, released/],
    ['weight.mu=3', /no field "weight" \(did you mean "weights"\?\); there are name, title/],
    ['weights=3', /"weights" holds mse, mu, released, .*; name one of them/],
    ['weights.mu=x', /weights\.mu: must be a number from 0 to 1000000000, is "x"/],
    ['weights.mu.x=3', /"mu" is 30 and has no field "x"/],
    ['student.model.backbone.widths=8', /widths: must be a list of 1 to 8 values, is 8/],
    ['student.model.kind=fovea', /student\.model\.kind: must be one of retinanet, .*, is "fovea"/],
    ['student.model.backbone.style=tensorflow', /style: must be one of pytorch, caffe, is "tensorflow"/],
    ['student.model.input={"mean":[1,2],"std":[1,1,1]}', /input\.mean: must be a list of 3 to 3 values, is \[1,2\]/],
    ['student.model.input={"mean":[1,2,3],"std":[0,1,1]}', /std\.0: must be a number above 0, up to 255, is 0/],
    [
      'student.model.input={"mean":[1,2,3],"std":[1,1,1]}',
      /student\.model\.input \{"mean":\[1,2,3\],"std":\[1,1,1\]\}, which must be the teacher's, missing/,
    ],
    ['mu', /expected field=value/],
    ['=3', /expected field=value/],
    ['student.steps=-5', /student\.steps: must be a whole number from 1 to 1000000000, is -5/],
    ['student.batch=1.5', /student\.batch: must be a whole number .*, is 1\.5/],
    ['student.clip=0', /student\.clip: must be a number above 0, .*, is 0/],
    ['weights.mu=1e999', /weights\.mu: must be a number .*, is Infinity/],
    ['weights.mu=null', /weights\.mu: must be a number .*, is null/],
    ['student.optimizer.kind=foo', /student\.optimizer\.kind: must be one of adam, adamw, sgd, is "foo"/],
    ['optimizer.kind=foo', /no field "optimizer"; there are name/],
    ['size.width=20000', /size\.width: must be a whole number from 8 to 8192, is 20000/],
    ['size=20000', /"size" holds width, height/],
    ['student.model.backbone.widths=[0,1,2,3]', /widths\.0: must be a whole number .*, is 0/],
    ['student.model.backbone.widths=[1e9,1,2,3]', /widths\.0: must be a whole number .*, is 1000000000/],
    ['student.model.backbone.widths=[8,8]', /backbone: has 4 stages in blocks and 2 in widths/],
    ['student.model.head.norm.groups=7', /student\.model\.head: has 64 channels, which norm\.groups must divide/],
    ['prompt.paper.tuning.pairs=some', /pairs: must be one of all, distinct, is "some"/],
    ['prompt.paper.frequency.wavelet=har', /wavelet: is "har", which is no known name; the nearest are haar/],
    ['prompt.released.tuning.similarity=jaccard', /similarity: must be "dice", is "jaccard"/],
    ['__proto__.x=1', /no field "__proto__"/],
    ['__proto__=1', /no field "__proto__"/],
    ['constructor=1', /no field "constructor"/],
    ['weights.toString=1', /no field "toString"; there are mse, mu, released/],
    ['weights.mu.__proto__=1', /"mu" is 30 and has no field "__proto__"/],
  ];
  for (const [assignment, expected] of cases)
    assert.throws(() => override(emojiScenes, [assignment]), expected, assignment);
});

test(
  'every setting is an experiment with a name and a title of its ' + 'own, whose student and pictures can be made',
  () => {
    const names = settingNames.map((name) => {
      const { scenes, set, ownTeacher }: Setting = settings[name];
      const experiment = experimentOf(name);
      assert.match(experiment.title, /stand-in, not COCO/);
      assert.deepEqual(experiment.weights, emojiScenes.weights, 'weights are tuned on the default setting alone');
      if (!ownTeacher) assert.deepEqual(experiment.teacher, emojiScenes.teacher, 'the shipped teacher fits');
      assert.ok(scenes ?? set, 'nothing differs');
      sceneConfig(scenes);
      createDetector(experiment.student.model, { seed: 1 }).dispose();
      return experiment.name;
    });
    assert.equal(new Set([...names, emojiScenes.name]).size, settingNames.length + 1);
  },
);

test('every ablation changes what it says, and only in its group', () => {
  for (const name of ablationNames) {
    const experiment = ablationExperiment(name);
    assert.notDeepEqual({ ...experiment, name: '', title: '' }, { ...emojiScenes, name: '', title: '' }, name);
    assert.deepEqual(experiment.teacher, emojiScenes.teacher);
    assert.deepEqual(experiment.student, emojiScenes.student, 'students are the same network');
    assert.ok(experiment.title.includes(ablations[name].value));
  }
  const freekdOf = (name: (typeof freekdPlusNames)[number]) =>
    variantRow('freekd').distillation(ablationExperiment(name)).freekd!;
  assert.equal(new Set(freekdPlusNames.map((name) => JSON.stringify(freekdOf(name)))).size, freekdPlusNames.length);
  for (const name of freekdPlusNames)
    assert.ok(ablationExperiment(name).title.includes(freekdPlusAblations[name].value));
  assert.deepEqual(freekdOf('penalty-decoupled').penalty, { low: 'squared', high: 'log-squared' });
  assert.equal(freekdOf('refined').refineAfter, 40);
  assert.deepEqual(freekdOf('high-relaxed').bandWeights, { low: 1, high: 0.5 });
  const standards = new Map(ablationNames.map((name) => [ablations[name].group, ablations[name].standard]));
  for (const name of ablationNames)
    assert.equal(ablations[name].standard, standards.get(ablations[name].group), 'one standard a group');
  assert.equal(standards.get('mu'), String(emojiScenes.weights.mu));
  const { frequency } = emojiScenes.prompt.paper;
  assert.deepEqual(
    'level' in frequency && [String(frequency.level), String(frequency.tokens), frequency.wavelet],
    ['wavelet levels', 'tokens a band', 'wavelet'].map((group) => standards.get(group)),
  );
});

test('weights of other papers are those of their configs; a sum over maps is scaled to their number of values', () => {
  const { cwd, pkd, mgd } = emojiScenes.weights;
  assert.deepEqual([cwd, pkd, mgd], [{ weight: 10 }, { weight: 6 }, { weight: 0.005, hidden: 0.65 }]);
  assert.equal(folderExperiment('mine', 3, { width: 256, height: 256 }).weights.mgd.weight, 0.001);
  const { weights } = experiments['retinanet-r101-r50-coco'];
  assert.deepEqual([weights.cwd, weights.pkd, weights.mgd], [{ weight: 1 }, pkd, { weight: 2e-5, hidden: 0.65 }]);
});
