/** The league as a table, and the sentence that follows from it. */
import { leagueControl, standingsOf, type Standing } from '../runs/standings';
import type { RunResult } from '../runs/results';
import { variantTitles, type Variant } from '../runs/variants';
import { intervalText } from './differences';
import { percentText, pipeTable } from './text-table';

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
const rangeText = ([low, high]: readonly [number, number]): string =>
  Number.isNaN(low) ? '-' : `${signed(low)} to ${signed(high)}`;

/** Three decimals; below them that it is below. */
export function probability(p: number | undefined): string {
  if (p === undefined || Number.isNaN(p)) return '-';
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

function cellsOf({ title, seeds, mean, deviation, against }: Standing): string[] {
  const own = [title, String(seeds), percentText(mean, deviation)];
  if (!against) return [...own, '-', '-', '-', '-', '-', '-'];
  const { bootstrap, p, adjusted, ahead, seeds: common, reading } = against;
  return [
    ...own,
    intervalText(against),
    rangeText(bootstrap),
    `${ahead} of ${common}`,
    probability(p),
    probability(adjusted),
    reading,
  ];
}

const namesOf = (standings: readonly Standing[]): string =>
  standings.map(({ title, against }) => `${title} (${intervalText(against!)})`).join(', ') || 'none';

/** What the table allows one to say. */
export function leagueSentence(standings: readonly Standing[]): string {
  const compared = standings.filter(({ against }) => against?.adjusted !== undefined);
  if (!compared.length) return 'No loss has two seeds in common with feature MSE yet.';
  const read = (reading: string): Standing[] => compared.filter(({ against }) => against!.reading === reading);
  const [ahead, behind, open] = ['gain', 'loss', 'could be chance'].map(read);
  const seeds = [...new Set(compared.map(({ against }) => against!.seeds))].sort((a, b) => a - b);
  const losses = compared.length === 1 ? 'one loss' : `${compared.length} losses`;
  return (
    `Of ${losses} compared with ${variantTitles[leagueControl]} on ${seeds.join(' to ')} equal seeds, ` +
    `after Holm's correction at 5 %: ahead ${namesOf(ahead)}; behind ${namesOf(behind)}; ` +
    `could be chance ${open.length ? open.map(({ title }) => title).join(', ') : 'none'}.`
  );
}

/**
 * Table and sentence of the results of one set of pictures.
 * @param losses those that take part; of each without a result the table says that it was not run
 */
export function leagueTable(results: readonly RunResult[], losses: readonly Variant[] = []): string {
  const standings = standingsOf(results);
  const missing = losses.filter((name) => !results.some(({ variant }) => variant === name));
  const control = `minus ${variantTitles[leagueControl]}`;
  const header = ['loss', 'seeds', 'AP', control, 'bootstrap', 'ahead', 'p', "p, Holm's", 'reading'];
  const rows = [
    ...standings.map(cellsOf),
    ...missing.map((name) => [variantTitles[name], 'not run', ...header.slice(2).map(() => '-')]),
  ];
  return (
    `${results[0]?.data ?? 'no run is recorded'}: COCO box AP in percent, mean ± deviation over seeds. Differences: ` +
    "seed by seed, mean ± half Student's 95 % interval, and the bootstrap's interval.\n\n" +
    `${pipeTable(header, rows)}\n\n${leagueSentence(standings)}`
  );
}
