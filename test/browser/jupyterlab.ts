/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** JupyterLab as `npm start` opens it, and a page of Chromium that looks at it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { chromiumFile, startChromium } from './chromium';

const root = join(__dirname, '../..');

/** Ends the whole group of a process. */
function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.once('exit', () => resolve());
    process.kill(-child.pid!, 'SIGTERM');
  });
}

export interface Lab {
  /** Opens a file of the repository. */
  open(file: string): Promise<Page>;
  close(): Promise<void>;
}

/** Starts JupyterLab, waits for its link, and starts Chromium. */
export async function startLab(): Promise<Lab> {
  const executablePath = chromiumFile();
  const workspaces = mkdtempSync(join(tmpdir(), 'freekd-lab-')); // not the user's
  const env = { ...process.env, JUPYTERLAB_WORKSPACES_DIR: workspaces };
  const server = spawn('npm', ['start', '--', '--no-browser'], {
    cwd: root,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  server.once('exit', () => rmSync(workspaces, { recursive: true, force: true }));
  const link = await new Promise<string>((resolve, reject) => {
    let output = '';
    const listen = (data: Buffer): void => {
      output += data.toString();
      const found = /http:\/\/(?:127\.0\.0\.1|localhost):\d+\/lab\S*token=\w+/.exec(output);
      if (found) resolve(found[0]);
    };
    server.stdout.on('data', listen);
    server.stderr.on('data', listen);
    server.once('exit', () => reject(new Error(`npm start ended:\n${output}`)));
  });
  let browser: Browser;
  try {
    browser = await startChromium(executablePath);
  } catch (error) {
    await end(server);
    throw error;
  }
  return {
    async open(file) {
      const page = await browser.newPage({ viewport: { width: 1300, height: 1000 } });
      await page.goto(`${link.replace(/\/lab[^?]*/, `/lab/tree/${file}`)}&reset`); // a workspace of its own
      return page;
    },
    async close() {
      await browser.close();
      await end(server);
    },
  };
}

async function choose(page: Page, menu: RegExp, command: string): Promise<void> {
  await page.locator('.lm-MenuBar-itemLabel', { hasText: menu }).click();
  await page.locator(`li[data-command="${command}"]`).click();
}

/**
 * Clears the outputs that were committed, runs all cells, and waits until none runs or waits any
 * more.
 */
export async function runAll(page: Page): Promise<void> {
  const idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]');
  const unfinished = page.locator('.jp-CodeCell .jp-InputPrompt', { hasText: '[*]' });
  await page.locator('.jp-Notebook').waitFor();
  // Before a kernel is chosen the notebook calls itself idle too, and to run it then asks for one.
  await page.locator('.jp-Toolbar-kernelName', { hasText: 'TypeScript' }).waitFor({ timeout: 60_000 });
  await idle.waitFor({ timeout: 60_000 });
  await choose(page, /^Edit$/, 'editmenu:clear-all');
  await choose(page, /^Run$/, 'runmenu:run-all');
  await page.waitForTimeout(1000);
  if (await page.locator('.jp-Dialog').count())
    throw new Error(`JupyterLab asks: ${await page.locator('.jp-Dialog').first().innerText()}`);
  for (let quiet = 0; quiet < 3; quiet = (await unfinished.count()) === 0 ? quiet + 1 : 0)
    await page.waitForTimeout(1000);
}

/** What a notebook shows; JupyterLab draws what is near the view, so all of it is gone through. */
export interface Shown {
  errors: string[];
  charts: number;
  pictures: number;
}

const outputs = [
  '.jp-Notebook [data-mime-type="application/vnd.jupyter.stderr"], ' +
    '.jp-Notebook [data-mime-type="application/vnd.jupyter.error"]',
  '.jp-Notebook .vega-embed canvas, .jp-Notebook .vega-embed svg',
  '.jp-Notebook .jp-OutputArea img',
];

export async function look(page: Page, onScreen?: (screen: number) => Promise<void>): Promise<Shown> {
  const view = page.locator('.jp-WindowedPanel-outer').first();
  const seen = { errors: new Set<string>(), charts: new Set<string>(), pictures: new Set<string>() };
  await view.evaluate((element) => element.scrollTo({ top: 0, behavior: 'instant' }));
  for (let screen = 0; ; screen++) {
    await page.waitForTimeout(700);
    await onScreen?.(screen);
    const now = await page.evaluate((selectors) => {
      const [errors, charts, pictures] = selectors.map((selector) =>
        [...document.querySelectorAll(selector)].filter((element) => element.getBoundingClientRect().height > 0),
      );
      return {
        errors: errors.map((element) => element.textContent ?? ''),
        charts: charts
          .filter((element) => element.getBoundingClientRect().width > 50)
          .map((element) => element.closest('.jp-Cell')!.getAttribute('data-windowed-list-index') ?? ''),
        pictures: pictures
          .filter((element) => (element as HTMLImageElement).naturalWidth > 50)
          .map((element) => (element as HTMLImageElement).src.slice(0, 4000)),
      };
    }, outputs);
    for (const kind of ['errors', 'charts', 'pictures'] as const) now[kind].forEach((item) => seen[kind].add(item));
    const more = await view.evaluate((element) => {
      const before = element.scrollTop;
      element.scrollTo({ top: before + 0.8 * element.clientHeight, behavior: 'instant' });
      return element.scrollTop > before;
    });
    if (!more) return { errors: [...seen.errors], charts: seen.charts.size, pictures: seen.pictures.size };
  }
}
