/** Python wheels as what they are for us: archives of libraries, fetched by pip and unpacked in part. */
import fs from 'node:fs';
import path from 'node:path';
import { SetupError } from './errors.mjs';
import { fromRoot, temporary, venvPython } from './paths.mjs';
import { megabytes } from './progress.mjs';
import { runQuietly } from './run.mjs';
import { WHEEL_PYTHON } from './versions.mjs';

/** Bytes in the larger files of a folder that a download is growing in. */
function bytesIn(folder) {
  try {
    return fs.readdirSync(folder, { recursive: true, withFileTypes: true }).reduce((sum, entry) => {
      const size = entry.isFile()
        ? (fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name), { throwIfNoEntry: false })?.size ?? 0)
        : 0;
      return sum + (size > 1e6 ? size : 0);
    }, 0);
  } catch {
    return 0; // pip moves its files while we look.
  }
}

/**
 * Fetches wheels into a new folder and returns their paths. pip's own temporary files go there too:
 * /tmp may be small.
 */
export async function download(name, requirements, tags, { onStart, environment, progress }) {
  if (!fs.existsSync(venvPython))
    throw new SetupError(
      `${name} would have to be downloaded, but a folder that was unpacked from a bundle has no pip.`,
      'Make a bundle that holds it (`npm run bundle -- --help`).',
    );
  const folder = path.join(temporary, name);
  const scratch = path.join(folder, 'tmp');
  fs.mkdirSync(scratch, { recursive: true });
  const watch = setInterval(() => progress.update(`downloading ${name}, ${megabytes(bytesIn(scratch))}`), 500);
  const words = [
    '-m',
    'pip',
    'download',
    '--no-input',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
    '--no-deps',
    '--only-binary=:all:',
  ];
  const target = [
    '--python-version',
    WHEEL_PYTHON,
    '--implementation',
    'cp',
    ...tags.flatMap((tag) => ['--platform', tag]),
  ];
  try {
    await runQuietly(venvPython, [...words, ...target, '--dest', folder, ...requirements], {
      log: `download-${name}`,
      env: { ...environment, TMPDIR: scratch, PIP_USER: '0' },
      onStart,
    });
  } finally {
    clearInterval(watch);
  }
  return fs.readdirSync(folder).filter((file) => file.endsWith('.whl')).map((file) => path.join(folder, file));
}

/**
 * Unpacks the members of a wheel that match the patterns (see unpack.py), and deletes the wheel.
 * @param {string} wheel
 * @param {string} folder
 * @param {string[]} patterns
 */
export async function unpack(wheel, folder, patterns, { onStart, environment, progress }) {
  progress.update(`unpacking ${path.basename(wheel).split('-')[0]}`);
  await runQuietly(venvPython, [fromRoot('setup', 'unpack.py'), wheel, folder, ...patterns], {
    log: 'unpack',
    env: environment,
    onStart,
  });
  fs.rmSync(wheel);
}
