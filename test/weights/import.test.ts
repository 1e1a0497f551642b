/** Published names onto our parameters, filters turned as PyTorch has them, and what does not fit. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  createFrequencyState,
  exportWeights,
  importWeights,
  Parameters,
  readSafetensors,
  readTorchCheckpoint,
  RetinaNet,
  retinaNetR18,
  retinaNetR50,
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

test("the authors' prompt is found by its modules; what else their file holds is left out", () => {
  const map = nameMaps['freekd-prompt'];
  assert.equal(map('state_dict.mask_modules.2.mask_token'), 'prompts.2.tokens');
  assert.equal(map('mask_modules.0.prob.0.weight'), undefined);
  const { parameters, released } = createFrequencyState(3, 8, { profile: 'released', tokens: 6 }, 1);
  assert.deepEqual(released![2].tokens.shape, [4, 6, 8]);
  assert.ok(parameters.has('prompts.2.tokens'));
  parameters.dispose();
});
