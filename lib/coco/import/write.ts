/** A set in COCO's layout, written beside its place and then put there as a whole. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeError } from '../../core/disk';
import type { CocoInstances } from '../types';
import type { SplitName } from './source';

export interface WrittenSet {
  pictures: readonly { file: string; name: string; split: SplitName }[];
  splits: ReadonlyMap<SplitName, CocoInstances>;
  /** Goes into `import.json`. */
  summary: unknown;
}

/** @param to a folder that is empty or not there */
export function writeSet(to: string, { pictures, splits, summary }: WrittenSet, copy: boolean): void {
  const parent = path.dirname(path.resolve(to));
  let made: string | undefined;
  try {
    fs.mkdirSync(parent, { recursive: true });
    made = fs.mkdtempSync(path.join(parent, `.${path.basename(to)}-`));
    fs.chmodSync(made, 0o755); // as mkdir makes others
    const folder = made;
    const write = (file: string, value: unknown): void =>
      fs.writeFileSync(path.join(folder, file), `${JSON.stringify(value, null, 1)}\n`);
    fs.mkdirSync(path.join(folder, 'annotations'));
    for (const [split, instances] of splits) {
      fs.mkdirSync(path.join(folder, split));
      write(`annotations/instances_${split}.json`, instances);
    }
    for (const { file, name, split } of pictures) put(fs.realpathSync(file), path.join(folder, split, name), copy);
    write('import.json', summary);
    fs.renameSync(folder, to);
  } catch (error) {
    if (made) fs.rmSync(made, { recursive: true, force: true });
    throw writeError(error, to);
  }
}

function put(from: string, to: string, copy: boolean): void {
  if (!copy)
    try {
      return fs.linkSync(from, to);
    } catch {
      // another disk, or one without links
    }
  fs.copyFileSync(from, to);
}
