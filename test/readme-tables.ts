/**
 * The result tables of the README, made from the result files. `npx tsx test/readme-tables.ts` writes them into it:
 *
 *   <!-- results emoji-scenes --> ... <!-- end -->                     all variants of one folder of data/results
 *   <!-- paired emoji-scenes emoji-scenes-long --> ... <!-- end -->    a row a folder, FreeKD against feature MSE
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { comparisonTable, pairedTable, readResults, type RunResult } from 'freekd';

const root = join(__dirname, '..');
export const readmeFile = join(root, 'README.md');

function resultsOf(name: string): RunResult[] {
  const folder = join(root, 'data/results', name);
  const results = existsSync(folder) ? readResults(folder) : [];
  if (!results.length) throw new Error(`README.md asks for the results of ${folder}, which has no result file`);
  return results;
}

const tables: Record<string, (names: string[]) => string> = {
  results([name]) {
    const results = resultsOf(name);
    return comparisonTable(results, results[0].teacher, results[0].data);
  },
  paired: (names) => pairedTable(names.map(resultsOf), ['student', 'mse', 'freekd'], ['freekd', 'mse']),
};

/** The README with its tables made anew. */
export function withTables(readme: string): string {
  return readme.replace(/(<!-- (results|paired) (.+?) -->\n)[\s\S]*?(<!-- end -->)/g, (_, head: string, kind: string, names: string, end: string) => `${head}${tables[kind](names.split(' '))}\n${end}`);
}

if (require.main === module) writeFileSync(readmeFile, withTables(readFileSync(readmeFile, 'utf8')));
