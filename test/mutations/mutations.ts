/** Edits that make the library wrong in ways a test must notice; each is one place of lib/dist. */
export interface Mutation {
  /** Below lib/dist. */
  file: string;
  /** Stands in the file once. */
  from: string;
  to: string;
  /** Below test/, and the name of the test in it, or a part of it. */
  test: string;
  name: string;
}

type Edit = [from: string, to: string];
/** Edits of one file that one test notices. */
const each = (file: string, test: string, name: string, ...edits: Edit[]): Mutation[] =>
  edits.map(([from, to]) => ({ file, from, to, test, name }));

const stage1 = "is PyTorch's Adam with L2 decay, on a cosine that ends at 1e-6";

export const mutations: Mutation[] = [
  ...each(
    'distill/tune-prompt.js',
    'distill/prompt.test.ts',
    stage1,
    ['weight: lambda }', 'weight: 1 }'],
    ['weightDecay: tuning.weightDecay', 'weightDecay: 0'],
    ["kind: 'adam'", "kind: 'adamw'"],
    ['minimum: 1e-6', 'minimum: 0'],
    ["kind: 'cosine'", "kind: 'constant'"],
    ['base: tuning.learningRate', 'base: 0.01'],
    ['steps: tuning.steps }', 'steps: 2 * tuning.steps }'],
  ),
  ...each(
    'distill/prompt-state.js',
    'distill/prompt.test.ts',
    'scales the prompted maps by channel weights',
    ['level + 1', 'level'],
    ['tf_1.tf.mul(feature, omega', 'tf_1.tf.mul(map, omega'],
  ),
  ...each(
    'distill/imitations/maskd.js',
    'distill/imitations/losses.test.ts',
    'MasKD is that of PyTorch',
    ['masks.square()', 'masks'],
    ['refined ? given.mul', '!refined ? given.mul'],
  ),
  ...each(
    'distill/mask-tokens.js',
    'distill/imitations/losses.test.ts',
    'MasKD is that of PyTorch',
    ['div(h * w)', 'div(h)'],
  ),
  ...each(
    'distill/imitations/crosskd.js',
    'distill/imitations/crosskd.test.ts',
    'CrossKD is that of PyTorch: retinanet, cut after 1',
    ['tf_1.tf.mul(2, entropy)', 'entropy'],
    ['tf_1.tf.sub(1, score)', 'score'],
    ['taught[level].sides', 'sides'],
  ),
  ...each(
    'detection/tower.js',
    'distill/imitations/crosskd.test.ts',
    'CrossKD is that of PyTorch: retinanet, cut after 1',
    ['let i = from;', 'let i = 0;'],
    ['i + 1 === keepAfter', 'i === keepAfter'],
  ),
  ...each('distill/imitations/crosskd.js', 'distill/accumulate.test.ts', 'distils fcos by crosskd', [
    'share: box.share',
    'share: classification.share',
  ]),
  ...each('runs/inference.js', 'runs/inference.test.ts', "Holm's adjusted p values", ['(p.length - rank)', 'p.length']),
  ...each(
    'runs/standings.js',
    'runs/standings.test.ts',
    'the student alone and a loss of one seed are shown',
    ["variant !== 'student' && ", ''],
  ),
  ...each(
    'distill/projection.js',
    'distill/student.test.ts',
    "starts as PyTorch's Conv2d",
    ['new random_1.Random(seed)', 'new random_1.Random(0)'],
  ),
  ...each(
    'distill/learned.js',
    'distill/student.test.ts',
    "starts as PyTorch's Conv2d",
    ['1 / Math.sqrt(kh * kw * from)', 'Math.sqrt(3 / (kh * kw * from))'],
    ['random.uniform(-bound, bound)', 'random.uniform(0, bound)'],
    ['[to], uniform(to)', '[to], new Float32Array(to)'],
  ),
  ...each('distill/distill-student.js', 'distill/student.test.ts', 'clips the gradient of student and phi together', [
    '            clip,\n',
    '',
  ]),
  ...each(
    'distill/imitations/imitation.js',
    'distill/student.test.ts',
    'clips the gradient of student and phi together',
    ['teacher.channels, seed)', 'teacher.channels, 0)'],
  ),
  ...each('distill/distill-student.js', 'distill/student.test.ts', 'learns from its batches in training', [
    'const pyramid = detector.pyramid(batch.images, true)',
    'const pyramid = detector.pyramid(batch.images, false)',
  ]),
  ...each('distill/evaluate.js', 'distill/student.test.ts', 'left alone by evaluation', [
    'detector.pyramid(batch.images)',
    'detector.pyramid(batch.images, true)',
  ]),
  ...each('distill/imitations/freekd.js', 'distill/student.test.ts', 'says what is wrong with its settings', [
    'const relations = relation\n',
    'const relations = masks && relation\n',
  ]),
  ...each('distill/imitations/freekd.js', 'distill/student.test.ts', 'takes masks and channel weights only where', [
    'const prompts = masks === true ?',
    'const prompts = prompt?.prompts ? prompt.prompts : masks === true ?',
  ]),
  ...each('distill/imitations/freekd.js', 'distill/student.test.ts', 'of freekd holds the same number of tensors', [
    'weight: mu,',
    'weight: 1,',
  ]),
  ...each(
    'distill/distill-student.js',
    'distill/student.test.ts',
    'copies what fits by name and shape',
    ['student.parameters.load(inherited', 'student.parameters.load(new Map()'],
    ["what === 'neck'", 'false'],
  ),
  ...each(
    'train/schedule.js',
    'train/schedule.test.ts',
    "equals PyTorch's at every step",
    ['step >= milestone', 'step > milestone'],
    ['(1 - warmup.ratio)', '1'],
    ['minimum + ', ''],
    ['Math.PI * step) / steps', 'Math.PI * step) / (steps - 1)'],
    ['step < warmup.steps', 'step <= warmup.steps / 2'],
    ['gamma = 0.1', 'gamma = 0.5'],
  ),
  ...each('train/schedule.js', 'train/schedule.test.ts', 'is linear in the batch', [
    'rate * batch',
    'rate * Math.sqrt(batch)',
  ]),
  ...each(
    'train/optimizer.js',
    'train/optimizer.test.ts',
    'equals torch.optim at every step',
    ["=> role === 'weight' ||", '=> true ||'],
    ["kind === 'adamw' ? { decay: 0, decoupledDecay: decay }", "kind === 'adamw' ? { decay, decoupledDecay: 0 }"],
    ['beta2 = 0.999', 'beta2 = 0.99'],
  ),
  ...each('train/optimizer.js', 'train/optimizer.test.ts', 'goes on from a saved state exactly', [
    "step = entry('step', [1]).data[0]",
    'step = 0',
  ]),
  ...each('train/clip.js', 'train/optimizer.test.ts', 'equals clip_grad_norm_', ['minimum', 'maximum']),
  ...each(
    'detection/focal-loss.js',
    'detection/pieces.test.ts',
    'focal and box loss with their gradients',
    ['1 - alpha, gamma', 'alpha, gamma'],
    ['tf_1.tf.neg(slope), scale', 'slope, scale'],
    ['softplus), gamma), score', 'softplus), 1), score'],
  ),
  ...each(
    'detection/box-loss.js',
    'detection/pieces.test.ts',
    'focal and box loss with their gradients',
    ['tf_1.tf.sum(value), normalizer', 'tf_1.tf.sum(value), count'],
    ['tf_1.tf.div(slope, normalizer)', 'slope'],
  ),
  ...each('detection/retinanet/targets.js', 'detection/retinanet.test.ts', 'has the features, logits, losses', [
    'normalizer += Math.max(1, own.positives.length)',
    'normalizer += own.positives.length + 1',
  ]),
  ...each(
    'detection/assign.js',
    'detection/pieces.test.ts',
    'assignment is that of mmdet',
    ['if (overlap > best) {', 'if (overlap >= best) {'],
    ['ignored.delete(anchor);', ''],
  ),
  ...each(
    'detection/reppoints/moments.js',
    'detection/reppoints.test.ts',
    "gradients and detections are PyTorch's",
    ['TRANSFER_SHARE = 0.01', 'TRANSFER_SHARE = 1'],
    ['POINTS - 1)', 'POINTS)'],
  ),
  ...each('detection/reppoints/moments.js', 'detection/reppoints.test.ts', 'points that coincide have a finite', [
    'LEAST_VARIANCE = 1e-24',
    'LEAST_VARIANCE = 0',
  ]),
  ...each(
    'detection/reppoints/head.js',
    'detection/reppoints.test.ts',
    "gradients and detections are PyTorch's",
    ['SAMPLING_SHARE = 0.1', 'SAMPLING_SHARE = 1'],
    ['(0, operation_1.stopGradient)(initial[level])', 'initial[level]'],
  ),
  ...each(
    'detection/reppoints/network.js',
    'detection/reppoints.test.ts',
    "gradients and detections are PyTorch's",
    ["assign, this.boxes(outputs, 'initial')", "assign, this.boxes(outputs, 'refined')"],
    ['classes, refined, refined.normalizer', 'classes, refined, initial.normalizer'],
    ['normalizer, box), box[stage])', 'normalizer, box), 1)'],
    ["'corner'", "'middle'"],
  ),
  ...each(
    'detection/reppoints/targets.js',
    'detection/reppoints.test.ts',
    'both stages are assigned as in mmdet',
    ['own[point] = 0', ''],
    ['start + row * width + cells[level].width', 'start + row * width + width'],
  ),
  ...each('detection/reppoints/nearest-points.js', 'detection/reppoints.test.ts', 'the nearer is learned', [
    'distance < rival.distance',
    'distance > rival.distance',
  ]),
  ...each(
    'detection/anchors.js',
    'detection/cascade-rcnn.test.ts',
    'an anchor learns nothing from where',
    ['boxes[at + 2] < right', 'boxes[at + 2] <= right'],
    ['boxes[at + 3] < bottom', 'boxes[at + 3] < right'],
    ['boxes[at] >= -border', 'boxes[at] > -border'],
  ),
  ...each(
    'detection/fcos/targets.js',
    'detection/fcos.test.ts',
    'the points that learn, outputs',
    ['farthest > greatest', 'farthest > 2 * greatest'],
    ['< (0, boxes_1.area)(boxes, rival)', '> (0, boxes_1.area)(boxes, rival)'],
    ['Math.sqrt(share(left, right)', '(share(left, right)'],
  ),
  ...each(
    'detection/fcos/targets.js',
    'detection/fcos.test.ts',
    'a range of distances has both its ends',
    ['farthest < least', 'farthest <= least'],
    ['farthest > greatest', 'farthest >= greatest'],
  ),
  ...each('detection/fcos/network.js', 'detection/fcos.test.ts', 'the points that learn, outputs', [
    '(weight, LEAST_WEIGHT)',
    '(positives.length)',
  ]),
  ...each(
    'detection/fcos/head.js',
    'detection/fcos.test.ts',
    'the points that learn, outputs',
    ["distance === 'exp' ?", "distance !== 'exp' ?"],
    ['mul(ofBoxes[level], scaleOf(parameters, level))', 'mul(ofBoxes[level], scaleOf(parameters, 0))'],
    ["centernessOn === 'classification' ?", "centernessOn !== 'classification' ?"],
  ),
  ...each(
    'detection/fcos/network.js',
    'detection/fcos.test.ts',
    'the points that learn, outputs',
    ['d / strides[i >> 2]', 'd'],
    ['central, weight, loss.box', 'central, count, loss.box'],
  ),
  ...each(
    'detection/fcos/detect.js',
    'detection/fcos.test.ts',
    'the points that learn, outputs',
    ['found.add(box, product(point, label), label)', 'found.add(box, scores[point * classes + label], label)'],
    ['=> distance * unit', '=> distance'],
  ),
  ...each('detection/fcos/targets.js', 'detection/fcos.test.ts', 'the points that learn, outputs', [
    'f(middle - reach), low)',
    'f(middle - reach), middle - reach)',
  ]),
  ...each('detection/box-sides.js', 'detection/fcos.test.ts', 'the points that learn, outputs', [
    'tf.mul(loss, weights)',
    'loss',
  ]),
  ...each('detection/box-sides.js', 'detection/edge-cases.test.ts', 'FCOS with center sampling: losses', [
    '.sub(iou, waste(p, w, union))',
    '.sub(iou, 0)',
  ]),
  ...each('detection/fcos/detect.js', 'detection/fcos.test.ts', 'before the centerness is multiplied in', [
    'if (!(scores[point * classes + label] > scoreThreshold))',
    'if (!(product(point, label) > scoreThreshold))',
  ]),
  ...each('detection/fcos/network.js', 'detection/edge-cases.test.ts', 'FCOS: losses and gradients', [
    'counting)(positives.length)',
    'counting)(positives.length, 2)',
  ]),
  ...each('detection/fcos/targets.js', 'detection/edge-cases.test.ts', 'FCOS: losses and gradients', [
    '(0, target_1.checkTarget)(target, n, classes);',
    '',
  ]),
  ...each('detection/retinanet/targets.js', 'detection/edge-cases.test.ts', 'RetinaNet: losses and gradients', [
    'Math.max(1, own.positives.length)',
    'own.positives.length',
  ]),
  ...each('detection/reppoints/targets.js', 'detection/edge-cases.test.ts', 'RepPoints: losses and gradients', [
    'Math.max(1, assignment.positives.length)',
    'assignment.positives.length',
  ]),
  ...each(
    'detection/reppoints/nearest-points.js',
    'detection/edge-cases.test.ts',
    'RepPoints: losses and gradients',
    ['Math.max(power - finest, 0)', 'Math.abs(power - finest)'],
    [', count - 1)', ', count)'],
    ['f(height / scale)', 'f(width / scale)'],
  ),
  ...each('detection/reppoints/detect.js', 'detection/reppoints.test.ts', "gradients and detections are PyTorch's", [
    'k % 2 === 0 ? inputWidth : inputHeight',
    'inputWidth',
  ]),
  ...each('detection/reppoints/detect.js', 'detection/reppoints.test.ts', 'a class score above the threshold', [
    'score > scoreThreshold',
    'score > 0',
  ]),
  ...each(
    'detection/faster-rcnn/rpn.js',
    'detection/edge-cases.test.ts',
    'Faster R-CNN: losses and gradients',
    ['Math.max(1, chosen[kind].length)', 'chosen[kind].length'],
    ['[...own.positives, ...own.ignored]', '[...own.positives]'],
  ),
  ...each(
    'detection/faster-rcnn/regions.js',
    'detection/edge-cases.test.ts',
    'Faster R-CNN: losses and gradients',
    ['Float32Array.of(...target.boxes, ...proposals[n])', 'Float32Array.of(...proposals[n], ...target.boxes)'],
    ['delta[2] / ofSize, delta[3] / ofSize', 'delta[2] / ofCentre, delta[3] / ofCentre'],
    ['object === undefined ? classes', 'object === undefined ? 0'],
  ),
  ...each('detection/draw.js', 'detection/edge-cases.test.ts', 'Faster R-CNN: losses and gradients', [
    'count - own.length',
    'count - Math.floor(count * share)',
  ]),
  ...each('detection/faster-rcnn/roi-head.js', 'detection/edge-cases.test.ts', 'Faster R-CNN: losses and gradients', [
    'r * ofClass + labels[r]',
    'r * ofClass',
  ]),
  ...each(
    'detection/faster-rcnn/proposals.js',
    'detection/faster-rcnn.test.ts',
    'outputs, the regions drawn',
    ['scores[i], level)', 'scores[i], 0)'],
    ['decodeDelta)(anchors, places[i]', 'decodeDelta)(anchors, i - n * count'],
  ),
  ...each('detection/faster-rcnn/drawn.js', 'distill/faster-rcnn-steps.test.ts', 'row change every parameter', [
    'of.boxes)',
    'of.boxes.map((side, i) => (i % 5 === 0 ? side : side + 8)))',
  ]),
  ...each('coco/training-boxes.js', 'detection/edge-cases.test.ts', 'RetinaNet: losses and gradients', [
    'iscrowd === 0 && ',
    '',
  ]),
  ...each('detection/faster-rcnn/roi-head.js', 'detection/no-regions.test.ts', 'neither an object nor a proposal', [
    'counting)(count)',
    'counting)(count, 0)',
  ]),
  ...each('detection/faster-rcnn/regions.js', 'detection/cascade-rcnn.test.ts', '"published": outputs', [
    'r < target.labels.length ? 1',
    'r < 0 ? 1',
  ]),
  ...each('detection/faster-rcnn/roi-head.js', 'detection/faster-rcnn.test.ts', 'belongs to the level of its size', [
    'Math.floor(f(Math.log2',
    'Math.round(f(Math.log2',
  ]),
  ...each(
    'detection/faster-rcnn/rpn.js',
    'detection/cascade-rcnn.test.ts',
    '"published": outputs',
    ['config.assign, cells, takesPart)', 'config.assign, cells)'],
    ['(others, grids, cells, takesPart)', '(others, grids, cells, undefined)'],
    ['normalizer, { beta })', 'normalizer, { beta: 0 })'],
  ),
  ...each(
    'detection/cascade-rcnn/network.js',
    'detection/cascade-rcnn.test.ts',
    '"published": outputs',
    ['tf.mul(loss.value, weight)', 'loss.value'],
    ['(output, matches, head)', '(output, matches, { beta: 0 })'],
    ['matches.boxes, output.deltas.dataSync(), deviations', 'matches.boxes, output.deltas.dataSync(), [0.1, 0.2]'],
    ['proposals = (0, refine_1', 'void (0, refine_1'],
    ['stages[i - 1].deviations', 'stages[i].deviations'],
    ['boxes = (0, refine_1', 'void (0, refine_1'],
    ['logits: mean', 'logits: last.logits'],
    ['stages[stages.length - 1]', 'stages[0]'],
    ['if (i === 0)', ''],
    ['this.stage(0, outputs, boxes).deltas', 'this.stage(1, outputs, boxes).deltas'],
  ),
  ...each('detection/cascade-rcnn/network.js', 'detection/cascade-rcnn.test.ts', 'every stage draws anew', [
    '${name}/stage${i}',
    '${name}/stage0',
  ]),
  ...each('detection/cascade-rcnn/refine.js', 'detection/cascade-rcnn.test.ts', '"published": outputs', [
    'if (!isObject)',
    '',
  ]),
  ...each('detection/boxes.js', 'detection/pieces.test.ts', 'overlap, encoding and decoding', [
    'Math.log(16 / 1000)',
    'Math.log(1 / 1000)',
  ]),
  ...each('backbone/resnet.js', 'segmentation/segmenter.test.ts', 'psp: logits', ['Math.floor(apart / 2)', 'apart']),
  ...each('kernels/resize.js', 'segmentation/kernels.test.ts', 'bilinear resize of 5 x 7', ['(i + 0.5)', '(i + 0.4)']),
  ...each('segmentation/segmenter.js', 'segmentation/segmenter.test.ts', 'psp: logits', ["'all'", "'none'"]),
  ...each('segmentation/inference.js', 'segmentation/segmenter.test.ts', 'whole and sliding', [
    'end - crop',
    'end - size',
  ]),
  ...each(
    'segmentation/confusion.js',
    'segmentation/confusion.test.ts',
    'scores of nineteen',
    ['labelled[i] + predicted[i] - n', 'labelled[i] + predicted[i]'],
    ['n < 8', 'n < 800'],
  ),
  ...each('backbone/layers.js', 'detection/retinanet.test.ts', 'statistics of PyTorch', [
    'MOMENTUM = 0.1',
    'MOMENTUM = 0.01',
  ]),
  ...each('detection/retinanet/network.js', 'detection/retinanet.test.ts', 'the same for the same seed', [
    'Random(seed',
    'Random(0',
  ]),
  ...each(
    'freekd/relation.js',
    'freekd/golden.test.ts',
    'PositionRelation equals PyTorch',
    ['product.div(h * w)', 'product'],
    ['matMul(psi, feature.reshape([n, h * w, c]), true)', 'matMul(feature.reshape([n, h * w, c]), psi, true)'],
  ),
  ...each('freekd/relation.js', 'freekd/freekd.test.ts', 'relational weights have mean 1', [
    'omega.div(omega.mean(1, true))',
    'omega',
  ]),
  ...each(
    'freekd/band-distance.js',
    'kernels/own.test.ts',
    'frequency loss, gradients by student and omega',
    ['slope(saved[i])', 'slope(saved[i]).neg()'],
    ['map ? slope.mul(saved', 'false ? slope.mul(saved'],
  ),
  ...each('freekd/loss.js', 'freekd/freekd.test.ts', 'reductions and bands', [
    "reduction === 'mean' ? total",
    "reduction === 'mean' ? 2 * total",
  ]),
  ...each(
    'freekd/dissimilarity.js',
    'freekd/freekd.test.ts',
    'dissimilarity of flat masks',
    ["pairs === 'all' ? tf_1.tf.ones", "pairs !== 'all' ? tf_1.tf.ones"],
    ['both.sub(overlap)', 'both'],
  ),
  ...each('freekd/prompt.js', 'freekd/freekd.test.ts', 'equal seeds give equal tokens', [
    'fork(`${name}.tokens`)',
    "fork('')",
  ]),
  ...each('freekd/freekd.js', 'freekd/freekd.test.ts', 'no gradient goes through masks and omega', [
    '(0, band_distance_1.withoutGradient)(() => omega(relations[i], teacher, student, i))',
    'omega(relations[i], teacher, student, i)',
  ]),
  ...each(
    'freekd/freekd.js',
    'freekd/golden.test.ts',
    'freekdLoss over five levels equals PyTorch',
    ['pyramid[i + 1] ?? pyramid[i]', 'pyramid[i]'],
    ['gate(teacher), gate(student)', 'gate(teacher), gate(teacher)'],
  ),
  ...each(
    'freekd/released.js',
    'freekd/algebra.test.ts',
    'the released loss equals the mean over',
    ['b === 0 ? 0 :', 'b < 0 ? 0 :'],
    ['1 / (3 *', '1 / ('],
  ),
  ...each(
    'coco/sampler.js',
    'coco/loader.test.ts',
    'order and flips depend on seed and epoch',
    ['coin.next() < flip', 'flip > 0.5'],
    ["fork('flip').fork(epoch)", "fork('flip')"],
    ['Random(seed)', 'Random(0)'],
  ),
  ...each('coco/transforms.js', 'coco/loader.test.ts', 'a flipped picture is the mirror image', ['flip ? -3 : 3', '3']),
  ...each('experiments/workbench.js', 'experiments/session.test.ts', 'a schedule has the warm-up', [
    'warmupRatio ?? 0.001',
    'warmupRatio ?? 0.1',
  ]),
  ...each('experiments/workbench.js', 'experiments/session.test.ts', 'each profile mirrors pictures', [
    'sampling?.flip[profile] ?? 0.5',
    '0.5',
  ]),
  ...each('experiments/session.js', 'experiments/session.test.ts', 'each profile mirrors pictures', [
    'schedule(training, seed, (0, variants_1.profileOf)(row.prompt))',
    'schedule(training, seed)',
  ]),
  ...each('experiments/session.js', 'experiments/session.test.ts', 'feature MSE imitates the divided pyramid', [
    'const profile = (0, variants_1.profileOf)(prompt)',
    "const profile = 'released'",
  ]),
  ...each(
    'experiments/session.js',
    'experiments/session.test.ts',
    "inherits the teacher's neck and head",
    ['if (inherit)', 'if (false)'],
    ['.detector, inherit)', '.detector)'],
  ),
  ...each('experiments/configs.js', 'experiments/session.test.ts', "inherits the teacher's neck and head", [
    'inherit: experiment.inherit }',
    'inherit: true }',
  ]),
  ...each(
    'weights/rows.js',
    'weights/torchvision.test.ts',
    "torchvision's Faster R-CNN",
    ['[...range(1, rows), 0]', 'range(0, rows)'],
    ['range(4, rows)', 'range(0, rows - 4)'],
  ),
  ...each(
    'detection/faster-rcnn/roi-head.js',
    'weights/torchvision.test.ts',
    "torchvision's Faster R-CNN",
    ['samples: config.samples', 'samples: 0'],
    ['aligned: config.aligned', 'aligned: true'],
  ),
  ...each(
    'experiments/rows/faster-rcnn-r101-r50-coco.js',
    'distill/faster-rcnn-steps.test.ts',
    'change every parameter',
    ['frequency: 0.8', 'frequency: 1'],
  ),
  ...each(
    'experiments/rows/retinanet-fcosx101-r50-coco.js',
    'distill/heterogeneous-steps.test.ts',
    'change every parameter',
    ['mse: 5,', 'mse: 1,'],
  ),
  ...each('weights/import.js', 'weights/import.test.ts', 'mask heads read over and listed', [
    '=== undefined && !(0, names_1.isCounter)(name)',
    '=== undefined',
  ]),
  ...each('runs/variants.js', 'experiments/session.test.ts', 'every variant has the prompt and the losses', [
    'freekd(false, true)',
    'freekd(true, true)',
  ]),
  ...each('commands/reproduce/running.js', 'experiments/trust.test.ts', 'a plan first, a teacher for its data alone', [
    'const other = kept && ',
    'const other = false && ',
  ]),
  ...each('experiments/teacher-file.js', 'experiments/trust.test.ts', 'a plan first, a teacher for its data alone', [
    'return (0, difference_1.difference)(',
    'return undefined && (0, difference_1.difference)(',
  ]),
  ...each(
    'distill/imitations/own.js',
    'distill/imitations/own.test.ts',
    'is blamed for its errors',
    ['value.rank !== 0', 'value.rank > 9'],
    ['weight >= 0', 'weight >= -9'],
    ['parts instanceof Promise', 'false'],
    ['Object.keys(parts).length === 0', 'false'],
    ["typeof losses !== 'function'", 'false'],
    ['!(parameters instanceof parameters_1.Parameters)', 'false'],
    ['.replace(/^Invalid TF_Status', '.replace(/^Nothing of the kind'],
    ['checkedParts(imitation.losses(input))', 'imitation.losses(input)'],
    ['blaming(name, () => checkedImitation(create(context)))', 'checkedImitation(create(context))'],
  ),
  ...each('train/diverged.js', 'distill/imitations/own.test.ts', 'is blamed for its errors', ['step > 0', 'step >= 0']),
  ...each('distill/imitations/own.js', 'distill/imitations/own.test.ts', 'sees the student itself', [
    'if (!isProjected)',
    'if (false)',
  ]),
  ...each('distill/imitations/own.js', 'distill/imitations/own.test.ts', 'trains parameters of its own', [
    '        parameters,\n',
    '',
  ]),
  ...each('distill/imitations/index.js', 'distill/imitations/own.test.ts', 'no part takes the place of another', [
    'part in parts || taken.includes(part)',
    'part in parts',
  ]),
  ...each('distill/imitations/index.js', 'distill/imitations/own.test.ts', 'a loss that nobody knows', [
    "checkLossNames(losses, 'distillation');",
    '',
  ]),
  ...each(
    'distill/distill-student.js',
    'distill/imitations/heads.test.ts',
    'is given of both heads what it reads',
    ['if (readsOutputs)', 'if (true)'],
    ['if (readsRegression)', 'if (true)'],
    ['if (!readsHead)', 'if (false)'],
  ),
  ...each('freekd/freekd.js', 'distill/imitations/own.test.ts', "FreeKD under masks of one's own", [
    'transform, i);',
    'transform, 0);',
  ]),
  ...each(
    'runs/own-loss.js',
    'runs/own-loss.test.ts',
    'what is wrong with a loss',
    ["name === 'teacher'", 'false'],
    ["name.startsWith('prompt-')", 'false'],
    ['losses && create)', 'false)'],
    ['.checkLossNames)(', '.checkLossNames)({} ?? '],
  ),
  ...each(
    'runs/own-loss.js',
    'runs/own-loss.test.ts',
    'a loss is another one where its text is',
    ['text ?? textOf(given)', 'textOf(given)'],
    ["typeof field === 'function' ? String(field) : field", 'field'],
    ['title: undefined, color: undefined', ''],
  ),
  ...each('runs/looks.js', 'runs/own-loss.test.ts', 'tables have the rows in their order', [
    'variants_1.variants.indexOf(variant) : Infinity',
    'variants_1.variants.indexOf(variant) : -1',
  ]),
  ...each(
    'commands/reproduce/loss-file.js',
    'commands/loss-file.test.ts',
    'a file is another loss',
    ['module.children.forEach', '[].forEach'],
  ),
  ...each('commands/reproduce/loss-file.js', 'commands/loss-file.test.ts', 'a package that it imports', [
    '.includes(`${path.sep}node_modules${path.sep}`)',
    ".includes('no such folder')",
  ]),
  ...each('commands/reproduce/loss-file.js', 'commands/loss-file.test.ts', 'what is wrong is said', [
    'isModule ? undefined : exported',
    'exported',
  ]),
  ...each('experiments/session.js', 'experiments/session.test.ts', 'a loss of a cell', [
    '!variants_1.variants.includes(variant) &&',
    'false &&',
  ]),
  ...each(
    'experiments/workbench.js',
    'experiments/session.test.ts',
    'a stopped loss goes on',
    ['config) === undefined;', 'config) !== 3;'],
    ['this.options.resume || known', 'this.options.resume'],
  ),
  ...each('experiments/peers.js', 'experiments/settings.test.ts', 'weights of other papers', [
    'mgd.weight * published',
    'mgd.weight * published * 10',
  ]),
  ...each(
    'semantic/augmentation.js',
    'semantic/label-maps.test.ts',
    'a crop has no class',
    ['< limit * all', '<= limit * all'],
    ['counts[label_map_1.IGNORED] = 0;', ''],
  ),
  ...each('semantic/label-map.js', 'semantic/loader.test.ts', 'labels go where their pixels go', [
    'flip ? row.reverse() : row',
    'row',
  ]),
  ...each('semantic/index-png.js', 'semantic/label-maps.test.ts', 'filter PAETH', [
    'b <= c',
    'b < c',
  ]),
  ...each('semantic/label-map.js', 'semantic/label-maps.test.ts', "is OpenCV's nearest", [
    'i * scale',
    '(i + 0.5) * scale',
  ]),
  ...each('scenes/labels.js', 'semantic/loader.test.ts', "a scene's label map", ['1 + vocabulary', '2 + vocabulary']),
  ...each('semantic/loader.js', 'semantic/loader.test.ts', 'what is wrong is named', [
    "labels === 'original' && augmentation",
    'false',
  ]),
];
