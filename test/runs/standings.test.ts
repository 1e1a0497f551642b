/** The league's table from results: pairs, corrected p values, what may be said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leagueSentence, leagueTable, placesOf, placesTable, standingsOf } from 'freekd';
import { result } from '../view/fixture';

/** APs on seeds 201, 202, ... */
const runs = (variant: string, ...APs: number[]) => APs.map((AP, i) => result(variant, 201 + i, AP));
const mse = runs('mse', 20, 22, 21, 23, 20);
const ahead = runs('fgd', 22, 24.1, 23, 25.2, 22.1);
const behind = runs('cwd', 19, 20.9, 20, 22.1, 19);
/** Student's p is 0.025: alone it would be a gain. */
const nearly = runs('mgd', 21, 22.2, 22.3, 23.4, 20.6);
const student = runs('student', 10, 12, 11, 13, 11);

test('a loss is ahead only where its p value stays below 5 % after the correction', () => {
  const readings = (...all: ReturnType<typeof runs>[]) =>
    Object.fromEntries(standingsOf(all.flat()).map(({ variant, against }) => [variant, against?.reading]));
  assert.deepEqual(readings(mse, nearly), { mgd: 'gain', mse: undefined });
  const chance = ['pkd', 'cankd'].map((name) => runs(name, 20, 22.3, 20.9, 23.1, 19.8));
  assert.deepEqual(readings(mse, nearly, ...chance), {
    mgd: 'could be chance',
    mse: undefined,
    pkd: 'could be chance',
    cankd: 'could be chance',
  });
  const three = readings(mse, ahead, behind, student);
  assert.deepEqual(three, { fgd: 'gain', mse: undefined, cwd: 'loss', student: 'loss' });
});

test('the student alone and a loss of one seed are shown, and are not counted among the comparisons', () => {
  const alone = standingsOf([...mse, ...ahead]).find(({ variant }) => variant === 'fgd')!.against!;
  const all = standingsOf([...mse, ...ahead, ...student, ...runs('pkd', 30)]);
  const of = (name: string) => all.find(({ variant }) => variant === name)!.against!;
  assert.equal(of('fgd').adjusted, alone.p);
  assert.deepEqual([of('student').adjusted, of('pkd').adjusted, of('pkd').reading], [undefined, undefined, 'one seed']);
  assert.deepEqual(all.map(({ variant }) => variant), ['pkd', 'fgd', 'mse', 'student']);
  const { bootstrap, mean, margin } = of('fgd');
  assert.ok(bootstrap[0] > mean - margin && bootstrap[1] < mean + margin && bootstrap[0] < mean && mean < bootstrap[1]);
});

test('the table has a row a variant, and the sentence says of each loss what may be said', () => {
  const table = leagueTable([...mse, ...ahead, ...behind, ...nearly, ...student]);
  assert.equal(table.match(/^\| /gm)!.length, 7);
  const row = 'FGD | 5 | 23.3 ± 1.4 | +2.08 ± 0.10 | +2.02 to +2.14 | 5 of 5 | < 0.001 | < 0.001 | gain |';
  assert.ok(table.replace(/ +/g, ' ').includes(row), table);
  assert.match(table, /\| student alone .* \| +- \| +loss \|/);
  assert.equal(
    leagueSentence(standingsOf([...mse, ...ahead, ...behind, ...nearly])),
    "Of 3 losses compared with feature MSE on 5 equal seeds, after Holm's correction at 5 %: " +
      'ahead FGD (+2.08 ± 0.10), MGD (+0.70 ± 0.56); behind CWD (−1.00 ± 0.09); could be chance none.',
  );
  const missing = leagueTable(mse, ['mse', 'pkd']).replace(/ +/g, ' ');
  assert.ok(missing.includes('| PKD | not run | - | - |') && !missing.includes('feature MSE | not run'), missing);
  assert.match(leagueTable([], ['mse']), /^no run is recorded: [^]*feature MSE +\| not run/);
  assert.equal(leagueSentence(standingsOf(mse)), 'No loss has two seeds in common with feature MSE yet.');
});

test('a difference in several places is corrected for their number', () => {
  const of = (data: string, ...APs: number[]) =>
    [...mse.slice(0, 3), ...runs('freekd', ...APs)].map((run) => ({ ...run, data: `${data} (made up)` }));
  const places = placesOf([of('here', 21, 23.1, 22), of('there', 22, 25, 22.5), mse], 'freekd', 'mse');
  assert.deepEqual(places.map(({ name }) => name), ['here', 'there'], 'the third has no FreeKD');
  const rows = placesTable(places).replace(/ +/g, ' ').split('\n').slice(2);
  assert.deepEqual(rows, [
    '| here | +1.03 ± 0.14 | 3 of 3 | 0.001 | gain | 0.002 | gain |',
    '| there | +2.17 ± 1.90 | 3 of 3 | 0.039 | gain | 0.039 | gain |',
  ]);
  const four = placesOf(
    [...Array.from({ length: 3 }, () => of('there', 22, 25, 22.5)), of('x', 20, 22, 21)],
    'freekd',
    'mse',
  );
  assert.match(placesTable(four), /0\.039 +\| +gain +\| +0\.156 +\| +could be chance/);
});
