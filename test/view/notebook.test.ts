import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { curvesOf, liveHtml } from '../../lib/dist/view/live';
import { liveTraining, showChart, showPicture, showTable } from '../../lib/dist/view/notebook';
import { apBars } from '../../lib/dist/view/charts';
import { metrics, twoSeeds } from './fixture';

const record = (step: number, loss: number) => ({
  step,
  losses: { loss, box: loss / 2 },
  learningRate: 1e-3,
  imagesPerSecond: 40,
  milliseconds: 200,
});

test('outside a notebook every display says so', () => {
  for (const show of [
    () => showChart(apBars(twoSeeds, metrics(45))),
    () => showPicture(new Uint8Array(1)),
    () => showTable({ columns: [], values: [] }),
    () => liveTraining('x', 1),
  ])
    assert.throws(show, /notebook cell of the tslab kernel/);
});

test('live training overwrites one display about once a second and keeps the end', () => {
  const shown: string[] = [];
  let now = 0;
  const clock = mock.method(performance, 'now', () => now);
  try {
    const live = liveTraining('a run', 100, 0, { html: (text) => shown.push(text) });
    for (let step = 0; step < 50; step++) {
      now += 100;
      live.onStep(record(step, 2 / (1 + step)));
    }
    assert.equal(shown.length, 1 + 5);
    assert.match(shown[5], /50\/100, 0:05 left/);
    assert.match(shown[5], /box 0\.020/);
    assert.match(shown[5], /<polyline/);
    live.update(100);
    assert.match(shown[shown.length - 1], /100\/100, done/);
    live.stop();
  } finally {
    clock.mock.restore();
  }
});

test('the remaining time of a resumed run counts from where it went on', () => {
  let now = 0;
  const clock = mock.method(performance, 'now', () => now);
  try {
    const shown: string[] = [];
    const live = liveTraining('resumed', 100, 90, { html: (text) => shown.push(text) });
    assert.match(shown[0], /90\/100, -:-- left/);
    now = 5000;
    live.update(95, '| note <1>', { loss: 0.5 });
    assert.match(shown[1], /95\/100, 0:05 left/);
    assert.match(shown[1], />note &lt;1&gt;</);
  } finally {
    clock.mock.restore();
  }
});

test('a long run draws at most some hundred points', () => {
  const losses = Array.from({ length: 10_000 }, (_, i) => 1 + 1 / (1 + i));
  const html = liveHtml({ title: 't', done: 5, total: 10, note: '', curves: { loss: losses } });
  assert.ok(html.length < 5000, String(html.length));
  assert.ok(!html.includes('NaN'));
});

test('stage 1 shows the detection loss and the dissimilarity apart, smoothed over a tenth of the steps', () => {
  const drawn = curvesOf({ loss: 1.75, classification: 0.5, box: 0.25, dissimilarity: 1 });
  assert.deepEqual(drawn, { 'detection loss': 0.75, dissimilarity: 1 });
  assert.deepEqual(curvesOf({ loss: 2, classification: 0.5 }), { loss: 2 });
  const noisy = Array.from({ length: 100 }, (_, i) => (i % 2 ? 1 : 3));
  const state = { title: 't', done: 100, total: 100, note: '' };
  const html = liveHtml({ ...state, curves: { 'detection loss': noisy, dissimilarity: noisy } });
  assert.match(html, /detection loss \(log scale\).*>2\.00<.*dissimilarity \(log scale\).*>2\.00</);
  assert.equal(html.match(/<polyline/g)!.length, 4);
});
