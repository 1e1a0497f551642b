/**
 * A whole distillation step: RetinaNet-R50 teaches RetinaNet-R18 in profile `released`, every part
 * as in stage 2.
 */
import { createProjections, liveFeatures, Parameters, project, Teacher } from 'freekd';
import { distillationLoss } from '../../../lib/dist/distill/distill-student';
import { ReleasedPrompt } from '../../../lib/dist/freekd/released-prompt';
import type { Task } from '../side';
import { configs, fill, network, steps, targets } from './detector';
import { TOKENS, tokenNumbers } from './frequency-loss';

export function prepare(): Task {
  const student = network(configs.r18);
  const teacher = new Teacher(network(configs.r50), student.strides.map(() => 1));
  const projections = createProjections(student.strides.length, 256, 256, 0);
  fill(projections);
  const parameters = new Parameters();
  const released = student.strides.map(
    (_, level) => new ReleasedPrompt({ channels: 256, tokens: TOKENS, parameters, name: `${level}` }),
  );
  parameters.load(
    new Map(parameters.all().map(({ name, shape }, level) => [name, { shape, data: tokenNumbers(level) }])),
  );
  const side = { teacher, features: liveFeatures(teacher), frequency: { parameters, released } };
  const objects = targets();
  return steps({ student: student.parameters, projections }, (pictures) => {
    const pyramid = student.pyramid(pictures, true);
    const outputs = student.head(pyramid, true);
    const { classification, box } = student.loss(outputs, objects);
    const task = { classification: { value: classification, weight: 1 }, box: { value: box, weight: 1 } };
    const batch = { images: pictures, targets: objects, origins: [] };
    return {
      ...task,
      ...distillationLoss(
        { released: { frequency: 1, mse: 5, regression: 1 } },
        side,
        batch,
        project(projections, pyramid),
        outputs,
      ),
    };
  });
}
