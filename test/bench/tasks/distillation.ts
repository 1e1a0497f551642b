/**
 * A whole distillation step in profile `released`, every part as in stage 2: RetinaNet-R50 teaches
 * RetinaNet-R18 on small pictures, or R101 teaches R50 on one of COCO's size.
 */
import { createProjections, createPromptState, liveFeatures, Teacher } from 'freekd';
import { headsOf, imitatedIn } from '../../../lib/dist/distill/distill-student';
import { activeImitations, createImitations } from '../../../lib/dist/distill/imitations/index';
import { sharedLosses } from '../../../lib/dist/train/shares';
import type { Task } from '../side';
import { configs, fill, LARGE, network, SMALL, steps, targets } from './detector';
import { TOKENS, tokenNumbers } from './frequency-loss';

export function prepare(name: string): Task {
  const large = name === 'memory-distillation';
  const size = large ? LARGE : SMALL;
  const student = network(large ? configs.r50 : configs.r18);
  const teacher = new Teacher(network(large ? configs.r101 : configs.r50), student.strides.map(() => 1));
  const projections = createProjections(student.strides.length, 256, 256, 0);
  fill(projections);
  const prompt = createPromptState(student.strides.length, 256, { profile: 'released', tokens: TOKENS }, 0);
  const { parameters } = prompt;
  parameters.load(
    new Map(parameters.all().map(({ name, shape }, level) => [name, { shape, data: tokenNumbers(level) }])),
  );
  const side = { teacher, features: liveFeatures(teacher), prompt };
  const asked = activeImitations({ released: { frequency: 1, mse: 5, regression: 1 } });
  const imitations = createImitations(asked, { student, ...side, projections, seed: 0 });
  const objects = targets(size);
  return steps({ student: student.parameters, projections }, size, (pictures) => {
    const imitated = imitatedIn({ images: pictures, targets: objects, origins: [] }, imitations, side);
    const pyramid = student.pyramid(pictures, true);
    const outputs = student.head(pyramid, { training: true });
    const task = sharedLosses(student.loss(outputs, objects));
    const heads = headsOf(student, outputs, imitations, imitated, teacher);
    return { ...task, ...imitations.losses({ ...imitated, ...heads, step: 0, student: pyramid }) };
  });
}
