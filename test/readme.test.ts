/** What the README says is what the result files hold. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { comparisonTable, readResults } from 'freekd';

const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test('every result table of the README is the one that its result files give', () => {
  const tables = [...readme.matchAll(/<!-- results (\S+) -->\n([\s\S]*?)<!-- end -->/g)];
  assert.ok(tables.length > 0, 'the README has no table of results');
  for (const [, name, text] of tables) {
    const results = readResults(join(root, 'data/results', name));
    assert.ok(results.length > 0, `data/results/${name} has no result file`);
    assert.equal(text.trim(), comparisonTable(results, results[0].teacher, results[0].data), `the table of ${name} is not that of data/results/${name}`);
  }
});

test('every link of the README to a file of the repository leads somewhere', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, link]) => link);
  assert.ok(links.length > 5);
  assert.deepEqual(links.filter((link) => !existsSync(join(root, link))), []);
});

test('the commands that the README names are npm scripts, and the example runs', async () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  for (const [, name] of readme.matchAll(/npm (?:run )?([a-z:]+)/g)) if (!['ci', 'caches', 'packages'].includes(name)) assert.ok(scripts[name], `npm script ${name} does not exist`);
});
