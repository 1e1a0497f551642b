/**
 * A detector for Python: its weights under PyTorch's names and in PyTorch's shapes, and beside them
 * a module of PyTorch alone that loads them and computes the same.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ParameterEntry, Parameters } from '../core/parameters';
import type { DetectorConfig, DetectorKind } from '../detection/families';
import { detectorMetadata, PYTORCH_FORMAT, type PictureDetector } from '../distill/detector-file';
import { exportWeights } from '../weights/import';
import { writeSafetensors } from '../weights/safetensors';
import { writeTorchCheckpoint } from '../weights/torch-writer';

const folder = resolve(__dirname, '../../export/python');

export interface PythonModule {
  /** Of the file. */
  name: string;
  text: string;
  /** What it needs of Python. */
  packages: readonly string[];
}

/** The files that a module is made of: what all share, then the family's own. */
const PARTS: Record<DetectorKind, readonly string[]> = {
  retinanet: ['network', 'anchors', 'retinanet'],
  fcos: ['network', 'fcos'],
  'faster-rcnn': ['network', 'anchors', 'regions'],
  'cascade-rcnn': ['network', 'anchors', 'regions'],
  reppoints: ['network', 'reppoints'],
};

/** The module that loads the weights of this detector. */
export function pythonModule(config: DetectorConfig): PythonModule {
  const { kind = 'retinanet', backbone } = config;
  const parts = PARTS[kind].map((part) => readFileSync(resolve(folder, `${part}.py`), 'utf8'));
  const isDeformable = backbone.kind !== 'mobilenetv2' && (backbone.deformableStages ?? []).length > 0;
  const packages = isDeformable || !['retinanet', 'fcos'].includes(kind) ? ['torch', 'torchvision'] : ['torch'];
  return { name: `small_${kind.replaceAll('-', '_')}.py`, text: parts.join('\n\n'), packages };
}

/** Fully connected layers, which are filters here and matrices [out, in] there. */
const CONNECTED = /\.(shared_fcs\.\d+|fc_cls|fc_reg)\.weight$/;

function pythonWeights(parameters: Parameters): Map<string, ParameterEntry> {
  const entries = [...exportWeights(parameters)].map(([name, { shape, data }]): [string, ParameterEntry] => {
    const own = CONNECTED.test(name) ? [shape[0], data.length / shape[0]] : shape;
    return [name, { shape: own, data }];
  });
  return new Map(entries);
}

/** Writes a .safetensors file of PyTorch's tensors; its metadata says what the detector is. */
export async function writePythonSafetensors(file: string, stored: PictureDetector): Promise<void> {
  const { detector } = stored;
  const metadata = { ...detectorMetadata(detector, stored), format: PYTORCH_FORMAT };
  await writeSafetensors(file, pythonWeights(detector.parameters), metadata);
}

/** Writes a file for `torch.load`: a dict of `detector`, the JSON of what it is, and `state_dict`. */
export async function writePythonCheckpoint(file: string, stored: PictureDetector): Promise<void> {
  const { detector } = stored;
  const { detector: description } = detectorMetadata(detector, stored);
  await writeTorchCheckpoint(file, { detector: description }, pythonWeights(detector.parameters));
}
