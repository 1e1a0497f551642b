import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { firstDamaged, hash, listFiles, readStamp, writeStamp } from '../../setup/stamps.mjs';
import { firstMissing } from '../../setup/steps/packages.mjs';
import { hasDisplay, jupyterArguments } from '../../setup/start.mjs';
import { testFiles } from '../../setup/test.mjs';

function folderOf(t: TestContext, files: Record<string, string>) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'stamps-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

test('missing and truncated files and dead links are damage, new files are not', (t) => {
  const folder = folderOf(t, { 'a/one': '1', 'a/two': '22', 'a/skip/x': 'x', b: 'bb' });
  fs.symlinkSync('one', path.join(folder, 'a', 'link'));
  const files = listFiles(folder, ['a'], (file) => file === 'a/skip');
  assert.deepEqual(files, { 'a/link': -1, 'a/one': 1, 'a/two': 2 });
  fs.writeFileSync(path.join(folder, 'a', 'three'), '333');
  assert.equal(firstDamaged(folder, files), null);
  fs.truncateSync(path.join(folder, 'a', 'two'), 1);
  assert.equal(firstDamaged(folder, files), 'a/two');
  fs.rmSync(path.join(folder, 'a', 'one'));
  assert.equal(firstDamaged(folder, files), 'a/link');
});

test('half a stamp counts as none', (t) => {
  const folder = folderOf(t, { 'broken.json': '{"key": "k", "fi' });
  assert.equal(readStamp(folder, 'broken'), null);
  assert.equal(readStamp(folder, 'absent'), null);
  writeStamp(folder, 'whole', { key: 'k', files: { a: 1 } });
  assert.equal(readStamp(folder, 'whole')?.key, 'k');
  assert.notEqual(hash('ab', 'c'), hash('a', 'bc'));
});

test('an installation is whole when nothing but optional packages is missing', () => {
  const wanted = {
    '': {},
    lib: { version: '0.1.0' },
    'node_modules/freekd': { link: true },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/for-another-system': { version: '1.0.0', optional: true },
  };
  const installed = { 'node_modules/freekd': {}, 'node_modules/a': { version: '1.0.0' } };
  assert.equal(firstMissing(wanted, installed), null);
  assert.equal(firstMissing(wanted, { ...installed, 'node_modules/a': { version: '0.9.0' } }), 'node_modules/a');
  assert.equal(firstMissing(wanted, { 'node_modules/a': { version: '1.0.0' } }), 'node_modules/freekd');
});

test('tests are found in folders and by name', (t) => {
  const folder = folderOf(t, { 'test/b.test.ts': '', 'test/a/a.test.ts': '', 'test/a/helper.ts': '' });
  assert.deepEqual(testFiles(folder, ['test']), ['test/a/a.test.ts', 'test/b.test.ts']);
  assert.deepEqual(testFiles(folder, ['test/a/']), ['test/a/a.test.ts']);
  assert.throws(() => testFiles(folder, ['test/none']), /no test file or folder "test\/none"/);
});

test('JupyterLab keeps its safe defaults', () => {
  const plain = jupyterArguments({ words: [], root: false, display: true, folder: '/r' });
  const own = [
    'jupyterlab',
    '--ServerApp.root_dir=/r',
    '--FileContentsManager.preferred_dir=/r/notebooks',
    '--LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb',
  ];
  assert.deepEqual(plain, own, 'no address, no token setting');
  const rooted = jupyterArguments({ words: ['--no-browser', '--port=9000'], root: true, display: false, folder: '/r' });
  assert.deepEqual(rooted, [...own, '--allow-root', '--no-browser', '--port=9000']);
  assert.equal(hasDisplay({}, 'linux'), false);
  assert.equal(hasDisplay({ DISPLAY: ':0' }, 'linux'), true);
  assert.equal(hasDisplay({ DISPLAY: ':0', SSH_CONNECTION: 'x' }, 'linux'), false);
  assert.equal(hasDisplay({}, 'darwin'), true);
});
