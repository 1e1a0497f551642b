/** What the README says is what the result files hold. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { readmeFiles, withTables } from './readme-tables';

const root = join(__dirname, '..');
const readme = readFileSync(readmeFiles[0], 'utf8');

test('every result table of the README is the one that its result files give', () => {
  assert.match(readme, /<!-- results /, 'the README has no table of results');
  for (const file of readmeFiles) {
    const text = readFileSync(file, 'utf8');
    assert.equal(text, withTables(text), 'npx tsx test/readme-tables.ts makes the tables anew');
  }
});

test('every link of the README to a file of the repository leads somewhere', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, link]) => link);
  assert.ok(links.length > 5);
  assert.deepEqual(links.filter((link) => !existsSync(join(root, link))), []);
});

test('the commands that the README names are npm scripts', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const [, name] of readme.matchAll(/npm (?:run )?([a-z:]+)/g))
    if (!['ci', 'caches', 'packages'].includes(name)) assert.ok(scripts[name], `npm script ${name} does not exist`);
});

test('the example of the README runs', () => {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readme)!;
  const code = transpileModule(example, {
    compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 },
  }).outputText;
  const printed: unknown[][] = [];
  runInNewContext(code, {
    require: createRequire(__filename),
    exports: {},
    console: { log: (...words: unknown[]) => printed.push(words) },
  });
  const [[shape, loss]] = printed;
  assert.deepEqual([...(shape as number[])], [2, 4, 4, 64]);
  assert.ok((loss as number) > 0);
});
