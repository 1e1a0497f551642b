/**
 * The result tables of README.md and data/README.md, made from the result files. `npx tsx
 * test/readme-tables.ts` writes them:
 *
 *   <!-- results emoji-scenes --> ... <!-- end -->                     all variants of one folder of data/results
 *   <!-- paired emoji-scenes emoji-scenes-long --> ... <!-- end -->    a row a folder, FreeKD against feature MSE
 *   <!-- league league/emoji-scenes --> ... <!-- end -->               the league of one folder
 *   <!-- trials league/tuning --> ... <!-- end -->                     a row a loss, a column a factor of its weights
 *   <!-- spending emoji-scenes --> ... <!-- end -->                    where losses are spent, in a sentence
 *   <!-- tuning tuning --> ... <!-- end -->                            a row a weight and length, a column a seed
 *   <!-- bench bench --> ... <!-- end -->                              a row a comparison of `npm run bench`
 *   <!-- device bench-h100 --> ... <!-- end -->                        the same on a device that has no targets
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  comparisonTable,
  leagueProtocol,
  leagueTable,
  pairedTable,
  pipeTable,
  readResults,
  readSpending,
  spendingSentence,
  variantTitles,
  type Distillation,
  type RunResult,
} from 'freekd';
import { readBench } from './bench/results';
import { aloneRows, benchRows } from './bench/table';

const root = join(__dirname, '..');
export const readmeFiles = ['README.md', 'data/README.md'].map((name) => join(root, name));

function resultsOf(name: string): RunResult[] {
  const folder = join(root, 'data/results', name);
  const results = existsSync(folder) ? readResults(folder) : [];
  if (!results.length) throw new Error(`README.md asks for the results of ${folder}, which has no result file`);
  return results;
}

/** AP by weight of the distillation loss; the folders below `name` are one weight each. */
function tuningTable(name: string): string {
  const runs = readdirSync(join(root, 'data/results', name)).flatMap((folder) => resultsOf(join(name, folder)));
  const seeds = [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b);
  const weightOf = ({ config }: RunResult): number => {
    const { mse, freekd } = (config as { distillation: Distillation }).distillation;
    return mse ?? freekd!.mu;
  };
  const groups = new Map<string, RunResult[]>();
  for (const run of runs) {
    const key = `${run.variant} ${run.steps} ${weightOf(run)}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const ordered = [...groups.values()].sort(
    ([a], [b]) => b.variant.localeCompare(a.variant) || a.steps - b.steps || weightOf(a) - weightOf(b),
  );
  const rows = ordered.map((group) => {
    const values = seeds.map((seed) => group.find((run) => run.seed === seed)?.metrics.AP);
    const known = values.filter((value) => value !== undefined);
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    return [
      variantTitles[group[0].variant],
      String(group[0].steps),
      String(weightOf(group[0])),
      ...values.map((value) => value?.toFixed(1) ?? '-'),
      mean.toFixed(1),
    ];
  });
  return pipeTable(['loss', 'steps', 'weight', ...seeds.map((seed) => `AP, seed ${seed}`), 'mean'], rows);
}

/** The trials of the league: AP over the tuning seeds by factor of the weights, the highest in bold. */
function trialsTable(name: string): string {
  const results = resultsOf(name);
  const losses = [...new Set(results.map(({ variant }) => variant.replace(/-trial-\d+$/, '')))];
  const rows = losses.map((loss) => {
    const means = leagueProtocol.factors.map((_, trial) => {
      const values = results.filter(({ variant }) => variant === `${loss}-trial-${trial + 1}`);
      return values.length ? values.reduce((sum, { metrics }) => sum + metrics.AP, 0) / values.length : NaN;
    });
    const best = means.indexOf(Math.max(...means.filter((value) => !Number.isNaN(value))));
    const cells = means.map((value) => (Number.isNaN(value) ? '-' : value.toFixed(1)));
    return [variantTitles[loss], ...cells.map((cell, at) => (at === best ? `**${cell}**` : cell))];
  });
  return pipeTable(['loss', ...leagueProtocol.factors.map((factor) => `weights x ${factor}`)], rows);
}

/** The comparisons, and what is measured alone. */
function benchTables(name: string): string {
  const found = readBench(join(root, 'data/results', name));
  if (!found.works.length)
    throw new Error(`README.md asks for the benchmark in data/results/${name}, which has no result file`);
  return `${pipeTable(...benchRows(found.works))}\n\n${pipeTable(...aloneRows(found))}`;
}

/** The comparisons on a device that no target was set for. */
function deviceTable(name: string): string {
  const [header, rows] = benchRows(readBench(join(root, 'data/results', name)).works);
  if (!rows.length) throw new Error(`README.md asks for data/results/${name}, which has no result file`);
  return pipeTable(header.slice(0, -1), rows.map((row) => row.slice(0, -1)));
}

const tables: Record<string, (names: string[]) => string> = {
  results([name]) {
    const results = resultsOf(name);
    return comparisonTable(results, results[0].teacher, results[0].data);
  },
  paired: (names) => pairedTable(names.map(resultsOf), ['student', 'mse', 'freekd'], ['freekd', 'mse']),
  league: ([name]) => leagueTable(resultsOf(name)),
  spending: ([name]) => spendingSentence(readSpending(join(root, 'data/results', name, 'spending.json'))),
  tuning: ([name]) => tuningTable(name),
  trials: ([name]) => trialsTable(name),
  bench: ([name]) => benchTables(name),
  device: ([name]) => deviceTable(name),
};

/** A README's text with its tables made anew. */
export function withTables(readme: string): string {
  return readme.replace(
    /(<!-- (results|paired|league|spending|tuning|trials|bench|device) (.+?) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, head: string, kind: string, names: string, end: string) => `${head}${tables[kind](names.split(' '))}\n${end}`,
  );
}

if (require.main === module)
  for (const file of readmeFiles) writeFileSync(file, withTables(readFileSync(file, 'utf8')));
