/**
 * Colours of charts are told apart by readers who lack one kind of cones, on white and on dark
 * pages.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { converter, differenceCiede2000, parse, wcagContrast, type Rgb } from 'culori';
import { ownColors } from '../../lib/dist/runs/looks';
import { variantRow, variants } from '../../lib/dist/runs/variants';
import { detectorColors, detectorLook, lookAt, seedChannels } from '../../lib/dist/view/theme';

/**
 * On linear RGB, at full severity: Machado, Oliveira and Fernandes, "A Physiologically-based Model
 * for Simulation of Color Vision Deficiency", 2009.
 */
const visions = {
  'all cones': [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

/**
 * CIEDE2000. 1 is the least difference that is seen on large fields side by side; marks of 7 pixels
 * (a third of a degree) need 7 to 14 units of Lab (Stone, Szafir and Setlur, "An Engineering Model
 * for Color Difference as a Function of Size", 2014).
 */
const LEAST = 12;
/** Where a shape or a dash tells the two apart as well: the lower end of what marks need. */
const LEAST_WITH_SHAPE = 7;
const peers = variants.filter((name) => variantRow(name).peer);

const toLinear = converter('lrgb');
const distance = differenceCiede2000();

function seen(color: string, m: readonly number[]): { mode: 'lrgb'; r: number; g: number; b: number } {
  const { r, g, b } = toLinear(parse(color) as Rgb);
  const row = (i: number): number => Math.min(1, Math.max(0, m[i] * r + m[i + 1] * g + m[i + 2] * b));
  return { mode: 'lrgb', r: row(0), g: row(3), b: row(6) };
}

/** The least distance of two colours in any vision, and who they are. */
function nearest(colors: Record<string, string>): { distance: number; what: string } {
  const names = Object.keys(colors);
  const all = Object.entries(visions).flatMap(([vision, matrix]) =>
    names.flatMap((a, i) =>
      names.slice(0, i).map((b) => ({
        distance: distance(seen(colors[a], matrix), seen(colors[b], matrix)),
        what: `${a} and ${b}, ${vision}`,
      })),
    ),
  );
  return all.reduce((least, pair) => (pair.distance < least.distance ? pair : least));
}

test('the measure finds what was wrong: the former blue and violet are one colour without green cones', () => {
  const found = nearest({ mse: '#3d8fd8', prompt: '#8f78dc', relation: '#b59a1f' });
  assert.ok(found.distance < 1, `${found.distance}`);
  assert.equal(found.what, 'prompt and mse, deuteranopia');
});

test(`any two detectors of the paper are ${LEAST} or more apart in CIEDE2000, whatever cones a reader has`, () => {
  const own = Object.fromEntries(Object.entries(detectorColors).filter(([name]) => !peers.includes(name)));
  const { distance, what } = nearest(own);
  assert.ok(distance >= LEAST, `${what}: ${distance.toFixed(1)}`);
});

test(`losses of others and of one's own are ${LEAST_WITH_SHAPE} or more apart from all, in another shape or dash`, () => {
  const colors = { ...detectorColors, ...Object.fromEntries(ownColors.map((color) => [color, color])) };
  const { distance, what } = nearest(colors);
  assert.ok(distance >= LEAST_WITH_SHAPE, `${what}: ${distance.toFixed(1)}`);
});

test('every colour has 3 to 1 against a white and a dark page, what WCAG 2 asks of graphics', () => {
  for (const [name, color] of [...Object.entries(detectorColors), ...ownColors.entries()])
    for (const page of ['#ffffff', '#14171b', '#111111'])
      assert.ok(wcagContrast(color, page) >= 2.995, `${name} on ${page}: ${wcagContrast(color, page).toFixed(2)}`);
});

test('what a colour tells, a shape and a dash tell too', () => {
  const looksOf = (names: readonly string[]) => names.map((name) => detectorLook(name));
  const looks = looksOf(['teacher', ...variants.filter((name) => !peers.includes(name))]);
  assert.equal(new Set(looks.map(({ shape }) => shape)).size, looks.length);
  assert.equal(new Set(looks.map(({ dash }) => dash.join())).size, looks.length);
  const all = looksOf(['teacher', ...variants]);
  assert.equal(new Set(all.map(({ shape, dash }) => `${shape} ${dash}`)).size, all.length);
  assert.deepEqual(detectorLook('freekd'), lookAt(0, detectorColors.freekd));
  const { color, shape, strokeDash } = seedChannels([3, 1, 2, 1]);
  for (const { scale } of [color, shape, strokeDash]) {
    assert.deepEqual(scale.domain, [1, 2, 3]);
    assert.equal(new Set(scale.range.map(String)).size, 3);
  }
});
