/** Published names onto our parameters, filters turned as PyTorch has them, and what does not fit. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  CascadeRcnn,
  createPromptState,
  exportWeights,
  FasterRcnn,
  importWeights,
  Parameters,
  readSafetensors,
  readTorchCheckpoint,
  RepPoints,
  RetinaNet,
  retinaNetR18,
  retinaNetR50,
  smallCascadeRcnnStudent,
  smallFasterRcnnStudent,
  smallRepPointsStudent,
  tf,
  writeSafetensors,
} from 'freekd';
import { nameMaps, type NameMapName } from '../../lib/dist/weights/names';
import golden from '../golden/torch_weights.json';

const folder = mkdtempSync(join(tmpdir(), 'freekd-import-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'conv.pth');
writeFileSync(file, Buffer.from(golden.conv.file, 'base64'));

/** A shape of PyTorch as ours. */
const ours = (shape: number[]): string =>
  (shape.length === 4 ? [shape[2], shape[3], shape[1], shape[0]] : shape).join();

function mapped(kind: NameMapName, theirs: Record<string, number[]>): Map<string, string> {
  return new Map(Object.entries(theirs).flatMap(([name, shape]): [string, string][] => {
    const own = nameMaps[kind](name);
    return own === undefined ? [] : [[own, ours(shape)]];
  }));
}

test(
  "torchvision's ResNet-18 has every parameter of our backbone, in " + 'its shape, and nothing else but its classifier',
  () => {
    const { parameters } = new RetinaNet(retinaNetR18);
    const backbone = parameters.all().filter(({ name }) => name.startsWith('backbone.'));
    const theirs = mapped('torchvision-resnet', golden['torchvision-resnet']);
    assert.deepEqual([...theirs].sort(), backbone.map(({ name, shape }) => [name, shape.join()]).sort());
    parameters.dispose();
  },
);

test(
  "torchvision's RetinaNet has our names; P6 and the class head differ in " +
    'shape, as it takes P6 from P5 and counts 91 classes',
  () => {
    const { parameters } = new RetinaNet(retinaNetR50);
    const theirs = mapped('torchvision-retinanet', golden['torchvision-retinanet']);
    assert.deepEqual(
      [...theirs.keys()].sort(),
      parameters
        .all()
        .map(({ name }) => name)
        .sort(),
    );
    const different = parameters
      .all()
      .filter(({ name, shape }) => theirs.get(name) !== shape.join())
      .map(({ name }) => name);
    assert.deepEqual(different, [
      'neck.fpn_convs.3.conv.weight',
      'bbox_head.retina_cls.weight',
      'bbox_head.retina_cls.bias',
    ]);
    parameters.dispose();
  },
);

test('an imported filter convolves as it did in PyTorch', async () => {
  const parameters = new Parameters();
  parameters.create('backbone.conv1.weight', [3, 3, 3, 4], 0);
  const { loaded } = await importWeights(parameters, file, { names: 'mmdet-retinanet' });
  assert.deepEqual(loaded, ['backbone.conv1.weight']);
  const y = tf.tidy(
    () =>
      tf
        .conv2d(
          tf.tensor4d(golden.conv.x, [1, 5, 5, 3]),
          parameters.get('backbone.conv1.weight').value as tf.Tensor4D,
          1,
          'valid',
        )
        .dataSync()[7],
  );
  assert.ok(Math.abs(y - golden.conv.y[7]) < 1e-5);
  const out = join(folder, 'out.safetensors');
  await writeSafetensors(out, exportWeights(parameters));
  assert.equal(
    readFileSync(out).toString('base64'),
    golden.conv.exported,
    "the file that Python's own package writes of the same weights",
  );
  const stored = (await readSafetensors(out)).get('backbone.conv1.weight')!;
  assert.deepEqual(stored.shape, [4, 3, 3, 3], "PyTorch's shape");
  assert.deepEqual(
    [...stored.data],
    [...(await readTorchCheckpoint(file)).get('state_dict.backbone.conv1.weight')!.data],
    'there and back',
  );
  parameters.dispose();
});

test('what is missing, unexpected or of another shape is listed, and nothing is loaded', async () => {
  const parameters = new Parameters();
  parameters.create('backbone.conv1.weight', [7, 7, 3, 4], 5);
  parameters.create('backbone.bn1.weight', [4], 1);
  await assert.rejects(
    importWeights(parameters, file, { names: 'mmdet-retinanet' }),
    /conv\.pth: .*missing \(1\): backbone\.bn1\.weight; of another shape \(1\): state_dict\.backbone\.conv1\.weight \(turned \[3,3,3,4\], ours \[7,7,3,4\]\)/,
  );
  const report = await importWeights(parameters, file, {
    names: 'mmdet-retinanet',
    strict: false,
    optional: ['backbone.bn1'],
  });
  assert.deepEqual([report.missing, report.misshapen.length, report.loaded], [[], 1, []]);
  assert.equal(parameters.get('backbone.conv1.weight').value.dataSync()[0], 5);
  const other = new Parameters();
  other.create('backbone.other', [1], 0);
  await assert.rejects(
    importWeights(other, file, { names: 'mmdet-retinanet' }),
    /unexpected \(1\): state_dict\.backbone\.conv1\.weight/,
  );
  [parameters, other].forEach((all) => all.dispose());
});

