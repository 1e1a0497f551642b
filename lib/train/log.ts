/**
 * What a run leaves behind while it goes on: one JSON line a record, and TensorBoard summaries
 * beside it.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeError } from '../core/disk';
import { tf } from '../tf';

/** One training step's numbers. */
export interface StepRecord {
  step: number;
  /** Every part of the loss by name, `loss` being their weighted total. */
  losses: Record<string, number>;
  learningRate: number;
  /** L2 norm of all gradients before clipping. */
  gradientNorm?: number;
  imagesPerSecond: number;
  /** Milliseconds of the step, waiting for data included. */
  milliseconds: number;
  /** AP on held-out pictures, from 0 to 1, of a step after which it was measured. */
  heldOut?: number;
}

/**
 * TensorFlow keeps one writer a folder for the life of the process: a folder it writes to must not
 * be removed.
 */
const openSummaries = new Set<string>();

/**
 * Appends records to `log.jsonl` of a run's folder. A resumed run first drops the records past its
 * checkpoint.
 */
export class RunLog {
  private readonly file: string;
  private readonly handle: number;
  private readonly summary: ReturnType<typeof tf.node.summaryFileWriter>;

  /** @param resumedAt steps that were taken before; with 0 an earlier run's log and summaries go. */
  constructor(folder: string, resumedAt: number) {
    fs.mkdirSync(folder, { recursive: true });
    this.file = path.join(folder, 'log.jsonl');
    const kept = readLog(folder).filter((record) => record.step < resumedAt);
    try {
      fs.writeFileSync(`${this.file}.tmp`, kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
      fs.renameSync(`${this.file}.tmp`, this.file);
    } catch (error) {
      throw writeError(error, this.file);
    }
    this.handle = fs.openSync(this.file, 'a');
    const summaries = path.join(folder, 'tensorboard');
    if (resumedAt === 0 && !openSummaries.has(summaries)) fs.rmSync(summaries, { recursive: true, force: true });
    openSummaries.add(summaries);
    this.summary = tf.node.summaryFileWriter(summaries);
  }

  write(record: StepRecord): void {
    try {
      fs.writeSync(this.handle, `${JSON.stringify(record)}\n`);
    } catch (error) {
      throw writeError(error, this.file);
    }
    for (const [name, value] of Object.entries(record.losses)) this.summary.scalar(`loss/${name}`, value, record.step);
    this.summary.scalar('learning rate', record.learningRate, record.step);
    this.summary.scalar('images per second', record.imagesPerSecond, record.step);
  }

  close(): void {
    this.summary.flush();
    fs.closeSync(this.handle);
  }
}

/** The records of a run's folder; a last line cut off by a kill is left out. */
export function readLog(folder: string): StepRecord[] {
  const file = path.join(folder, 'log.jsonl');
  if (!fs.existsSync(file)) return [];
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as StepRecord];
    } catch {
      return [];
    }
  });
}
