/**
 * Writes what test/golden/export_modules.py compares: every detector of detectors.ts for Python, in
 * both formats, and what it finds on pictures.
 *
 *     npx tsx test/export/write.ts FOLDER && python test/golden/export_modules.py FOLDER
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { detectPicture, type DetectorConfig, type FoundObject, type PictureDetector } from 'freekd';
import { pythonModule, writePythonCheckpoint, writePythonSafetensors } from '../../lib/dist/export/python';
import { exportable, levelsOf, names, noise, outputsOf, picture, size } from './detectors';

/** As they are read, doubled, larger and smaller. */
const pictures = [
  size,
  { width: 2 * size.width, height: 2 * size.height },
  { width: 211, height: 173 },
  { width: 50, height: 90 },
];

async function written(folder: string, name: string, at: number): Promise<object> {
  const fixed = exportable(name);
  const { name: module, text } = pythonModule(fixed.detector.config as DetectorConfig);
  writeFileSync(join(folder, module), text);
  const cases: { stem: string; found: FoundObject[][] }[] = [];
  for (const input of [size, { longSide: 130, shortSide: 90 }]) {
    const stored: PictureDetector = { ...fixed, size: input };
    const stem = `${at}-${cases.length}`;
    await writePythonSafetensors(join(folder, `${stem}.safetensors`), stored);
    await writePythonCheckpoint(join(folder, `${stem}.pt`), stored);
    const found: FoundObject[][] = [];
    for (const shown of pictures) found.push(await detectPicture(stored, noise(shown)));
    cases.push({ stem, found });
  }
  const outputs = levelsOf(outputsOf(fixed.detector)).map((level) =>
    ['objectness', 'logits', 'deltas', 'distances', 'centerness', 'initial', 'refined']
      .filter((field) => field in level)
      .map((field) => ({ shape: level[field].shape, data: [...level[field].dataSync()] })),
  );
  fixed.detector.dispose();
  return { name, module: module.replace('.py', ''), outputs, cases };
}

async function main(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const detectors = [];
  for (const [at, name] of names.entries()) detectors.push(await written(folder, name, at));
  const shown = pictures.map((of) => ({ ...of, data: [...noise(of).data] }));
  const expected = { picture: [...picture.data], size, pictures: shown, detectors };
  writeFileSync(join(folder, 'expected.json'), JSON.stringify(expected));
}

void main(process.argv[2]);
