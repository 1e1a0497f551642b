/** The JSON files that `npm run bench` keeps, a file a work. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { provenance } from '../../lib/dist/runs/results';
import type { InputRate } from './input';
import type { WorkResult } from './rounds';
import type { SetUpTime } from './set-up';
import type { Steadiness } from './steadiness';
import { works } from './works';

type Stored<T> = T & ReturnType<typeof provenance>;

export interface BenchResults {
  /** In the order of `works`. */
  works: Stored<WorkResult & { rounds: number; threads: number }>[];
  input?: Stored<InputRate>;
  steadiness?: Stored<Steadiness>;
  setUp?: Stored<SetUpTime>;
}

/** What a folder holds of the works named; of all by default. */
export function readBench(folder: string, names?: readonly string[]): BenchResults {
  const read = <T>(name: string): Stored<T> | undefined => {
    const file = join(folder, `${name}.json`);
    if (!existsSync(file) || (names && !names.includes(name))) return undefined;
    return JSON.parse(readFileSync(file, 'utf8')) as Stored<T>;
  };
  const found = works.flatMap(({ name }) => read<WorkResult & { rounds: number; threads: number }>(name) ?? []);
  return {
    works: found,
    input: read<InputRate>('input'),
    steadiness: read<Steadiness>('steadiness'),
    setUp: read<SetUpTime>('set-up'),
  };
}
