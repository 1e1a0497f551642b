/**
 * Seeded random numbers: the same seed gives the same sequence on every machine, and `fork` gives
 * independent sequences by name, so that adding a consumer never shifts another one's numbers.
 */

/** 32-bit FNV-1a hash of a string. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** sfc32, a small fast counter generator with 128 bits of state. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;
  private spare: number | undefined;

  constructor(private readonly seed: number | string) {
    const text = String(seed);
    [this.a, this.b, this.c] = [hash(`a${text}`), hash(`b${text}`), hash(`c${text}`)];
    for (let i = 0; i < 15; i++) this.next();
  }

  /**
   * An independent generator that depends on this one's seed and `label` only, not on how far this
   * one has run.
   */
  fork(label: number | string): Random {
    return new Random(`${this.seed}/${label}`);
  }

  /** Uniform in [0, 1), 32 bits. */
  next(): number {
    const t = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return (t >>> 0) / 4294967296;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Uniform integer in [0, n). */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** Standard normal (Box-Muller). */
  normal(): number {
    if (this.spare !== undefined) {
      const value = this.spare;
      this.spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const angle = 2 * Math.PI * this.next();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /**
   * Poisson with the given mean, by inversion: time grows with the mean, which should stay below
   * some hundreds.
   */
  poisson(mean: number): number {
    let rest = this.next();
    let count = 0;
    for (let probability = Math.exp(-mean); rest >= probability; probability *= mean / count) {
      rest -= probability;
      count++;
    }
    return count;
  }

  /** `n` normal numbers with the given mean and deviation. */
  normals(n: number, mean = 0, deviation = 1): Float32Array {
    const values = new Float32Array(n);
    for (let i = 0; i < n; i++) values[i] = mean + deviation * this.normal();
    return values;
  }

  /** A new array with the items of `items` in random order (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [result[i], result[j]] = [result[j], result[i]];
    }
    return result;
  }

  /** One item. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)];
  }
}
