/**
 * Names in a zip are paths that somebody else chose. Only those are unpacked that mean one plain
 * file each inside the folder, on every system and beside the others.
 */
import { join } from 'node:path';

/** What a file is called until it is whole. */
export const PART = '.part';

/** Bytes of one name and of a whole path: the limits of Linux and macOS. */
const LONGEST_NAME = 255;
const LONGEST_PATH = 4095;

/**
 * @param files paths with slashes
 * @param folders of folders that the zip lists, without the slash at their end
 * @param target where they shall go
 * @throws naming the first that is no such path, or stands in the way of another one
 */
export function requireSafeNames(files: readonly string[], folders: readonly string[], target: string): void {
  for (const name of [...files, ...folders]) requireSafeName(name, target);
  const parents = new Set(folders);
  for (const name of files)
    for (let at = name.lastIndexOf('/'); at > 0 && !parents.has(name.slice(0, at)); at = name.lastIndexOf('/', at - 1))
      parents.add(name.slice(0, at));
  const all = new Set(files);
  const byFoldedName = new Map<string, string>();
  for (const name of files) {
    if (parents.has(name)) throw new Error(`${shown(name)} is a file and a folder`);
    if (all.has(name + PART)) throw new Error(`${shown(name)} and ${shown(name + PART)} cannot both be unpacked`);
  }
  for (const name of [...files, ...parents]) {
    const folded = name.normalize('NFC').toLowerCase();
    const other = byFoldedName.get(folded);
    if (other !== undefined && other !== name)
      throw new Error(`${shown(other)} and ${shown(name)} are one file where upper and lower case are not told apart`);
    byFoldedName.set(folded, name);
  }
}

function requireSafeName(name: string, target: string): void {
  const segments = name.split('/');
  if (/[\0-\x1f\\]/.test(name) || /^[a-z]:/i.test(name) || segments.some((part) => /^\.{0,2}$/.test(part)))
    throw new Error(`${shown(name)} is no path inside a folder`);
  const long =
    segments.some((part) => Buffer.byteLength(part + PART) > LONGEST_NAME) ||
    Buffer.byteLength(join(target, name) + PART) > LONGEST_PATH;
  if (long) throw new Error(`the name ${shown(name)} is too long`);
}

/** Control characters escaped, and no more of a name than a line. */
const shown = (name: string): string => {
  const quoted = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}...` : name);
  return quoted.slice(1, -1);
};
