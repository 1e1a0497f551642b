/** Changing an experiment field by field, and the settings made of such changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ablationExperiment,
  ablationNames,
  ablations,
  emojiScenes,
  experimentOf,
  override,
  RetinaNet,
  settingNames,
  settings,
  type Setting,
} from 'freekd';
import { sceneConfig } from '../../lib/dist/scenes/config';

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

test('override says what is wrong, and which fields there are', () => {
  const cases: [string, RegExp][] = [
    ['weights.nu=3', /no field "nu"; there are mse, mu, released/],
    ['weight.mu=3', /no field "weight"; there are name, title/],
    ['weights=3', /"weights" holds mse, mu, released; name one of them/],
    ['weights.mu=x', /"mu" is a number \(\d+\), not "x"/],
    ['weights.mu.x=3', /"mu" is a number and has no field "x"/],
    ['student.model.backbone.widths=8', /"widths" is a list/],
    ['mu', /expected field=value/],
    ['=3', /expected field=value/],
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
      new RetinaNet(experiment.student.model, { seed: 1 }).dispose();
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
