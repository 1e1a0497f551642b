/**
 * What there is of a file that is not wholly here: the bytes in `<file>.part`, and in
 * `<file>.part.json` of what they are the beginning. Of two versions of a file the server's
 * validator (its ETag, or the date of the last change) tells that they differ.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';

export interface PartState {
  url: string;
  /** Bytes of the whole file, where the server says so. */
  total?: number;
  /** For If-Range. */
  validator?: string;
}

export class Part {
  readonly path: string;
  private readonly statePath: string;

  constructor(private readonly file: string) {
    this.path = `${file}.part`;
    this.statePath = `${file}.part.json`;
  }

  /** Bytes that are here. */
  size(): number {
    return existsSync(this.path) ? statSync(this.path).size : 0;
  }

  /**
   * What the bytes belong to; nothing where that is unknown, of another address, or unreadable, and
   * then they are of no use.
   */
  state(url: string): PartState | undefined {
    try {
      const state = JSON.parse(readFileSync(this.statePath, 'utf8')) as PartState;
      return state.url === url ? state : undefined;
    } catch {
      return undefined;
    }
  }

  /** Empties the part, to be filled with what `state` says. */
  async begin(state: PartState): Promise<void> {
    await writeFile(this.path, '');
    await writeFile(this.statePath, JSON.stringify(state));
  }

  async discard(): Promise<void> {
    await Promise.all([this.path, this.statePath].map((path) => rm(path, { force: true })));
  }

  /** The part is whole: it becomes the file. */
  async finish(): Promise<void> {
    await rename(this.path, this.file);
    await rm(this.statePath, { force: true });
  }
}
