/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** JupyterLab as `npm start` opens it, and a page of Chromium that looks at it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';

const root = join(__dirname, '../..');
const browsers = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

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

/** Starts JupyterLab, waits for its link, and starts Chromium: that of `CHROMIUM`, or of the system. */
export async function startLab(): Promise<Lab> {
  const executablePath = process.env.CHROMIUM ?? browsers.find((file) => existsSync(file));
  if (!executablePath) throw new Error('there is no Chromium: sudo apt-get install chromium (Debian, Ubuntu), or name one with CHROMIUM=/path/to/chrome');
  const server = spawn('npm', ['start', '--', '--no-browser'], { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
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
    browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
  } catch (error) {
    await end(server);
    throw error;
  }
  return {
    async open(file) {
      const page = await browser.newPage({ viewport: { width: 1300, height: 1000 } });
      await page.goto(link.replace(/\/lab[^?]*/, `/lab/tree/${file}`));
      return page;
    },
    async close() {
      await browser.close();
      await end(server);
    },
  };
}

/** Number of cells that run or wait. */
const busy = (page: Page): Promise<number> => page.locator('.jp-InputPrompt', { hasText: '*' }).count();

/** Runs all cells from the menu and waits for the last. */
export async function runAll(page: Page): Promise<void> {
  await page.locator('.jp-Notebook').waitFor();
  await page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').waitFor(); // the kernel is there
  await page.locator('.lm-MenuBar-itemLabel', { hasText: /^Run$/ }).click();
  await page.locator('li[data-command="runmenu:run-all"]').click();
  for (let quiet = 0; quiet < 3; quiet = (await busy(page)) ? 0 : quiet + 1) await page.waitForTimeout(1000);
}

/** What a notebook shows. JupyterLab keeps cells out of the page that are far from the view, so this goes through all of it. */
export interface Shown {
  errors: string[];
  charts: number;
  pictures: number;
}

export async function look(page: Page, onScreen?: (screen: number) => Promise<void>): Promise<Shown> {
  const view = page.locator('.jp-WindowedPanel-outer').first();
  const seen = { errors: new Set<string>(), charts: new Set<string>(), pictures: new Set<string>() };
  await view.evaluate((element) => (element.scrollTop = 0));
  for (let screen = 0; ; screen++) {
    await page.waitForTimeout(700);
    await onScreen?.(screen);
    const now = await page.evaluate(() => {
      const visible = (element: Element): boolean => element.getBoundingClientRect().width > 50 && element.getBoundingClientRect().height > 20;
      const all = (selector: string): Element[] => [...document.querySelectorAll(`.jp-Notebook ${selector}`)];
      return {
        errors: all('[data-mime-type="application/vnd.jupyter.stderr"], [data-mime-type="application/vnd.jupyter.error"]').map((element) => element.textContent ?? ''),
        charts: all('.vega-embed canvas, .vega-embed svg').filter(visible).map((element) => element.closest('.jp-Cell')!.getAttribute('data-windowed-list-index') ?? ''),
        pictures: all('.jp-OutputArea img').filter((element) => visible(element) && (element as HTMLImageElement).naturalWidth > 0).map((element) => (element as HTMLImageElement).src.slice(0, 4000)),
      };
    });
    for (const kind of ['errors', 'charts', 'pictures'] as const) now[kind].forEach((item) => seen[kind].add(item));
    const more = await view.evaluate((element) => {
      const before = element.scrollTop;
      element.scrollTop += 0.8 * element.clientHeight;
      return element.scrollTop > before;
    });
    if (!more) return { errors: [...seen.errors], charts: seen.charts.size, pictures: seen.pictures.size };
  }
}
