/** Files for Python: what PyTorch made of them is recorded; here is that they still are those files. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDetector, importWeights, readDetector, readTorchCheckpoint, type DetectorConfig } from 'freekd';
import { detectorKinds, smallDetectors } from '../../lib/dist/detection/families';
import { pythonModule, writePythonCheckpoint, writePythonSafetensors } from '../../lib/dist/export/python';
import { hashOf, temporary } from '../distill/tiny';
import golden from '../golden/export_modules.json';
import { exportable, names } from './detectors';

test('the modules are those that PyTorch ran, and every detector equalled its own', () => {
  const again = 'npx tsx test/export/write.ts FOLDER && python test/golden/export_modules.py FOLDER';
  for (const kind of detectorKinds) {
    const { name, text, packages } = pythonModule(smallDetectors(kind).student);
    assert.deepEqual(packages, kind === 'retinanet' || kind === 'fcos' ? ['torch'] : ['torch', 'torchvision']);
    const recorded = golden.modules[name.replace('.py', '') as keyof typeof golden.modules];
    assert.equal(createHash('sha256').update(text).digest('hex'), recorded, `${name} has changed: ${again}`);
  }
  assert.deepEqual(Object.keys(golden.detectors).sort(), [...names].sort(), again);
  for (const { outputs, score, box, objects } of Object.values(golden.detectors))
    assert.ok(objects > 100 && outputs < 1e-4 && score < 1e-4 && box < 1e-5);
});

test('a .pt file is a checkpoint of torch.save: names, shapes and numbers, and the same bytes again', async () => {
  const stored = exportable('ResNeXt bottlenecks, two levels of the last map, a head without norms');
  const { detector } = stored;
  const [file, again] = ['once', 'again'].map((name) => join(temporary(), `${name}.pt`));
  await writePythonCheckpoint(file, stored);
  await writePythonCheckpoint(again, stored);
  assert.ok(readFileSync(file).equals(readFileSync(again)));
  const tensors = await readTorchCheckpoint(file);
  const parameters = detector.parameters.all();
  assert.deepEqual([...tensors.keys()], parameters.map(({ name }) => `state_dict.${name}`));
  const filter = 'backbone.layer1.0.conv2.weight';
  const [height, width, inputs, outputs] = detector.parameters.get(filter).shape;
  assert.deepEqual(tensors.get(`state_dict.${filter}`)!.shape, [outputs, inputs, height, width]);

  const other = createDetector(detector.config as DetectorConfig, { seed: 9 });
  const { prefix, names: read } = await importWeights(other.parameters, file);
  assert.deepEqual([prefix, read], ['state_dict.', 'mmdet-retinanet']);
  assert.equal(hashOf(other.parameters), hashOf(detector.parameters));
  other.dispose();
  detector.dispose();
});

for (const name of ['the small FCOS student', 'the small Cascade R-CNN student'])
  test(`${name}: an exported .safetensors file is a detector here too`, async () => {
    const stored = exportable(name);
    const file = join(temporary(), 'student.safetensors');
    await writePythonSafetensors(file, stored);
    const { detector, size, categories } = await readDetector(file);
    assert.equal(hashOf(detector.parameters), hashOf(stored.detector.parameters));
    assert.deepEqual([size, categories], [stored.size, stored.categories]);
    detector.dispose();
    writeFileSync(file, readFileSync(file).subarray(0, -4));
    await assert.rejects(readDetector(file), /student\.safetensors/);
    stored.detector.dispose();
  });
