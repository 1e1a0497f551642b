/**
 * One work measured: the sides take turns in rounds, and every round runs each side after every
 * other one equally often.
 */
import { Side } from './protocol';
import type { Reference, Work } from './works';

export interface Measured {
  name: string;
  version: string;
  /** One median a round; none where time is not compared. */
  milliseconds: number[];
  /** See `Ready.peak`. */
  peakBytes: number;
}

export interface WorkResult {
  work: string;
  title: string;
  ours: Measured;
  references: (Measured & Pick<Reference, 'target' | 'memoryTarget'>)[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Throws unless both sides did the same work: their numbers agree within `loosened` times the tolerance. */
function checkSame(work: Work, ours: Side, other: Side, loosened: number): void {
  const [a, b] = [ours.ready.check, other.ready.check];
  const same =
    a.length === b.length &&
    a.every((value, i) => Math.abs(value - b[i]) <= loosened * work.tolerance * Math.max(1e-3, Math.abs(b[i])));
  if (!same)
    throw new Error(
      `${work.title}: ours and ${other.name} do not do the same work, they ` +
        `return [${a.join(', ')}] and [${b.join(', ')}]`,
    );
}

/**
 * @param commands how our side and each reference are started
 * @param loosened factor of the work's tolerance: on a GPU with TF32 sums differ by more
 * @param onRound called after each round with the number of rounds done
 */
export async function measure(
  work: Work,
  commands: { ours: string[]; references: string[][] },
  options: { rounds: number; environment: NodeJS.ProcessEnv; loosened: number; onRound(done: number): void },
): Promise<WorkResult> {
  const { rounds, environment, loosened, onRound } = options;
  const ours = new Side('ours', commands.ours, environment);
  const others = work.references.map(({ name }, i) => new Side(name, commands.references[i], environment));
  const sides = [ours, ...others];
  try {
    for (const side of sides) await side.start();
    for (const other of others) checkSame(work, ours, other, loosened);
    // The second run is often slow too: memory is still growing
    if (work.runs > 0) for (const side of sides) await side.run(work.runs);
    const times = new Map(sides.map((side): [Side, number[]] => [side, []]));
    for (let round = 0; round < rounds && work.runs > 0; round++) {
      for (let i = 0; i < sides.length; i++) {
        const side = sides[(i + round) % sides.length];
        times.get(side)!.push(median(await side.run(work.runs)));
      }
      onRound(round + 1);
    }
    const measured = (side: Side): Measured => ({
      name: side.name,
      version: side.ready.version,
      milliseconds: times.get(side)!,
      peakBytes: side.ready.peak,
    });
    const references = work.references.map(({ target, memoryTarget }, i) => ({
      ...measured(others[i]),
      target,
      memoryTarget,
    }));
    return { work: work.name, title: work.title, ours: measured(ours), references };
  } finally {
    sides.forEach((side) => side.close());
  }
}
