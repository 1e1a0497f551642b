/** A loss from a file: what can be read, what is said where it cannot, and when it is another one. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLoss } from '../../lib/dist/commands/reproduce/loss-file';
import { emojiScenes } from '../../lib/dist/experiments/experiment';
import type { VariantRow } from '../../lib/dist/runs/variants';
import { temporary } from '../distill/tiny';

const folder = temporary();
function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
const read = (name: string, text: string): VariantRow => readLoss(name, write(name, text));
const sourceOf = (row: VariantRow): string => row.distillation(emojiScenes).own!.text;

test('TypeScript and JavaScript of both kinds of modules are read', () => {
  const cases: Record<string, string> = {
    'a.ts': 'const losses = (x: { step: number }) => ({}) as object;\nexport default { name: "mine", losses };',
    'a.mts': 'export default { name: "mine", losses: (): object => ({}) };',
    'a.js': 'export default { name: "mine", losses: () => ({}) };',
    'a.mjs': 'export default { name: "mine", losses: () => ({}) };',
    'a.cjs': 'module.exports = { name: "mine", losses: () => ({}) };',
    'b.js': 'module.exports = { name: "mine", losses: () => ({}) };',
  };
  for (const [name, text] of Object.entries(cases)) {
    const row = read(name, text);
    assert.deepEqual([row.name, row.title, row.prompt], ['mine', 'mine', undefined], name);
    assert.equal(typeof row.distillation(emojiScenes).own?.create, 'function', name);
  }
});

test('what is wrong is said in one sentence that names the file', () => {
  const cases: Record<string, [string, RegExp]> = {
    'broken.ts': [
      'export default { name: "bad',
      /^--loss broken\.ts: it cannot be loaded: .*broken\.ts:1:27: Unterminated string/,
    ],
    'lost.ts': [
      'import x from "./nowhere";\nexport default x;',
      /^--loss lost\.ts: it cannot be loaded: Cannot find module '\.\/nowhere'$/,
    ],
    'throws.ts': ['throw new Error("on purpose");', /^--loss throws\.ts: it cannot be loaded: on purpose$/],
    'named.ts': [
      'export const loss = { name: "mine" };',
      /^--loss named\.ts: it should have a default export \{ name, losses \}: see /,
    ],
    'empty.js': ['', /^--loss empty\.js: it should have a default export/],
    'number.ts': ['export default 3;', /^--loss number\.ts: it should have a default export/],
    'taken.ts': [
      'export default { name: "mse", losses: () => ({}) };',
      /^--loss taken\.ts: the name "mse" is taken: choose another$/,
    ],
    'field.ts': [
      'export default { name: "mine", lossess: 3 };',
      /^--loss field\.ts: there is no field "lossess" \(did you mean "losses"\?\)/,
    ],
  };
  for (const [name, [text, message]] of Object.entries(cases)) assert.throws(() => read(name, text), { message }, name);
  assert.throws(
    () => readLoss('none.ts', join(folder, 'none.ts')),
    /^Error: --loss none\.ts: there is no file .*none\.ts$/,
  );
  assert.throws(() => readLoss('.', folder), /^Error: --loss \.: there is no file /, 'a folder');
});

test('a file is another loss where it or a file that it imports has another text, wherever it lies', () => {
  const text = 'import { weight } from "./weight";\nexport default { name: "mine", imitations: { mse: weight } };';
  const made = (own: string, weight: string): string => {
    const place = temporary();
    writeFileSync(join(place, 'weight.ts'), weight);
    writeFileSync(join(place, 'mine.ts'), own);
    return sourceOf(readLoss('mine.ts', join(place, 'mine.ts')));
  };
  const first = made(text, 'export const weight = 2;');
  assert.equal(made(text, 'export const weight = 2;'), first);
  assert.notEqual(made(text, 'export const weight = 3;'), first);
  assert.notEqual(made(`${text}\n`, 'export const weight = 2;'), first);
});

test('a package that it imports is not part of its text', () => {
  const place = temporary();
  const packaged = join(place, 'node_modules/weights');
  mkdirSync(packaged, { recursive: true });
  const source = (): string => {
    const file = join(mkdtempSync(join(place, 'copy-')), 'mine.js');
    writeFileSync(file, 'module.exports = { name: "mine", imitations: { mse: require("weights") } };');
    return sourceOf(readLoss('mine.js', file));
  };
  writeFileSync(join(packaged, 'index.js'), 'module.exports = 2;');
  const first = source();
  writeFileSync(join(packaged, 'index.js'), 'module.exports = 3;');
  assert.equal(source(), first);
});