/** A small model: a filter of our order, [height, width, in, out], and a bias. */
function small(value = 0): Parameters {
  const parameters = new Parameters();
  const filter = Float32Array.from({ length: 24 }, (_, i) => value && value + i);
  parameters.create('backbone.conv1.weight', [1, 2, 3, 4], filter);
  parameters.create('bbox_head.retina_cls.bias', [5], value);
  return parameters;
}

/** A file that holds `small` below each prefix, with another value in each. */
async function below(values: Record<string, number>, rename = (name: string): string => name): Promise<string> {
  const path = join(folder, 'below.safetensors');
  const tensors = Object.entries(values).flatMap(([prefix, value]) => {
    const parameters = small(value);
    const exported = [...exportWeights(parameters)].map(([name, entry]) => [prefix + rename(name), entry] as const);
    parameters.dispose();
    return exported;
  });
  await writeSafetensors(path, new Map(tensors));
  return path;
}

const first = (parameters: Parameters): number => parameters.get('backbone.conv1.weight').value.dataSync()[0];

for (const prefix of [
  '', 'state_dict.', 'model.', 'module.', 'state_dict.module.', 'state_dict.architecture.', 'ema_state_dict.module.',
  'model_ema.', 'student.', 'net.', 'state_dict.model.module._orig_mod.', 'teacher.',
])
  test(`names below "${prefix}" are found, and it is said so`, async () => {
    const parameters = small();
    const report = await importWeights(parameters, await below({ [prefix]: 1 }), { names: 'mmdet-retinanet' });
    assert.deepEqual([report.prefix, report.names], [prefix, 'mmdet-retinanet']);
    assert.deepEqual(report.loaded, ['backbone.conv1.weight', 'bbox_head.retina_cls.bias']);
    assert.equal(first(parameters), 1);
    parameters.dispose();
  });

test("torchvision's training script: its backbone below state_dict.module., with names or without", async () => {
  const parameters = new Parameters();
  parameters.create('backbone.conv1.weight', [1, 2, 3, 4], 0);
  const file = await below({ 'state_dict.module.': 3 }, (name) => name.replace('backbone.', ''));
  for (const options of [{ names: 'torchvision-resnet' }, {}] as const) {
    const report = await importWeights(parameters, file, options);
    assert.deepEqual([report.prefix, report.names], ['state_dict.module.', 'torchvision-resnet']);
    assert.equal(first(parameters), 3);
  }
  parameters.dispose();
});

test('an average or a teacher beside the weights is taken only when it is asked for', async () => {
  const parameters = small();
  for (const [values, prefix, taken] of [
    [{ 'ema_state_dict.': 1, 'state_dict.model.': 2 }, undefined, 2],
    [{ 'ema.': 1, 'model.': 2 }, undefined, 2],
    [{ 'ema.': 1, 'model.': 2 }, 'ema.', 1],
    [{ 'teacher.': 1, 'student.': 2 }, undefined, 2],
    [{ 'model.': 1, 'model2.': 2 }, undefined, 1],
    [{ 'a.': 1, '': 2 }, undefined, 2],
  ] as const) {
    const report = await importWeights(parameters, await below(values), { names: 'mmdet-retinanet', prefix });
    assert.equal(first(parameters), taken, JSON.stringify(report));
  }
  parameters.dispose();
});

test('what exportWeights writes, importWeights reads, whichever names it is told to expect', async () => {
  const model = new RetinaNet(retinaNetR18, { seed: 3 });
  const path = join(folder, 'exported.safetensors');
  const exported = exportWeights(model.parameters);
  await writeSafetensors(path, exported);
  const other = new RetinaNet(retinaNetR18, { seed: 4 });
  const before = other.parameters.read();
  for (const names of [...(Object.keys(nameMaps) as NameMapName[]), undefined]) {
    other.parameters.load(before);
    const { loaded } = await importWeights(other.parameters, path, { names });
    assert.equal(loaded.length, exported.size, names);
    for (const [name, { data }] of exportWeights(other.parameters))
      assert.deepEqual(data, exported.get(name)!.data, name);
  }
  other.parameters.load(before);
  const body = { names: 'torchvision-resnet', optional: ['neck.', 'bbox_head.'] } as const;
  const { loaded, prefix } = await importWeights(other.parameters, path, body);
  assert.deepEqual([prefix, loaded.filter((name) => !name.startsWith('backbone.'))], ['backbone.', []]);
  [model, other].forEach(({ parameters }) => parameters.dispose());
  const { parameters } = createPromptState(3, 8, { profile: 'released', tokens: 2 }, 1);
  await writeSafetensors(path, exportWeights(parameters));
  assert.equal((await importWeights(parameters, path)).loaded.length, parameters.all().length);
  parameters.dispose();
});

