/// <reference lib="dom" />
/**
 * `npm run test:browser`: the live page of `npm run site`, served as any static host does. A
 * screenshot goes to .runtime/screenshots.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { detectPicture, readDetector, type FoundObject } from 'freekd';
import { startChromium } from './chromium';

const root = join(__dirname, '../..');
const screenshots = join(root, '.runtime/screenshots');
const folder = mkdtempSync(join(tmpdir(), 'freekd-live-'));
const weights = ['emoji-scenes', 'emoji-scenes-faster-rcnn'].map((name) =>
  join(root, `data/teachers/${name}.safetensors`),
);
const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };
let server: Server;
let browser: Browser;
let address: string;

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  const words = ['--out', folder, ...weights.flatMap((file) => ['--weights', file])];
  const made = spawnSync(process.execPath, [join(root, 'setup/live.mjs'), ...words], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  server = createServer(({ url }, response) => {
    const file = join(folder, new URL(url!, 'http://host').pathname);
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits until the page has looked at a picture, and reads what each detector found. */
async function foundOn(page: Page, name: string): Promise<FoundObject[][]> {
  await page.locator('#status', { hasText: new RegExp(`^${name}, `) }).waitFor({ timeout: 60_000 });
  const figures = page.locator('figure');
  const read = (figure: HTMLElement): string => figure.dataset.found!;
  return Promise.all((await figures.all()).map(async (figure) => JSON.parse(await figure.evaluate(read))));
}

/** What `npm run detect` finds. */
async function expectedOn(file: string): Promise<FoundObject[][]> {
  const all: FoundObject[][] = [];
  for (const own of weights) {
    const stored = await readDetector(own);
    all.push(await detectPicture(stored, file));
    stored.detector.dispose();
  }
  return all;
}

function equal(found: FoundObject[][], expected: FoundObject[][]): void {
  assert.equal(found.length, expected.length);
  for (const [d, objects] of expected.entries()) {
    assert.ok(objects.length > 3);
    const names = (of: FoundObject[]): string[] => of.map(({ name, category_id }) => `${name} ${category_id}`);
    assert.deepEqual(names(found[d]), names(objects));
    for (const [i, { score, bbox }] of objects.entries()) {
      const values = [found[d][i].score, ...found[d][i].bbox];
      for (const [k, wanted] of [score, ...bbox].entries())
        assert.ok(Math.abs(values[k] - wanted) < 1e-3, `detector ${d}, object ${i}: ${values}, not ${score}, ${bbox}`);
    }
  }
}

test('boxes equal those of npm run detect, nothing is asked of another host', { timeout: 300_000 }, async () => {
  const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
  const errors: string[] = [];
  const foreign: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${address}/`) && !/^(blob|data):/.test(request.url())) foreign.push(request.url());
  });
  await page.goto(`${address}/live/index.html`);
  const scene = join(folder, 'live/scene-1.png');
  equal(await foundOn(page, 'scene-1.png'), await expectedOn(scene));

  // Of another size and shape; four scenes, so that there is something to find
  const side = (await sharp(scene).metadata()).width;
  const tiles = [1, 2, 3, 4].map((n, i) => ({
    input: join(folder, `live/scene-${n}.png`),
    left: (i % 2) * side,
    top: Math.floor(i / 2) * side,
  }));
  const canvas = { width: 2 * side + 37, height: 2 * side, channels: 3, background: '#586' } as const;
  const larger = await sharp({ create: canvas }).composite(tiles).png().toBuffer();
  for (const name of ['larger.png', 'turned.jpg']) {
    const file = join(folder, name);
    const picture = sharp(larger);
    await (name === 'turned.jpg' ? picture.withMetadata({ orientation: 6 }).jpeg() : picture).toFile(file);
    await page.locator('#file').setInputFiles(file);
    equal(await foundOn(page, name), await expectedOn(file));
  }

  const dataTransfer = await page.evaluateHandle(async (url) => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([await (await fetch(url)).blob()], 'dropped.png'));
    return dropped;
  }, 'scene-2.png');
  await page.dispatchEvent('body', 'drop', { dataTransfer });
  equal(await foundOn(page, 'dropped.png'), await expectedOn(join(folder, 'live/scene-2.png')));

  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${wide} pixels wide`);
  await page.screenshot({ path: join(screenshots, 'live.png'), fullPage: true });
  await page.locator('#file').setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('no') });
  await page.locator('#status', { hasText: 'no.png is no picture that this browser reads' }).waitFor();
  assert.deepEqual({ errors, foreign }, { errors: [], foreign: [] });
  await page.close();
});
