/**
 * `reproduce` as a person calls it: clear errors, a whole run on few pictures, stopping and going
 * on.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { standardAugmentation } from '../../lib/dist/coco/augmentation';
import { openExperiment } from '../../lib/dist/commands/reproduce/opening';
import { parseOptions } from '../../lib/dist/commands/reproduce/options';
import { retinaNetR50 } from '../../lib/dist/detection/retinanet/presets';
import type { TrainingConfig } from '../../lib/dist/experiments/experiment';
import { standardHeldOut } from '../../lib/dist/experiments/held-out';
import { readDetector } from '../../lib/dist/distill/detector-file';
import { variants } from '../../lib/dist/runs/variants';
import { readResult, readResults } from '../../lib/dist/runs/results';
import { hashOf } from '../../lib/dist/train/checkpoint';
import { readLog } from '../../lib/dist/train/log';
import { writeFixture } from '../coco/fixture';
import { writePictures } from '../distill/tiny';
import { byNpm, bySetup, reproduce as run, type Stop } from '../experiments/command';

const folder = mkdtempSync(join(tmpdir(), 'freekd-reproduce-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const reproduce = (words: string[], stop?: Stop, start?: string[]): ReturnType<typeof run> =>
  run(folder, words, stop, start);

test('--help names every option and variant', async () => {
  const { status, stdout } = await reproduce(['--help']);
  assert.equal(status, 0);
  for (const option of [
    'experiment',
    'data',
    'augment',
    'no-augment',
    'variants',
    'loss',
    'seeds',
    'steps',
    'teacher-steps',
    'prompt-steps',
    'batch',
    'accumulate',
    'ranks',
    'prompt',
    'setting',
    'set',
    'profile',
    'out',
    'resume',
    'smoke',
    'full',
    'train-teacher',
    'ship',
    'skip-bad',
    'corruptions',
    'severities',
    'pictures',
    'frost',
  ])
    assert.match(stdout, new RegExp(`--${option}\\b`));
  for (const variant of variants) assert.ok(stdout.includes(variant), variant);
});

test('a folder of --data is augmented, emoji scenes and rows are as they were recorded', async () => {
  const pictures = await writePictures();
  const augmentationOf = (...words: string[]): unknown => openExperiment(parseOptions(words)).experiment.augmentation;
  assert.deepEqual(augmentationOf('--data', pictures), standardAugmentation);
  assert.equal(augmentationOf('--data', pictures, '--no-augment'), undefined);
  assert.equal(openExperiment(parseOptions(['--data', pictures])).experiment.heldOut, undefined, 'of 8 pictures none');
  const more = await writePictures({ train: 40, val: 1 });
  assert.deepEqual(openExperiment(parseOptions(['--data', more])).experiment.heldOut, standardHeldOut);
  assert.equal(augmentationOf(), undefined);
  assert.equal(augmentationOf('--experiment', 'bccd', '--data', pictures), undefined);
  assert.deepEqual(augmentationOf('--augment'), standardAugmentation);
  assert.equal(openExperiment(parseOptions(['--augment'])).shippedTeacher, true);
  const sizes = [640, 800].map((shortSide) => ({ longSide: 1333, shortSide }));
  assert.deepEqual(augmentationOf('--experiment', 'fcos-r101-r50-coco'), { sizes });
});

test('--start: shipped by default, where there is one of the family; a published one brings its network', async () => {
  const pictures = await writePictures({ train: 8, val: 4 });
  const teacherOf = (...words: string[]): TrainingConfig =>
    openExperiment(parseOptions(['--data', pictures, ...words])).experiment.teacher as TrainingConfig;
  assert.equal(teacherOf().start, join('data', 'teachers', 'emoji-scenes.safetensors'));
  assert.equal(teacherOf('--detector', 'fcos').start, join('data', 'teachers', 'emoji-scenes-fcos.safetensors'));
  assert.equal(teacherOf('--detector', 'cascade-rcnn').start, undefined, 'none is shipped');
  assert.equal(teacherOf('--start', 'random').start, undefined);
  assert.equal(teacherOf('--start', '/tmp/mine.safetensors').start, '/tmp/mine.safetensors');
  const { model, start } = teacherOf('--start', 'retinanet-r50-2x');
  assert.deepEqual([start, model.classes], ['retinanet-r50-2x', 2]);
  assert.deepEqual({ ...model, classes: 80 }, retinaNetR50);
});

test('what was asked for wrongly is said in one sentence', async () => {
  const cases: [string[], RegExp][] = [
    [['--variants', 'student,magic'], /"magic" is none of student, mse/],
    [['--seeds', '0'], /whole number from 1 to 1000/],
    [['--seeds', '1e9'], /whole number from 1 to 1000/],
    [['--first-seed', '1e22'], /whole number from 1 to 2147483647/],
    [['--data', ''], /path, which may not be empty/],
    [['--out', ''], /path, which may not be empty/],
    [['--out', '/dev/null/x'], /\/dev\/null\/x cannot be written, .*choose another folder/],
    [['--out', '/proc/x'], /\/proc\/x cannot be written, .*choose another folder/],
    [['--ship', '--smoke'], /cannot be used with option/],
    [['--ship'], /--ship: this teacher is the shipped one; add --train-teacher/],
    [['--experiment', 'retinanet-r101-r50-coco', '--teacher-steps', '3'], /is imported/],
    [['--ranks', '2'], /--ranks 2: this is a run of 1; start it as npm run reproduce -- --ranks 2/],
    [['--accumulate', '3', '--smoke'], /a batch of 8 pictures cannot be cut into 3 equal parts: see --accumulate, --batch/],
    [['--accumulate', '0'], /whole number from 1 to 65536/],
    [['--profile', 'other'], /Allowed choices are paper, released/],
    [['--setting', 'none'], /Allowed choices are long, few, narrow, small/],
    [['--setting', 'few', '--data', folder], /--setting: the settings are of emoji scenes/],
    [['--ablation', 'mu-10', '--setting', 'few'], /cannot be used with option/],
    [['--set', 'weights.nu=3', '--smoke'], /--set weights\.nu=3: weights: there is no field "nu" .*there are mse, mu, released/],
    [['--corruptions', 'fog,rain'], /"rain" is none of gaussian_noise, shot_noise/],
    [['--corruptions', '--severities', '0,1'], /severities are whole numbers from 1 to 5, not "0,1"/],
    [['--start', 'random'], /--start: for pictures of your own \(--data\)/],
    [['--data', await writePictures(), '--start', 'best'], /--start: "best" is none of shipped, random, retinanet-r50-2x/],
    [['--data', 'nowhere'], /--data: there is no folder .*nowhere/],
    [['--data', await writeFixture()], /split/],
  ];
  for (const [words, expected] of cases) {
    const { status, stderr } = await reproduce(words);
    assert.equal(status, 1, words.join(' '));
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /\n\s+at /, 'a stack');
  }
});

test(
  'a run that was stopped, then orphaned, goes on with --resume, ends as an undisturbed one, and is kept afterwards',
  async () => {
    const words = (out: string): string[] => [
      ...['--smoke', '--variants', 'freekd', '--steps', '60'],
      ...['--out', join(folder, out)], // npm says that we stand where it does
    ];
    const whole = await reproduce(words('whole'));
    assert.equal(whole.status, 0, whole.stderr);
    assert.match(whole.stdout, /numbers without meaning/);
    assert.match(whole.stdout, /\| teacher +\|/);
    assert.match(whole.stdout, /\| FreeKD \(both\) +\|/);
    const result = readResult(join(folder, 'whole', 'freekd-seed1.json'));
    assert.equal(result.seed, 1);
    assert.equal(result.steps, 60);
    assert.ok(result.curve.length > 0);
    const student = await readDetector(join(folder, 'whole', 'freekd-seed1.safetensors'));
    assert.equal(hashOf(student.detector.parameters), result.parameters);
    assert.deepEqual([student.size, student.categories.length], [{ width: 128, height: 128 }, 12]);
    student.detector.dispose();
    for (const picture of ['comparison.png', 'report.html'])
      assert.ok(statSync(join(folder, 'whole', picture)).size > 10_000, picture);
    assert.doesNotMatch(
      readFileSync(join(folder, 'whole', 'report.html'), 'utf8'),
      /<script[^>]+src="?http/,
      'the report needs no network',
    );

    // As a batch system ends a job: npm, set-up and the run itself get the signal, npm passes it on.
    const stopped = await reproduce(
      words('stopped'),
      {
        when: (output) => output.includes('prompt, paper, seed 1 10/10'),
        by: (pid) => void process.kill(-pid, 'SIGTERM'),
      },
      byNpm,
    );
    assert.equal(stopped.status, 143, stopped.stderr);
    assert.match(stopped.stderr, /stopped after step \d+ of .*--resume goes on/);
    const log = (): number => readLog(join(folder, 'stopped', 'runs', 'freekd-seed1')).length;
    const orphaned = await reproduce(
      [...words('stopped'), '--resume'],
      { when: () => log() >= 10, by: (pid) => void process.kill(pid, 'SIGKILL') },
      bySetup,
    );
    assert.equal(orphaned.status, null);
    assert.match(orphaned.stderr, /stopped after step \d+ of freekd/, 'it saved');
    assert.ok(log() < 60, 'and ended by itself');
    assert.ok(!existsSync(join(folder, 'stopped', 'freekd-seed1.json')));
    const resumed = await reproduce([...words('stopped'), '--resume']);
    assert.equal(resumed.status, 0, resumed.stderr);
    const again = readResult(join(folder, 'stopped', 'freekd-seed1.json'));
    assert.deepEqual(again.config, result.config);
    assert.deepEqual(again.metrics, result.metrics);
    assert.equal(again.parameters, result.parameters);
    const losses = ({ curve }: typeof result): unknown => curve.map(({ step, losses }) => [step, losses]);
    assert.deepEqual(losses(again), losses(result));

    const kept = await reproduce([...words('stopped'), '--resume']);
    assert.match(kept.stdout, /freekd, seed 1: .* AP, kept from/);
    assert.equal(readResults(join(folder, 'stopped')).length, 1);
    assert.deepEqual(readdirSync(folder).sort(), ['stopped', 'whole']);
  },
);
