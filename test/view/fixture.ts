/** Made-up results and a small data set on disk, for everything that draws. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import sharp from 'sharp';
import { openCoco, type CocoDataset } from '../../lib/dist/coco/dataset';
import type { CocoAnnotation, CocoDetection } from '../../lib/dist/coco/types';
import type { Variant } from '../../lib/dist/runs/variants';
import type { RunResult } from '../../lib/dist/runs/results';

/** Metrics around an AP; small objects are missing, as in data without any. */
export function metrics(AP: number): RunResult['metrics'] {
  return { AP, AP50: AP + 20, AP75: AP + 1, APs: -1, APm: AP + 3, APl: AP + 15 };
}

export function result(variant: Variant, seed: number, AP: number): RunResult {
  const curve = Array.from({ length: 12 }, (_, i) => {
    const losses = { classification: 1 / (1 + i), box: 0.5 / (1 + i), freekd: 2 / (3 + i) };
    return {
      step: 10 * i,
      losses: { loss: losses.classification + losses.box, ...losses },
      learningRate: 1e-3,
      imagesPerSecond: 40,
      milliseconds: 200,
    };
  });
  return {
    format: 1,
    experiment: 'made-up',
    data: 'made-up data',
    variant,
    seed,
    config: { seed, note: '<b>&' },
    metrics: metrics(AP),
    perCategory: [
      { name: 'cat', ap: AP },
      { name: 'dog', ap: AP - 5 },
      { name: 'bird', ap: -1 },
    ],
    teacher: metrics(45),
    steps: 120,
    millisecondsPerStep: 200 + seed,
    curve,
    machine: { cpu: 'a processor', cores: 2, threads: 'default', memoryGB: 8, platform: 'linux x64' },
    versions: { node: 'v20.0.0', tensorflow: '2.21.0', tfjs: '4.22.0' },
    commit: '0123456789ab',
    date: '2026-01-02T03:04:05.000Z',
    command: `npm run reproduce -- --seeds 2 # ${variant}`,
  };
}

export const twoSeeds: RunResult[] = [
  result('student', 1, 30),
  result('student', 2, 31),
  result('freekd', 1, 36),
  result('freekd', 2, 38),
];

const annotation = (
  id: number,
  image_id: number,
  category_id: number,
  bbox: CocoAnnotation['bbox'],
  iscrowd: 0 | 1 = 0,
): CocoAnnotation => ({
  id,
  image_id,
  category_id,
  bbox,
  area: bbox[2] * bbox[3],
  iscrowd,
});

/** Two grey pictures of 64 x 48 in a new folder, which the caller removes. */
export async function smallDataset(): Promise<{ folder: string; dataset: CocoDataset; detections: CocoDetection[] }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'freekd-view-'));
  const images = [1, 2].map((id) => ({ id, file_name: `${id}.png`, width: 64, height: 48 }));
  const annotations = [
    annotation(1, 1, 1, [4, 20, 20, 20]),
    annotation(2, 1, 2, [36, 22, 20, 20]),
    annotation(3, 2, 1, [10, 20, 30, 20]),
    annotation(4, 2, 2, [0, 0, 60, 10], 1),
  ];
  const categories = [{ id: 1, name: 'cat' }, { id: 2, name: 'dog' }];
  fs.mkdirSync(path.join(folder, 'annotations'));
  fs.mkdirSync(path.join(folder, 'val'));
  fs.writeFileSync(
    path.join(folder, 'annotations/instances_val.json'),
    JSON.stringify({ images, annotations, categories }),
  );
  for (const { file_name, width, height } of images)
    await sharp({ create: { width, height, channels: 3, background: '#808080' } })
      .png()
      .toFile(path.join(folder, 'val', file_name));
  const detections: CocoDetection[] = [
    { image_id: 1, category_id: 1, bbox: [5, 21, 20, 20], score: 0.9 },
    { image_id: 1, category_id: 1, bbox: [36, 22, 20, 20], score: 0.8 },
    { image_id: 1, category_id: 2, bbox: [36, 22, 20, 20], score: 0.1 },
    { image_id: 2, category_id: 2, bbox: [5, 1, 10, 8], score: 0.7 },
  ];
  return { folder, dataset: openCoco(folder, 'val'), detections };
}
