/**
 * A training step of each family but RetinaNet, ResNet-18 with frozen batch norm, by the real
 * trainer. The sampler takes the first of either kind, as the reference's does, so that both sides
 * do the same work.
 */
import { FasterRcnn, fasterRcnnR50, Fcos, fcosR50, RepPoints, repPointsR50, resnet18, type Detector } from 'freekd';
import { sharedLosses } from '../../../lib/dist/train/shares';
import { fcosNumbers, fill, firstOf, regionNumbers, repPointsNumbers } from '../../detection/golden';
import type { Task } from '../side';
import { SMALL, steps, targets } from './detector';

const { levels } = fasterRcnnR50.backbone;

const detectors: Record<string, () => { model: Detector; numbers: typeof fcosNumbers }> = {
  'train-fcos': () => ({
    model: new Fcos({ ...fcosR50, input: undefined, backbone: resnet18 }),
    numbers: fcosNumbers,
  }),
  'train-faster-rcnn': () => ({
    model: new FasterRcnn({ ...fasterRcnnR50, backbone: { ...resnet18, levels } }, { choose: firstOf }),
    numbers: regionNumbers,
  }),
  'train-reppoints': () => ({
    model: new RepPoints({ ...repPointsR50, backbone: resnet18 }),
    numbers: repPointsNumbers,
  }),
};

export function prepare(name: string): Task {
  const { model, numbers } = detectors[name]();
  fill(model, numbers);
  const objects = targets(SMALL);
  return steps({ student: model.parameters }, SMALL, (pictures) => {
    const outputs = model.head(model.pyramid(pictures, true), { training: true });
    return sharedLosses(model.loss(outputs, objects));
  });
}
