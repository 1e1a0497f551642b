/** Chromium without a window: that of `CHROMIUM`, or of the system. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Throws, before anything is started for it, where there is none. */
export function chromiumFile(): string {
  const found = process.env.CHROMIUM ?? places.find((file) => existsSync(file));
  if (found) return found;
  throw new Error(
    'there is no Chromium: sudo apt-get install chromium (Debian, Ubuntu), or name one with CHROMIUM=/path/to/chrome',
  );
}

export const startChromium = (executablePath = chromiumFile()): Promise<Browser> =>
  chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
