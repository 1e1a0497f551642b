/**
 * A training step of RetinaNet-R18 by the real trainer, batch norm frozen as published or with the
 * batch's statistics.
 */
import { sharedLosses } from '../../../lib/dist/train/shares';
import type { Task } from '../side';
import { configs, network, SMALL, steps, targets } from './detector';

export function prepare(name: string): Task {
  const { r18 } = configs;
  const model = network(
    name === 'train-batch' ? { ...r18, backbone: { ...r18.backbone, norm: 'batch', frozenStages: -1 } } : r18,
  );
  const objects = targets(SMALL);
  return steps({ student: model.parameters }, SMALL, (pictures) => {
    const losses = model.loss(model.head(model.pyramid(pictures, true), { training: true }), objects);
    return sharedLosses(losses);
  });
}
