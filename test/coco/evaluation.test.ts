/** evaluateBoxes gives pycocotools' numbers and text, and refuses what has no meaning. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { evaluateBoxes, type AreaName } from '../../lib/dist/coco/evaluation';
import { IOU_THRESHOLDS, RECALL_THRESHOLDS } from '../../lib/dist/coco/evaluation-match';
import type { CocoAnnotation, CocoDetection, CocoInstances } from '../../lib/dist/coco/types';
import { Hash, problem } from './evaluation-problem';

interface Golden {
  iouThresholds: number[];
  recallThresholds: number[];
  summary: string;
  problems: { counts: number[]; stats: number[]; summary: string[]; cells: [precision: number, recall: number][] }[];
}
const golden: Golden = JSON.parse(readFileSync(join(__dirname, '../golden/evaluation.json'), 'utf8'));
const areas: AreaName[] = ['all', 'small', 'medium', 'large'];

test('thresholds are numpy.linspace to the last bit', () => {
  assert.deepEqual(IOU_THRESHOLDS, golden.iouThresholds);
  assert.deepEqual(RECALL_THRESHOLDS, golden.recallThresholds);
});

test('random problems give pycocotools\' twelve numbers to the last bit', () => {
  golden.problems.forEach(({ counts, stats, summary, cells }, seed) => {
    const { truth, detections } = problem(seed);
    assert.deepEqual(
      [truth.annotations.length, detections.length],
      counts,
      `problem ${seed} is another one than in Python`,
    );
    const result = evaluateBoxes(truth, detections);
    assert.deepEqual(result.stats, stats, `problem ${seed}`);
    assert.deepEqual(result.summary.split('\n').map((line) => line.slice(-6)), summary, `problem ${seed}`);

    const h = new Hash(1000 + seed);
    for (const [precision, recall] of cells) {
      const [t, r, k, a] = [h.below(10), h.below(101), h.below(truth.categories.length), h.below(4)];
      const options = { iou: 0.5 + 0.05 * t, area: areas[a], category: 3 * (k + 1) };
      assert.equal(
        result.precisionRecall(options).precision[r],
        precision,
        `problem ${seed}, ${JSON.stringify(options)}`,
      );
      assert.equal(result.recall(options), recall, `problem ${seed}, ${JSON.stringify(options)}`);
    }
  });
});

test('the problems hold what they should: ties, crowds, id 0, many detections, empty categories and images', () => {
  const problems = golden.problems.map((_, seed) => problem(seed));
  const some = (holds: (truth: CocoInstances, detections: CocoDetection[]) => boolean) =>
    problems.filter(({ truth, detections }) => holds(truth, detections)).length > 2;
  assert.ok(some((_, detections) => new Set(detections.map(({ score }) => score)).size < detections.length / 10));
  assert.ok(some(({ annotations }) => annotations.some(({ iscrowd }) => iscrowd)));
  assert.ok(some(({ annotations }) => annotations.some(({ id }) => id === 0)));
  assert.ok(some(({ annotations }) => annotations.some(({ bbox }) => bbox[2] * bbox[3] === 0)));
  assert.ok(
    some(({ annotations, categories }) => categories.some((c) => annotations.every((a) => a.category_id !== c.id))),
  );
  assert.ok(some(({ annotations, images }) => images.some((i) => annotations.every((a) => a.image_id !== i.id))));
  assert.ok(some((_, detections) => {
    const perPair = new Map<string, number>();
    for (const { image_id, category_id } of detections)
      perPair.set(`${image_id} ${category_id}`, (perPair.get(`${image_id} ${category_id}`) ?? 0) + 1);
    return Math.max(...perPair.values()) > 100;
  }));
});

test('the summary is pycocotools\' text', () => {
  const { truth, detections } = problem(1);
  assert.equal(evaluateBoxes(truth, detections).summary, golden.summary);
});

test('the input is left as it was, and its order matters only among equal scores', () => {
  const { truth, detections } = problem(7);
  const distinct = detections.map((detection, i) => ({ ...detection, score: ((i * 37) % 1009) / 1009 }));
  const before = JSON.stringify([truth, distinct]);
  const { stats } = evaluateBoxes(truth, distinct);
  assert.equal(JSON.stringify([truth, distinct]), before);
  const turned = {
    images: [...truth.images].reverse(),
    categories: [...truth.categories].reverse(),
    annotations: truth.annotations,
  };
  assert.deepEqual(evaluateBoxes(turned, [...distinct].reverse()).stats, stats);
});

const image = { id: 1, file_name: '1.jpg', width: 100, height: 100 };
const one: CocoInstances = {
  images: [image],
  categories: [{ id: 5, name: 'cat' }, { id: 2, name: 'dog' }],
  annotations: [{ id: 1, image_id: 1, category_id: 5, bbox: [10, 10, 50, 50], area: 2500, iscrowd: 0 }],
};
const hit: CocoDetection = { image_id: 1, category_id: 5, bbox: [10, 10, 50, 50], score: 0.5 };

test('categories are reported one by one, absent ones with -1', () => {
  const { perCategory, stats } = evaluateBoxes(one, [hit]);
  const [dog, cat] = perCategory;
  assert.deepEqual([dog.id, dog.name, dog.count, dog.ap, dog.ar100], [2, 'dog', 0, -1, -1]);
  assert.deepEqual([cat.id, cat.name, cat.count, cat.apSmall, cat.apLarge], [5, 'cat', 1, -1, -1]);
  assert.deepEqual(
    [cat.ap, cat.ap50, cat.ap75, cat.apMedium, cat.ar1, cat.ar10, cat.ar100, cat.arMedium].map((x) => x.toFixed(9)),
    Array(8).fill('1.000000000'),
  );
  assert.deepEqual(
    stats.map((x) => x.toFixed(3)).join(' '),
    '1.000 1.000 1.000 -1.000 1.000 -1.000 1.000 1.000 1.000 -1.000 1.000 -1.000',
  );

  const random = evaluateBoxes(problem(3).truth, problem(3).detections);
  const present = random.perCategory.filter(({ ap }) => ap > -1);
  const mean = present.reduce((sum, { ap }) => sum + ap, 0) / present.length;
  assert.ok(Math.abs(mean - random.stats[0]) < 1e-12);
  assert.equal(
    random.perCategory.reduce((sum, { count }) => sum + count, 0),
    problem(3).truth.annotations.filter(({ iscrowd }) => !iscrowd).length,
  );
});

test('no detections give zeros, nothing to find gives -1', () => {
  assert.equal(evaluateBoxes(one, []).stats.join(), '0,0,0,-1,0,-1,0,0,0,-1,0,-1');
  assert.equal(evaluateBoxes({ ...one, annotations: [] }, [hit]).stats.join(), Array(12).fill(-1).join());
  assert.equal(
    evaluateBoxes({ images: [], annotations: [], categories: [] }, []).stats.join(),
    Array(12).fill(-1).join(),
  );
  assert.deepEqual(evaluateBoxes({ ...one, annotations: [] }, []).precisionRecall().precision, Array(101).fill(-1));
});

test('printed digits round as Python\'s: an exact tie goes to the even digit', () => {
  const sixteen = Array.from({ length: 16 }, (_, i) => ({
    ...one.annotations[0],
    id: i + 1,
    bbox: [0, 200 * i, 50, 50] as [number, number, number, number],
  }));
  const found = evaluateBoxes({ ...one, annotations: sixteen }, [{ ...hit, bbox: [0, 0, 50, 50] }]);
  assert.equal(found.stats[8], 1 / 16);
  assert.match(found.summary, /\(AR\) @\[ IoU=0\.50:0\.95 \| area=   all \| maxDets=100 \] = 0\.062/);
});

test('bad input is refused by name', () => {
  const refused = (truth: CocoInstances, detections: CocoDetection[], message: RegExp) =>
    assert.throws(() => evaluateBoxes(truth, detections), message);
  refused(one, [hit, { ...hit, image_id: 9 }], /detection 1: image_id 9 is not among/);
  refused(one, [{ ...hit, score: NaN }], /detection 0 \(image 1\).*score NaN/);
  refused(one, [{ ...hit, bbox: [1, 2, 3] as unknown as CocoDetection['bbox'] }], /bbox \[1,2,3\]/);
  refused({ ...one, annotations: [one.annotations[0], one.annotations[0]] }, [], /annotation id 1 occurs twice/);
  refused({ ...one, annotations: [{ ...one.annotations[0], area: Infinity }] }, [], /annotation 1:.*area Infinity/);
  const result = evaluateBoxes(one, [{ ...hit, category_id: 77 }]);
  assert.equal(result.stats[0], 0, 'an unknown category is left out, as in pycocotools');
  assert.throws(() => result.recall({ iou: 0.52 }), /iou 0.52/);
  assert.throws(() => result.recall({ category: 4 }), /category 4/);
});

test('a box over the edge counts as written, as in pycocotools', () => {
  const truth = {
    images: [{ id: 1, file_name: 'a.png', width: 100, height: 80 }],
    categories: [{ id: 1, name: 'c' }],
    annotations: [
      { id: 1, image_id: 1, category_id: 1, bbox: [10, 10, 30, 30], area: 900, iscrowd: 0 },
      { id: 2, image_id: 1, category_id: 1, bbox: [70, 40, 34, 30], area: 1020, iscrowd: 0 },
    ],
  } as CocoInstances;
  const detections: CocoDetection[] = [
    { image_id: 1, category_id: 1, bbox: [70, 40, 30, 30], score: 0.9 },
    { image_id: 1, category_id: 1, bbox: [10, 10, 30, 30], score: 0.8 },
  ];
  const { stats } = evaluateBoxes(truth, detections);
  assert.equal(stats[1], 1);

  // Fields in forms of their own; `ignore` is overlooked, as pycocotools overwrites it by iscrowd.
  const change = (fields: object): CocoInstances => ({
    ...truth,
    annotations: truth.annotations.map((row) => ({ ...row, area: undefined, ...fields }) as unknown as CocoAnnotation),
  });
  for (const fields of [{}, { area: null }, { iscrowd: false }, { iscrowd: '0' }, { ignore: 1 }])
    assert.deepEqual(evaluateBoxes(change(fields), detections).stats, stats);
  for (const iscrowd of [true, '1', 1])
    assert.equal(evaluateBoxes(change({ iscrowd }), detections).stats[1], -1);
});