test('names that do not fit are shown beside the nearest of the file', async () => {
  const parameters = small();
  const file = await below({ 'model.': 1 }, (name) => name.replace('conv1', 'conv_1').replace('retina_cls', 'classes'));
  await assert.rejects(
    importWeights(parameters, file, { names: 'mmdet-retinanet' }),
    /read as mmdet-retinanet below "model\."; missing \(2\): .*; unexpected \(2\): .*; of the 2 others in the file, nearest are model\.backbone\.conv_1\.weight to backbone\.conv1\.weight, model\.bbox_head\.classes\.bias to bbox_head\.retina_cls\.bias/,
  );
  await writeSafetensors(file, new Map());
  await assert.rejects(importWeights(parameters, file), /missing \(2\): .*; the file holds no other tensors/);
  parameters.dispose();
});

test("the authors' prompt is found by its modules; what else their file holds is left out", () => {
  const map = nameMaps['freekd-prompt'];
  assert.equal(map('state_dict.mask_modules.2.mask_token'), 'prompts.2.tokens');
  assert.equal(map('mask_modules.0.prob.0.weight'), undefined);
  const { parameters, released } = createPromptState(3, 8, { profile: 'released', tokens: 6 }, 1);
  assert.deepEqual(released![2].tokens.shape, [4, 6, 8]);
  assert.ok(parameters.has('prompts.2.tokens'));
  parameters.dispose();
});

test("RepPoints' deformable layers are found by their older names and their newer ones", () => {
  const map = nameMaps['mmdet-reppoints'];
  const own = 'backbone.layer2.0.conv2.conv_offset.weight';
  assert.equal(map('backbone.layer2.0.conv2_offset.weight'), own);
  assert.equal(map(own), own);
  for (const name of ['backbone.layer2.0.conv2.weight', 'neck.lateral_convs.0.gn.bias', 'bbox_head.moment_transfer'])
    assert.equal(map(name), name);
  const { parameters } = new RepPoints(smallRepPointsStudent);
  assert.ok(parameters.has('bbox_head.moment_transfer') && parameters.has('neck.lateral_convs.0.gn.bias'));
  parameters.dispose();
});

/** A detector's parameters as mmdetection writes them: what a head sees of a region is a matrix there. */
function asMmdetection(parameters: Parameters): ReturnType<typeof exportWeights> {
  return new Map([...exportWeights(parameters)].map(([name, { shape, data }]) => {
    const matrix = /(shared_fcs\.\d|fc_cls|fc_reg)\.weight$/.test(name);
    return [`state_dict.${name}`, { shape: matrix ? [shape[0], shape[1] * shape[2] * shape[3]] : shape, data }];
  }));
}

test("mmdetection's Faster R-CNN is read whole: layers that it has as matrices see the same of a region", async () => {
  const config = { ...smallFasterRcnnStudent, classes: 2 };
  const { parameters } = new FasterRcnn(config, { seed: 1 });
  const { parameters: into } = new FasterRcnn(config, { seed: 2 });
  const theirs = join(folder, 'faster-rcnn.safetensors');
  await writeSafetensors(theirs, asMmdetection(parameters));
  const { names, prefix, left } = await importWeights(into, theirs, { names: 'mmdet-faster-rcnn' });
  assert.deepEqual([names, prefix, left], ['mmdet-faster-rcnn', 'state_dict.', []]);
  assert.deepEqual(into.read(), parameters.read());
  [parameters, into].forEach((all) => all.dispose());
});

test("Cascade Mask R-CNN's boxes are read by mmdetection's names, its mask heads read over and listed", async () => {
  const config = { ...smallCascadeRcnnStudent, classes: 2 };
  const { parameters } = new CascadeRcnn(config, { seed: 1 });
  for (const name of ['roi_head.bbox_head.0.fc_reg.weight', 'roi_head.bbox_head.2.shared_fcs.0.bias'])
    assert.ok(parameters.has(name), name);
  const { parameters: into } = new CascadeRcnn(config, { seed: 2 });
  const masks = ['roi_head.mask_head.0.convs.0.conv.weight', 'roi_head.mask_head.2.upsample.bias'];
  const others = [...masks, 'backbone.bn1.num_batches_tracked'].map((name) => `state_dict.${name}`);
  const theirs = join(folder, 'cascade.safetensors');
  const one = { shape: [1], data: Float32Array.of(1) };
  const whole = [...asMmdetection(parameters), ...others.map((name) => [name, one] as const)];
  await writeSafetensors(theirs, new Map(whole));
  const { names, left } = await importWeights(into, theirs, { names: 'mmdet-cascade-rcnn' });
  assert.deepEqual([names, left], ['mmdet-cascade-rcnn', masks]);
  assert.deepEqual(into.read(), parameters.read());
  [parameters, into].forEach((all) => all.dispose());
});
