/**
 * Checkpoints that survive `kill -9` at any moment.
 *
 * A checkpoint is two files, `step-00000100.safetensors` (tensors) and `step-00000100.json` (step,
 * SHA-256 of the first, the run's fingerprint). Both are written beside their final name and
 * renamed; the JSON comes last, so a checkpoint exists when its JSON does. One that fails its
 * checksum is passed over, with a warning, for the one before.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { writeAtomically } from '../core/atomic-file';
import type { Parameters } from '../core/parameters';
import { readSafetensors, writeSafetensors } from '../weights/safetensors';
import { difference } from './difference';

/** Named float32 tensors outside TensorFlow. */
export type NamedTensors = Map<string, { shape: number[]; data: Float32Array }>;

export interface Checkpoint {
  /** Steps that have been taken. */
  step: number;
  tensors: NamedTensors;
}

interface Sidecar {
  step: number;
  sha256: string;
  fingerprint: string;
  /** What the fingerprint is of, to say how another configuration differs. */
  config?: unknown;
}

/** SHA-256 of a value's JSON text: two runs with the same configuration have the same fingerprint. */
export function fingerprintOf(config: unknown): string {
  return createHash('sha256').update(JSON.stringify(config) ?? 'undefined').digest('hex').slice(0, 16);
}

/** SHA-256 of a file's bytes, in hexadecimal. */
export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of fs.createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** SHA-256 of all names, shapes and bits of `parameters`. */
export function hashOf(parameters: Parameters): string {
  const hash = createHash('sha256');
  for (const [name, { shape, data }] of parameters.read())
    hash.update(`${name} ${shape}`).update(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/** A checkpoint's file. */
const OWN_NAME = /^step-(\d{8,})\.(?:safetensors|json)$/;
/** The unfinished file that a killed `writeAtomically` left of one. */
const UNFINISHED = /^\.step-\d{8,}\.(?:safetensors|json)\.\d+\.[0-9a-f]+\.tmp$/;

/** The checkpoints of one run in one folder, the last `keep` of them. */
export class Checkpoints {
  constructor(
    readonly folder: string,
    private readonly fingerprint: string,
    private readonly keep = 2,
    private readonly config?: unknown,
  ) {}

  private file(step: number, extension: string): string {
    return path.join(this.folder, `step-${String(step).padStart(8, '0')}.${extension}`);
  }

  /** Steps with a complete checkpoint, newest first. */
  private steps(): number[] {
    if (!fs.existsSync(this.folder)) return [];
    const names = fs.readdirSync(this.folder).map((name) => /^step-(\d{8,})\.json$/.exec(name));
    return names.flatMap((match) => (match ? [Number(match[1])] : [])).sort((a, b) => b - a);
  }

  async save({ step, tensors }: Checkpoint): Promise<void> {
    fs.mkdirSync(this.folder, { recursive: true });
    await writeSafetensors(this.file(step, 'safetensors'), tensors);
    const sidecar: Sidecar = {
      step,
      sha256: await sha256(this.file(step, 'safetensors')),
      fingerprint: this.fingerprint,
      config: this.config,
    };
    await writeAtomically(this.file(step, 'json'), async (file) => file.writeFile(JSON.stringify(sidecar)));
    this.removeAllBut(this.steps().slice(0, this.keep));
  }

  /**
   * Removes the checkpoints of all but the kept steps, parts of interrupted writes included. Files
   * of other names are the user's, and stay.
   */
  private removeAllBut(kept: number[]): void {
    if (!fs.existsSync(this.folder)) return;
    for (const name of fs.readdirSync(this.folder)) {
      const step = OWN_NAME.exec(name)?.[1];
      const superseded = step !== undefined && !kept.includes(Number(step));
      if (superseded || UNFINISHED.test(name)) fs.rmSync(path.join(this.folder, name), { force: true });
    }
  }

  /**
   * The newest checkpoint whose checksum holds, or undefined.
   * @throws Error if it belongs to a run with another configuration.
   */
  async latest(): Promise<Checkpoint | undefined> {
    for (const step of this.steps()) {
      const sidecar = await this.intact(step);
      if (!sidecar) {
        process.emitWarning(
          `${this.file(step, 'safetensors')} or the JSON beside it is damaged: going ` +
            'on from the checkpoint before it, if there is one',
        );
        continue;
      }
      if (sidecar.fingerprint !== this.fingerprint)
        throw new Error(
          `${this.folder} holds a run with another configuration${this.how(sidecar)}: choose ` +
            'another folder, or start again without resuming',
        );
      const stored = await readSafetensors(this.file(step, 'safetensors'));
      return {
        step,
        tensors: new Map([...stored].map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }])),
      };
    }
    return undefined;
  }

  /** In which field a stored configuration differs, in parentheses, where that is known. */
  private how({ config }: Sidecar): string {
    if (this.config === undefined) return '';
    if (config === undefined) return ' (of a version of this program that did not store it)';
    const field = difference(config, this.config);
    return field ? ` (${field})` : '';
  }

  /** What the JSON of a checkpoint says, if both files can be read and the checksum holds. */
  private async intact(step: number): Promise<Sidecar | undefined> {
    try {
      const sidecar = JSON.parse(fs.readFileSync(this.file(step, 'json'), 'utf8')) as Sidecar;
      return sidecar.step === step && (await sha256(this.file(step, 'safetensors'))) === sidecar.sha256
        ? sidecar
        : undefined;
    } catch {
      return undefined;
    }
  }

  /** Forgets every checkpoint, to start again. */
  clear(): void {
    this.removeAllBut([]);
  }
}
