/** Checkpoints on disk: the newest intact one is found, whatever happened to the files. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Checkpoints, fingerprintOf, type NamedTensors } from '../../lib/dist/train/checkpoint';
import { temporary } from '../distill/tiny';

const config = { rate: 0.1, seed: 1 };
const tensors = (step: number): NamedTensors => new Map([
  ['student/weight', { shape: [2, 3], data: Float32Array.from({ length: 6 }, (_, i) => step + i / 7) }],
  ['optimizer/step', { shape: [1], data: Float32Array.of(step) }],
]);

/** A folder with the checkpoints of steps 5 and 10. */
async function saved(): Promise<{ folder: string; checkpoints: Checkpoints }> {
  const folder = join(temporary(), 'checkpoints');
  const checkpoints = new Checkpoints(folder, fingerprintOf(config));
  for (const step of [5, 10]) await checkpoints.save({ step, tensors: tensors(step) });
  return { folder, checkpoints };
}

/** The warnings that are given while `body` runs. */
async function warningsOf(body: () => Promise<void>): Promise<string[]> {
  const messages: string[] = [];
  const listen = ({ message }: Error): void => void messages.push(message);
  process.on('warning', listen);
  await body();
  await new Promise(setImmediate); // warnings are emitted on the next tick
  process.off('warning', listen);
  return messages;
}

describe('Checkpoints', () => {
  it('gives back the newest, bit for bit', async () => {
    const { checkpoints } = await saved();
    const found = await checkpoints.latest();
    assert.equal(found?.step, 10);
    assert.deepEqual(new Map([...found.tensors].sort()), new Map([...tensors(10)].sort()));
    assert.equal(await new Checkpoints(temporary(), 'x').latest(), undefined);
    assert.equal(await new Checkpoints(join(temporary(), 'missing'), 'x').latest(), undefined);
  });

  const name = 'step-00000010';
  const damages: Record<string, (folder: string) => void> = {
    'cut off': (folder) => truncateSync(join(folder, `${name}.safetensors`), 60),
    'emptied': (folder) => truncateSync(join(folder, `${name}.safetensors`), 0),
    'changed in one byte': (folder) => {
      const bytes = readFileSync(join(folder, `${name}.safetensors`));
      bytes[bytes.length - 3] ^= 1;
      writeFileSync(join(folder, `${name}.safetensors`), bytes);
    },
    'without readable JSON': (folder) => truncateSync(join(folder, `${name}.json`), 20),
    'with JSON that is no object': (folder) => writeFileSync(join(folder, `${name}.json`), 'null'),
  };
  for (const [damage, harm] of Object.entries(damages))
    it(`falls back to the one before when the newest is ${damage}, and says so`, async () => {
      const { folder, checkpoints } = await saved();
      harm(folder);
      const warnings = await warningsOf(async () => {
        const found = await checkpoints.latest();
        assert.equal(found?.step, 5);
        assert.deepEqual(found.tensors.get('student/weight'), tensors(5).get('student/weight'));
      });
      assert.equal(warnings.length, 1);
      assert.match(
        warnings[0],
        /step-00000010\.safetensors or the JSON beside it is damaged: going on from the checkpoint before it/,
      );
    });

  it('refuses those of another configuration', async () => {
    const { folder } = await saved();
    const other = new Checkpoints(folder, fingerprintOf({ ...config, seed: 2 }));
    await assert.rejects(
      other.latest(),
      /holds a run with another configuration: choose another folder, or start again without resuming/,
    );
  });

  it('keeps the last two, and removes what interrupted writes left', async () => {
    const { folder, checkpoints } = await saved();
    for (const leftover of [
      '.step-00000012.safetensors.77.ab.tmp',
      'step-00000012.safetensors',
      '.step-00000012.json.77.cd.tmp',
    ])
      writeFileSync(join(folder, leftover), 'half');
    assert.equal((await checkpoints.latest())?.step, 10);
    await checkpoints.save({ step: 15, tensors: tensors(15) });
    assert.deepEqual(readdirSync(folder).sort(), [
      'step-00000010.json',
      'step-00000010.safetensors',
      'step-00000015.json',
      'step-00000015.safetensors',
    ]);
    checkpoints.clear();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('never touches a file of the user', async () => {
    const { folder, checkpoints } = await saved();
    mkdirSync(join(folder, '.ipynb_checkpoints'));
    for (const name of ['best.safetensors', 'notes.json', 'step-5.json', 'my-step-00000005.json'])
      writeFileSync(join(folder, name), 'mine');
    await checkpoints.save({ step: 15, tensors: tensors(15) });
    checkpoints.clear();
    const own = ['.ipynb_checkpoints', 'best.safetensors', 'my-step-00000005.json', 'notes.json', 'step-5.json'];
    assert.deepEqual(readdirSync(folder).sort(), own);
  });

  it('says in which field another configuration differs, with both values', async () => {
    const folder = join(temporary(), 'checkpoints');
    const checkpoints = (value: unknown): Checkpoints => new Checkpoints(folder, fingerprintOf(value), 2, value);
    await checkpoints(config).save({ step: 5, tensors: tensors(5) });
    await assert.rejects(
      checkpoints({ ...config, seed: 2 }).latest(),
      /another configuration \(seed is 1 there and 2 here\): choose another folder/,
    );
    await new Checkpoints(folder, fingerprintOf(config)).save({ step: 10, tensors: tensors(10) });
    await assert.rejects(checkpoints({ rate: 3 }).latest(), /of a version of this program that did not store it/);
  });
});

describe('fingerprintOf', () => {
  it('tells configurations apart, and is the same after a round through JSON', () => {
    assert.equal(fingerprintOf(config), fingerprintOf(JSON.parse(JSON.stringify(config))));
    assert.notEqual(fingerprintOf(config), fingerprintOf({ ...config, rate: 0.1000001 }));
    assert.equal(typeof fingerprintOf(undefined), 'string');
  });
});
