/**
 * What reading a pickle may take: a few bytes of a file can ask for gigabytes of objects, so
 * everything that the file has made is counted before it is made, in bytes as V8 takes them.
 */

/** Measured with Node 22, rounded up; a list counts with the room that its first entry makes. */
export const COST = {
  slot: 16, list: 160, tuple: 48, map: 208, entry: 64, text: 32, bytes: 120, object: 160,
};

/** Of objects, whatever the size of the file: the pickles of large detectors take 2 MiB. */
const ALLOWED = 1 << 28;

export class PickleMemory {
  private left: number;

  /** @param bytes of the pickle, whose texts and numbers come on top: read, and decoded */
  constructor(bytes: number) {
    this.left = ALLOWED + 2 * bytes;
  }

  take(bytes: number): void {
    this.left -= bytes;
    if (this.left < 0) throw new Error('it asks for too much memory: its objects would take more than 256 MiB');
  }
}
