/**
 * Which of a file's names are the model's. Frameworks put a state dict below names of their own:
 * "state_dict.", "model.", "module.", "state_dict.module.", "architecture.", "ema_state_dict.".
 * Every beginning that occurs is tried, and the one counts that gives most of our parameters.
 */
import type { NameMap } from './names';

/** Names below one beginning, as one map reads them. */
export interface Reading {
  /** What stands before the model's own names: "" or ending in ".". */
  prefix: string;
  /** By the index of the map among those that were tried. */
  map: number;
  /** Parameters of ours, in whatever shape, and the name in the file. */
  given: Map<string, string>;
  /** Those in the right shape. */
  fitting: number;
  /** Names in the file for parameters that we lack. */
  unexpected: string[];
}

/** What stands before a model's names has few parts; names with more dots are tried no further. */
const MOST_PARTS = 8;

/** An average of weights beside the plain ones, or the teacher of a student. */
const isSecond = ({ prefix }: Reading): boolean =>
  prefix.split('.').some((part) => /(^|_)(ema|swa|averaged?|teacher)(_|$)/i.test(part));

const nothing = (prefix: string, map: number): Reading => ({
  prefix,
  map,
  given: new Map(),
  fitting: 0,
  unexpected: [],
});

/**
 * The reading that gives most parameters in the right shape, then in any shape, then names of the
 * kind; of equals the one with the shortest prefix. An average (EMA) or a teacher is taken only where
 * the plain weights have less than half of its parameters.
 * @param names of the file
 * @param maps in the order of preference
 * @param fits whether the tensor called `theirs` has the shape of our parameter; undefined where we
 *   have none of that name
 */
export function bestReading(
  names: Iterable<string>,
  maps: readonly NameMap[],
  fits: (ours: string, theirs: string) => boolean | undefined,
): Reading {
  const readings = new Map<string, Reading>();
  for (const theirs of names)
    for (let part = 0, start = 0; part < MOST_PARTS && start >= 0; part++) {
      maps.forEach((map, index) => {
        const ours = map(theirs.slice(start));
        if (ours === undefined) return;
        const prefix = theirs.slice(0, start);
        const key = `${index} ${prefix}`;
        const reading = readings.get(key) ?? nothing(prefix, index);
        readings.set(key, reading);
        const fit = fits(ours, theirs);
        if (fit === undefined || reading.given.has(ours)) reading.unexpected.push(theirs);
        else {
          reading.given.set(ours, theirs);
          if (fit) reading.fitting++;
        }
      });
      const dot = theirs.indexOf('.', start);
      start = dot < 0 ? -1 : dot + 1;
    }
  const all = [...readings.values()].sort(
    (a, b) =>
      b.fitting - a.fitting ||
      b.given.size - a.given.size ||
      a.unexpected.length - b.unexpected.length ||
      a.prefix.length - b.prefix.length ||
      a.map - b.map ||
      (a.prefix < b.prefix ? -1 : 1),
  );
  const [best] = all;
  const first = all.find((reading) => !isSecond(reading));
  if (!best) return nothing('', 0);
  return first && 2 * first.fitting >= best.fitting && 2 * first.given.size >= best.given.size ? first : best;
}
