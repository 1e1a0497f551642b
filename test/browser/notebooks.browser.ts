/**
 * `npm run test:browser`: notebooks in JupyterLab as a person meets them. Screenshots go to
 * .runtime/screenshots.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { look, runAll, startLab, type Lab } from './jupyterlab';

const root = join(__dirname, '../..');
const screenshots = join(root, '.runtime/screenshots');
let lab: Lab;

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  lab = await startLab();
});
after(() => lab?.close());

interface Expected {
  charts: number;
  pictures: number;
}

const notebooks: Record<string, Expected> = {
  '00-start-here': { charts: 0, pictures: 2 },
  '01-wavelets': { charts: 4, pictures: 4 },
  '06-ablations': { charts: 11, pictures: 0 },
};

for (const [name, { charts, pictures }] of Object.entries(notebooks))
  test(`${name}: Run All shows charts and pictures, and no error`, { timeout: 600_000 }, async () => {
    const file = `notebooks/${name}.ipynb`;
    const committed = readFileSync(join(root, file));
    try {
      const page = await lab.open(file);
      await runAll(page);
      const shown = await look(
        page,
        async (screen) => void (await page.screenshot({ path: join(screenshots, `${name}-${screen}.png`) })),
      );
      assert.deepEqual(shown.errors, []);
      assert.ok(shown.charts >= charts, `${shown.charts} charts are visible, not ${charts}`);
      assert.ok(shown.pictures >= pictures, `${shown.pictures} pictures are visible, not ${pictures}`);
      await page.close();
    } finally {
      writeFileSync(join(root, file), committed); // JupyterLab saves by itself
    }
  });
