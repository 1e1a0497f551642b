/**
 * One side of a benchmark is a process that stays: it prepares its task once and works when it is
 * told to, so that the sides can take turns.
 *
 *   it says   @{"check": [what the first run returned, to be compared with the other
 *                     side's], "peak": bytes, "version": "..."}
 *   "run 3"   @{"milliseconds": [three numbers]}
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Ready {
  check: number[];
  /**
   * Bytes by which the resident memory rose in the first run, one-time buffers of the libraries
   * included; 0 where the system does not tell. On a GPU: by which the card's memory in use rose.
   */
  peak: number;
  version: string;
}

export class Side {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private stderr = '';
  ready!: Ready;

  constructor(readonly name: string, command: readonly string[], environment: NodeJS.ProcessEnv) {
    const [program, ...words] = command;
    this.child = spawn(program, words, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stderr!.on('data', (data: Buffer) => (this.stderr = (this.stderr + data.toString()).slice(-4000)));
    this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  async start(): Promise<void> {
    this.ready = await this.answer();
  }

  /** The next line that starts with "@"; the others are the program's own talk. */
  private async answer<T>(): Promise<T> {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error(`the side "${this.name}" ended:\n${this.stderr}`);
      if (value.startsWith('@')) return JSON.parse(value.slice(1)) as T;
    }
  }

  /** Milliseconds of `count` runs, one after the other. */
  async run(count: number): Promise<number[]> {
    this.child.stdin!.write(`run ${count}\n`);
    return (await this.answer<{ milliseconds: number[] }>()).milliseconds;
  }

  close(): void {
    this.child.stdin!.end();
    this.child.kill();
  }
}
