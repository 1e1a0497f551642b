/**
 * Stand-ins for published checkpoints: files of the same names and shapes, with weights from a
 * seed. They detect nothing. With them the whole path of a published row runs where nothing can be
 * downloaded: what imports them is what imports the real ones.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { cascadeRcnnX101 } from '../detection/cascade-rcnn/presets';
import { fasterRcnnR101 } from '../detection/faster-rcnn/presets';
import { fcosR101, fcosR50 } from '../detection/fcos/presets';
import { repPointsX101Deformable } from '../detection/reppoints/presets';
import { retinaNetMobileNetV2, retinaNetR101, retinaNetR50, retinaNetX101 } from '../detection/retinanet/presets';
import { createDetector, type DetectorConfig } from '../detection/families';
import type { Detector } from '../detection/detector';
import { tf } from '../tf';
import { exportWeights } from '../weights/import';
import { nameMaps } from '../weights/names';
import { writeSafetensors } from '../weights/safetensors';

interface Stand {
  model: DetectorConfig;
  seed: number;
  /** What a name of ours is called in the file; nothing where the file lacks it. */
  name(ours: string): string | undefined;
}

const mmdet = (ours: string): string => `state_dict.${ours}`;
const torchvision = (ours: string): string | undefined =>
  ours.startsWith('backbone.') ? ours.slice('backbone.'.length) : undefined;

/** The name that is read as this one of ours. */
const torchvisionMobileNet = (ours: string): string | undefined => {
  const names = Array.from({ length: 18 }, (_, i) =>
    ['0', '1', ...[0, 1, 2, 3].flatMap((layer) => [`conv.${layer}`, `conv.${layer}.0`, `conv.${layer}.1`])].map(
      (layer) => `features.${i}.${layer}.${ours.split('.').pop()}`,
    ),
  ).flat();
  return names.find((name) => nameMaps['torchvision-mobilenetv2'](name) === ours);
};

const stands: Record<string, Stand> = {
  'seeded-retinanet-r101': { model: retinaNetR101, seed: 101, name: mmdet },
  'seeded-retinanet-x101': { model: retinaNetX101, seed: 102, name: mmdet },
  'seeded-reppoints-x101-dcn': { model: repPointsX101Deformable, seed: 104, name: mmdet },
  'seeded-faster-rcnn-r101': { model: fasterRcnnR101, seed: 105, name: mmdet },
  'seeded-cascade-x101': { model: cascadeRcnnX101, seed: 106, name: mmdet },
  'seeded-fcos-r101': { model: fcosR101, seed: 103, name: mmdet },
  'seeded-retinanet-r50': { model: retinaNetR50, seed: 106, name: mmdet },
  'seeded-mobilenetv2': { model: retinaNetMobileNetV2, seed: 52, name: torchvisionMobileNet },
  'seeded-resnet50-caffe': { model: fcosR50, seed: 51, name: torchvision },
  'seeded-resnet50': { model: retinaNetR50, seed: 50, name: torchvision },
};

export const isSeeded = (checkpoint: string): boolean => checkpoint in stands;

/** `lib/dist/experiments` is three folders below the repository's root. */
const folder = path.resolve(__dirname, '../../../data/cache/seeded');

/** The file of a stand-in, written when it is first asked for. */
export async function seededCheckpoint(checkpoint: string): Promise<string> {
  const file = path.join(folder, `${checkpoint}.safetensors`);
  if (fs.existsSync(file)) return file;
  const { model, seed, name } = stands[checkpoint];
  const { parameters } = createDetector(model, { seed });
  try {
    dampResiduals(parameters);
    fs.mkdirSync(folder, { recursive: true });
    const named = [...exportWeights(parameters)].flatMap(([ours, entry]) => {
      const theirs = name(ours);
      return theirs === undefined ? [] : [[theirs, entry] as const];
    });
    await writeSafetensors(file, new Map(named), { source: `random weights of seed ${seed}, not trained` });
  } finally {
    parameters.dispose();
  }
  return file;
}

/**
 * Scales the last norm of every residual branch by 0.2: with norms that do not normalise, 33 full
 * branches would let the maps grow without end.
 */
function dampResiduals(parameters: Detector['parameters']): void {
  for (const parameter of parameters.all())
    if (/layer\d+\.\d+\.bn3\.weight$/.test(parameter.name))
      tf.tidy(() => parameter.assign(tf.fill(parameter.shape, 0.2)));
}
