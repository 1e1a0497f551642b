/**
 * `npm run reproduce -- --corruptions`: the detectors of a run on COCO-C, that is, on the
 * validation pictures under each corruption and severity. Every AP is saved when it is there, so
 * that a stopped run loses one at the most. Training never sees a corruption.
 */
import { availableParallelism } from 'node:os';
import { corruptionNames, SEVERITIES, type CorruptionName } from '../coco/corruptions/corrupt';
import { firstPictures, type CocoDataset } from '../coco/dataset';
import { createLoader, type LoaderOptions } from '../coco/loader';
import type { CorruptedAP } from '../coco/robustness';
import type { Detector } from '../detection/detector';
import { evaluateDetector } from '../distill/evaluate';
import { fingerprintOf } from '../train/checkpoint';
import { Stopped, stopStatus } from '../train/stop';
import { corruptionFile, readCorruptions, saveCorruptions, type CorruptionResult } from '../runs/corruption-results';
import { provenance } from '../runs/results';
import type { Session } from './session';

export interface CorruptionPlan {
  names: readonly CorruptionName[];
  severities: readonly number[];
  /** The first so many validation pictures; all by default. */
  pictures?: number;
  /** The reference's frost pictures (see coco/corruptions/frost.ts). */
  frostFolder?: string;
}

/** Whose AP is measured, and everything that decides its weights. */
export interface Subject {
  detector: CorruptionResult['detector'];
  look?: CorruptionResult['look'];
  seed?: number;
  config: unknown;
}

const SEED = 0; // of the corruptions

/** `a,b` as names of corruptions; all of them where nothing is said. */
export function corruptionList(text: string): CorruptionName[] {
  const chosen = text.split(',').map((word) => {
    const found = corruptionNames.find((name) => name === word.trim());
    if (!found) throw new Error(`"${word}" is none of ${corruptionNames.join(', ')}.`);
    return found;
  });
  return corruptionNames.filter((name) => chosen.includes(name));
}

/** `1,3,5` as severities. */
export function severityList(text: string): number[] {
  const chosen = text.split(',').map(Number);
  const wrong = chosen.find((severity) => !SEVERITIES.some((known) => known === severity));
  if (wrong !== undefined) throw new Error(`severities are whole numbers from 1 to 5, not "${text}".`);
  return SEVERITIES.filter((severity) => chosen.includes(severity));
}

export class CorruptionRuns {
  private readonly pictures: CocoDataset;

  constructor(
    private readonly session: Session,
    private readonly plan: CorruptionPlan,
  ) {
    this.pictures = plan.pictures === undefined ? session.val : firstPictures(session.val, plan.pictures);
  }

  private fingerprint(config: unknown): string {
    const { size, antialias } = this.session.options.experiment;
    return fingerprintOf([config, this.pictures.instances, size, antialias, SEED, this.plan.frostFolder !== undefined]);
  }

  /** What is known of a detector; nothing where its file is of other weights or pictures. */
  private known({ detector, seed, config }: Subject): CorruptionResult | undefined {
    const found = readCorruptions(corruptionFile(this.session.options.out, detector, seed));
    return found?.fingerprint === this.fingerprint(config) ? found : undefined;
  }

  private missing(result: CorruptionResult | undefined): { name: CorruptionName; severity: number }[] {
    const all = this.plan.names.flatMap((name) => this.plan.severities.map((severity) => ({ name, severity })));
    return all.filter(
      ({ name, severity }) => !result?.measured.some((one) => one.name === name && one.severity === severity),
    );
  }

  /** Whether everything that is asked for has been measured. */
  isComplete(subject: Subject): boolean {
    return this.missing(this.known(subject)).length === 0;
  }

  /** Measures what is missing. */
  async measure(subject: Subject, model: Detector): Promise<void> {
    const { experiment, out, root, signal, progress, goOn } = this.session.options;
    const { detector, look, seed, config } = subject;
    let result: CorruptionResult = this.known(subject) ?? {
      format: 1,
      experiment: experiment.name,
      data: experiment.title,
      detector,
      ...(look && { look }),
      ...(seed !== undefined && { seed }),
      pictures: this.pictures.images.length,
      frost: this.plan.frostFolder === undefined ? 'own panes' : 'photographs of imagecorruptions',
      fingerprint: this.fingerprint(config),
      clean: await this.evaluate(model),
      measured: [],
      ...provenance(root),
    };
    const todo = this.missing(result);
    const display = progress(`${detector}${seed === undefined ? '' : `, seed ${seed}`}: corruptions`, todo.length);
    try {
      for (const [done, { name, severity }] of todo.entries()) {
        if (signal?.aborted)
          throw new Stopped(`stopped before ${name}, severity ${severity}; ${goOn}`, stopStatus(signal));
        const AP = await this.evaluate(model, { name, severity, seed: SEED, frostFolder: this.plan.frostFolder });
        result = { ...result, measured: [...result.measured, { name, severity, AP }], ...provenance(root) };
        await saveCorruptions(out, result);
        display.update(done + 1, `| ${name} ${severity}: ${AP.toFixed(1)} AP`);
      }
    } finally {
      display.stop();
    }
  }

  /** AP in percent. */
  private async evaluate(model: Detector, corruption?: LoaderOptions['corruption']): Promise<number> {
    const { experiment, signal } = this.session.options;
    const { size, antialias, student } = experiment;
    const loader = createLoader(this.pictures, {
      ...student.model.input,
      size,
      antialias,
      corruption,
      cache: 'none',
      batch: 'width' in size ? 10 : 1,
      workers: Math.min(8, availableParallelism()),
    });
    try {
      return (await evaluateDetector(model, this.pictures, loader, undefined, signal)).metrics.AP;
    } finally {
      await loader.close();
    }
  }

  /** What is known of the subjects, all measured: what was asked for of it. */
  results(subjects: readonly Subject[]): CorruptionResult[] {
    const { names, severities } = this.plan;
    const asked = ({ name, severity }: CorruptedAP): boolean => names.includes(name) && severities.includes(severity);
    return subjects
      .flatMap((subject) => this.known(subject) ?? [])
      .map((result) => ({ ...result, measured: result.measured.filter(asked) }));
  }
}
