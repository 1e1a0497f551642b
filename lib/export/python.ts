/**
 * A detector for Python: its weights under PyTorch's names and in PyTorch's shapes, and beside them
 * a module of PyTorch alone that loads them and computes the same.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DetectorConfig } from '../detection/families';
import { detectorMetadata, PYTORCH_FORMAT, type PictureDetector } from '../distill/detector-file';
import { exportWeights } from '../weights/import';
import { writeSafetensors } from '../weights/safetensors';
import { writeTorchCheckpoint } from '../weights/torch-writer';
import { requireExportable } from './families';

const folder = resolve(__dirname, '../../export/python');

export interface PythonModule {
  /** Of the file. */
  name: string;
  text: string;
}

/** The module that loads the weights of this detector: what all share, then its family's own. */
export function pythonModule(config: DetectorConfig): PythonModule {
  const { kind = 'retinanet' } = requireExportable(config);
  const parts = ['network', kind].map((part) => readFileSync(resolve(folder, `${part}.py`), 'utf8'));
  return { name: `small_${kind}.py`, text: parts.join('\n\n') };
}

/** Writes a .safetensors file of PyTorch's tensors; its metadata says what the detector is. */
export async function writePythonSafetensors(file: string, stored: PictureDetector): Promise<void> {
  const { detector } = stored;
  const metadata = { ...detectorMetadata(detector, stored), format: PYTORCH_FORMAT };
  await writeSafetensors(file, exportWeights(detector.parameters), metadata);
}

/** Writes a file for `torch.load`: a dict of `detector`, the JSON of what it is, and `state_dict`. */
export async function writePythonCheckpoint(file: string, stored: PictureDetector): Promise<void> {
  const { detector } = stored;
  const { detector: description } = detectorMetadata(detector, stored);
  await writeTorchCheckpoint(file, { detector: description }, exportWeights(detector.parameters));
}
