/** A loss of one's own as a variant: what it may say, what it is called, and when it is another one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emojiScenes } from '../../lib/dist/experiments/experiment';
import { compareVariants, lookOf, variantsIn } from '../../lib/dist/runs/looks';
import { ownVariant, rowOf } from '../../lib/dist/runs/own-loss';
import { variantRow, variants, variantTitles } from '../../lib/dist/runs/variants';

const losses = () => ({});
const sourceOf = (loss: unknown, text?: string): string =>
  ownVariant(loss, text).distillation(emojiScenes).own!.text;

test('what is wrong with a loss is said in one sentence', () => {
  const cases: [unknown, RegExp][] = [
    [{ losses }, /^name: is missing$/],
    [{ name: 'Mine!', losses }, /^name must be lower-case letters, digits and dashes, is "Mine!"$/],
    ...['mse', 'teacher', 'prompt-paper', 'cwd'].map((name): [unknown, RegExp] => [
      { name, losses },
      /^the name "[a-z-]+" is taken: choose another$/,
    ]),
    [{ name: 'mine', lossess: losses }, /^there is no field "lossess" \(did you mean "losses"\?\); there are name, /],
    [{ name: 'mine', colour: '#ffffff', losses }, /^there is no field "colour" \(did you mean "color"\?\)/],
    [{ name: 'mine', color: 'red', losses }, /^color: must be a colour as "#d7376a", is "red"$/],
    [{ name: 'mine', losses: 3 }, /^losses: must be a function, is 3$/],
    [{ name: 'mine', prompt: 'mine', losses }, /^prompt: must be one of paper, released/],
    [{ name: 'mine' }, /^there are neither losses nor create nor imitations$/],
    [{ name: 'mine', losses, create: losses }, /^there are both losses and create: leave one out$/],
    [{ name: 'mine', imitations: { mses: 5 } }, /^imitations: there is no field "mses" \(did you mean "mse"\?\)/],
  ];
  for (const [loss, expected] of cases) assert.throws(() => ownVariant(loss), { message: expected });
});

test('a name of the table, a loss and a row each mean a row', () => {
  assert.equal(rowOf('mse').title, 'feature MSE');
  assert.throws(() => rowOf('mze'), /there is no variant "mze"; the nearest are mse, /);
  const row = ownVariant({ name: 'mine', losses });
  assert.equal(rowOf(row), row);
  const { name, title, color } = rowOf({ name: 'mine', losses });
  assert.deepEqual([name, title], ['mine', 'mine']);
  assert.equal(rowOf({ name: 'mine', losses }).color, color, 'its colour comes from its name');
  assert.equal(rowOf({ name: 'mine', color: '#00aaff', losses }).color, '#00aaff');
});

test('a loss is another one where its text is: that of its file, or of its functions', () => {
  const weighted = (weight: number) => ({ name: 'mine', imitations: { mse: weight } });
  assert.equal(sourceOf(weighted(1)), sourceOf(weighted(1)));
  assert.notEqual(sourceOf(weighted(1)), sourceOf(weighted(2)));
  assert.notEqual(sourceOf({ name: 'mine', losses }), sourceOf({ name: 'mine', losses: () => ({ a: 1 }) }));
  assert.equal(sourceOf({ name: 'mine', losses }), sourceOf({ name: 'mine', title: 'Mine', color: '#00aaff', losses }));
  assert.equal(sourceOf({ name: 'mine', losses }, 'a file'), sourceOf(weighted(2), 'a file'));
  const masks = (factor: number) => (bands: unknown[]) => bands.map(() => factor);
  const own = (of: object) => ({ name: 'mine', imitations: { freekd: { mu: 1, relation: false, ...of } } });
  assert.notEqual(sourceOf(own({ masks: masks(1) })), sourceOf(own({ masks: () => [] })), 'masks count too');
});

test('every row of the table has a loss with settings of the experiment', () => {
  for (const name of variants) {
    const losses = Object.entries(variantRow(name).distillation(emojiScenes));
    assert.equal(losses.length, name === 'student' ? 0 : 1, name);
    for (const [, settings] of losses) assert.ok(settings !== undefined, name);
  }
  const { cwd, pkd, mgd } = emojiScenes.weights;
  const of = (name: string): unknown => variantRow(name).distillation(emojiScenes);
  assert.deepEqual([of('cwd'), of('pkd'), of('mgd')], [{ cwd }, { pkd }, { mgd }]);
});

test('tables have the rows in their order, then losses of one’s own by name', () => {
  const look = { title: 'Mine', color: '#00aaff' };
  const runs = [
    { variant: 'zeta' },
    { variant: 'mine', look },
    { variant: 'pkd' },
    { variant: 'student' },
    { variant: 'mine', look },
  ];
  const present = variantsIn(runs);
  assert.deepEqual(present.map(({ variant }) => variant), ['student', 'pkd', 'mine', 'zeta']);
  assert.deepEqual(present.map(({ title }) => title), [variantTitles.student, 'PKD', 'Mine', 'zeta']);
  assert.equal(lookOf({ variant: 'mine', look }).color, '#00aaff');
  assert.deepEqual(lookOf({ variant: 'mse', look }), lookOf({ variant: 'mse' }), 'a row of the table has its own');
  assert.ok(compareVariants('mgd', 'a') < 0);
});
