/** A detector from its config: the one switch over the families. */
import type { Detector } from './detector';
import { RetinaNet, type RetinaNetConfig } from './retinanet';

/** Told apart by `kind`. */
export type DetectorConfig = RetinaNetConfig;

/** A new detector; its parameters start from `seed`. The caller disposes it. */
export function createDetector(config: DetectorConfig, options: { seed?: number } = {}): Detector {
  const { kind = 'retinanet' } = config;
  switch (kind) {
    case 'retinanet':
      return new RetinaNet(config, options);
    default:
      throw new RangeError(`there is no detector of the kind "${String(kind satisfies never)}": it can be retinanet`);
  }
}
