/** Detectors, pictures and runs so small that a training step takes milliseconds. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { OnResNet } from '../../lib/dist/backbone/resnet';
import type { RetinaNetConfig } from '../../lib/dist/detection/retinanet';
import { Random } from '../../lib/dist/core/random';

export { hashOf } from '../../lib/dist/train/checkpoint';

/** Two pyramid levels, of 8x8 and 4x4 on pictures of 64x64. */
export function tinyModel(width: number): OnResNet<RetinaNetConfig> {
  return {
    classes: 2,
    backbone: {
      block: 'basic',
      blocks: [1, 1, 1],
      widths: [width, width, width],
      stem: { kernel: 3, channels: width, pool: false },
      norm: 'batch',
      frozenStages: -1,
      levels: [3, 4],
    },
    neck: { channels: width, extraLevels: 0 },
    head: { convs: 1, channels: width, norm: { groups: 4 } },
    anchors: { baseScale: 2.5, scalesPerOctave: 1, ratios: [1] },
    assign: { positive: 0.5, negative: 0.4 },
    loss: { focal: { alpha: 0.25, gamma: 2 }, box: { beta: 0 } },
  };
}
export const tinyTeacher = tinyModel(12);
export const tinyStudent = tinyModel(8);

const folders: string[] = [];
process.once('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A new temporary folder, removed when the process ends. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'freekd-test-'));
  folders.push(folder);
  return folder;
}

const CATEGORIES = [{ id: 3, name: 'disc' }, { id: 7, name: 'square' }];

/**
 * Writes noisy 64x64 pictures of one coloured disc or square each, splits train and val, in COCO's
 * layout.
 */
export async function writePictures(counts: { train: number; val: number } = { train: 8, val: 4 }): Promise<string> {
  const folder = temporary();
  mkdirSync(join(folder, 'annotations'));
  for (const split of ['train', 'val'] as const) {
    mkdirSync(join(folder, split));
    const images = Array.from({ length: counts[split] }, (_, i) => ({
      id: i + 1,
      file_name: `${i + 1}.png`,
      width: 64,
      height: 64,
    }));
    const annotations = [];
    for (const { id, file_name } of images) {
      const random = new Random(`${split}${id}`);
      const [size, x, y] = [16 + 4 * (id % 4), Math.floor(random.uniform(2, 30)), Math.floor(random.uniform(2, 30))];
      const disc = id % 2 === 1;
      const inside = (i: number, j: number): boolean =>
        disc
          ? Math.hypot(i - x - size / 2, j - y - size / 2) < size / 2
          : i >= x && i < x + size && j >= y && j < y + size;
      const pixels = Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => {
        const [channel, i, j] = [at % 3, Math.floor(at / 3) % 64, Math.floor(at / 192)];
        const base = inside(i, j) ? (channel === (disc ? 0 : 2) ? 230 : 30) : 110;
        return base + random.uniform(-20, 20);
      });
      writeFileSync(
        join(folder, split, file_name),
        await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
          .png()
          .toBuffer(),
      );
      annotations.push({
        id,
        image_id: id,
        category_id: disc ? 3 : 7,
        bbox: [x, y, size, size],
        area: size * size,
        iscrowd: 0,
      });
    }
    writeFileSync(
      join(folder, 'annotations', `instances_${split}.json`),
      JSON.stringify({ images, annotations, categories: CATEGORIES }),
    );
  }
  return folder;
}
