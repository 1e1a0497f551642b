/** The random problems of test/golden/evaluation.py, from the same integers in the same order. */
import type { CocoAnnotation, CocoDetection, CocoInstances } from '../../lib/dist/coco/types';

/**
 * Integers that Python and TypeScript agree on: a multiplicative generator, state below 2^31,
 * products below 2^53.
 */
export class Hash {
  private state: number;

  constructor(seed: number) {
    this.state = seed * 7919 + 1;
  }

  below(n: number): number {
    this.state = (this.state * 48271) % 2147483647;
    return (this.state >> 8) % n;
  }
}

export function problem(seed: number): { truth: CocoInstances; detections: CocoDetection[] } {
  const h = new Hash(seed);
  const images = 1 + h.below(8);
  const categories = 1 + h.below(4);
  const perImage = 1 + h.below(12);
  const crowding = h.below(3);
  const reach = [40, 120, 400][h.below(3)];
  const fewScores = h.below(2) === 0;
  const perTruth = [1, 3, 40][h.below(3)];
  const firstId = h.below(3);
  const annotations: CocoAnnotation[] = [];
  const detections: CocoDetection[] = [];
  const score = () => (fewScores ? h.below(11) / 10 : h.below(1024) / 1024);
  for (let i = 0; i < images; i++) {
    const image = 10 * (1 + i);
    if (h.below(5) === 0) {
      if (h.below(2) === 0) detections.push({ image_id: image, category_id: 3, bbox: [1, 2, 30, 40], score: score() });
      continue;
    }
    for (let n = h.below(perImage) + 1; n > 0; n--) {
      const category = 3 * (1 + (h.below(3) === 0 ? 0 : h.below(categories)));
      const box: CocoAnnotation['bbox'] = [
        h.below(1600) / 4,
        h.below(1200) / 4,
        h.below(4 * reach) / 4,
        h.below(4 * reach) / 4,
      ];
      const crowd = crowding > 0 && h.below(Math.floor(8 / crowding)) === 0 ? 1 : 0;
      const area = h.below(12) === 0 ? [32 * 32, 96 * 96][h.below(2)] : (box[2] * box[3] * (4 + h.below(5))) / 8;
      if (h.below(20) !== 0) {
        annotations.push({
          id: firstId + annotations.length,
          image_id: image,
          category_id: category,
          bbox: box,
          area,
          iscrowd: crowd,
        });
      }
      for (let m = h.below(perTruth + 1); m > 0; m--) {
        const spread = 1 + h.below(24);
        const near = box.map((side) => side + (h.below(2 * spread + 1) - spread) / 4) as CocoAnnotation['bbox'];
        const label = h.below(10) === 0 ? 3 * (1 + h.below(categories)) : category;
        detections.push({ image_id: image, category_id: label, bbox: h.below(6) === 0 ? box : near, score: score() });
      }
    }
  }
  return {
    truth: {
      images: Array.from({ length: images }, (_, i) => ({
        id: 10 * (images - i),
        file_name: `${i}.jpg`,
        width: 640,
        height: 480,
      })),
      categories: Array.from({ length: categories }, (_, k) => ({ id: 3 * (categories - k), name: `c${k}` })),
      annotations,
    },
    detections,
  };
}
