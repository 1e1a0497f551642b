/**
 * What a finished step left behind: the key of what it was made from and every file with its size.
 * A step need not run again while its key is the same and its files are still all there in their
 * sizes; more files may have joined them.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** @param {...(string | Buffer)} parts */
export function hash(...parts) {
  const sum = crypto.createHash('sha256');
  for (const part of parts) sum.update(part).update('\0');
  return sum.digest('hex').slice(0, 32);
}

/**
 * Every file under the given files and folders with its size; a symbolic link counts -1.
 * @param {string} root paths are kept relative to it
 * @param {string[]} places
 * @param {(file: string) => boolean} [ignore]
 * @returns {Record<string, number>}
 */
export function listFiles(root, places, ignore = () => false) {
  /** @type {Record<string, number>} */
  const files = {};
  const walk = (relative) => {
    if (ignore(relative)) return;
    const absolute = path.join(root, relative);
    const stat = fs.lstatSync(absolute, { throwIfNoEntry: false });
    if (!stat) return;
    if (!stat.isDirectory()) files[relative] = stat.isSymbolicLink() ? -1 : stat.size;
    else for (const name of fs.readdirSync(absolute)) walk(`${relative}/${name}`);
  };
  for (const place of places) walk(place);
  return files;
}

/**
 * The first recorded file that is missing or has another size; null if all are well.
 * @param {string} root
 * @param {Record<string, number>} files
 */
export function firstDamaged(root, files) {
  for (const [relative, size] of Object.entries(files)) {
    // statSync follows a link: one whose target is gone counts as missing.
    const stat = fs.statSync(path.join(root, relative), { throwIfNoEntry: false });
    if (!stat || (size >= 0 && stat.size !== size)) return relative;
  }
  return null;
}

/**
 * @returns {{ key: string, time: number, files: Record<string, number>, result?: unknown } | null}
 * null if there is none, or half of one
 */
export function readStamp(folder, name) {
  try {
    const stamp = JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`), 'utf8'));
    return typeof stamp.key === 'string' && stamp.files ? stamp : null;
  } catch {
    return null;
  }
}

export function writeStamp(folder, name, stamp) {
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}.json`);
  fs.writeFileSync(`${file}.new`, JSON.stringify({ ...stamp, time: Date.now() }));
  fs.renameSync(`${file}.new`, file);
}

export function removeStamp(folder, name) {
  fs.rmSync(path.join(folder, `${name}.json`), { force: true });
}
