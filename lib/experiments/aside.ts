/**
 * Finished work is never deleted: what a new run would replace is moved into `before-1/`,
 * `before-2/`, ... of the same folder, one for each session that replaces something.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';

export class Aside {
  /** `before-N`, once something was moved there. */
  private folder: string | undefined;

  /** @param out where results and, below `runs/`, logs and checkpoints lie */
  constructor(private readonly out: string) {}

  /**
   * Moves what there is of `names`, paths below `out`.
   * @returns the folder that holds it now; undefined where there was nothing
   */
  move(names: readonly string[]): string | undefined {
    const there = names.filter((name) => fs.existsSync(path.join(this.out, name)));
    if (there.length === 0) return undefined;
    const folder = (this.folder ??= this.free());
    for (const name of there) {
      const target = this.unused(path.join(folder, name));
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.renameSync(path.join(this.out, name), target);
    }
    return folder;
  }

  private free(): string {
    return this.unused(path.join(this.out, 'before'), 1);
  }

  /** `place` itself where nothing is there, else with the first number that is free behind it. */
  private unused(place: string, first = 0): string {
    for (let n = first; ; n++) {
      const candidate = n === 0 ? place : `${place}-${n}`;
      if (!fs.existsSync(candidate)) return candidate;
    }
  }
}
