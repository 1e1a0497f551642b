/** Small detectors of every kind that is exported, with weights that leave no layer without effect. */
import {
  createDetector,
  tf,
  type CascadeRcnnConfig,
  type Detector,
  type DetectorConfig,
  type FasterRcnnConfig,
  type FasterRcnnOutput,
  type FcosConfig,
  type PictureDetector,
  type RepPointsConfig,
} from 'freekd';
import { Random } from '../../lib/dist/core/random';
import type { Picture } from '../../lib/dist/coco/image';
import { paddedSize } from '../../lib/dist/coco/input-size';
import { fill, IMAGENET, normalizationTable } from '../../lib/dist/coco/transforms';
import { smallDetectors } from '../../lib/dist/detection/families';

const backbone = {
  block: 'basic',
  blocks: [1, 1, 1, 1],
  widths: [8, 8, 12, 16],
  stem: { kernel: 3, channels: 8, pool: true },
  norm: 'batch',
  frozenStages: -1,
  levels: [3, 4, 5],
} as const;
const bottleneck = { ...backbone, block: 'bottleneck', blocks: [2, 1, 1, 1] } as const;
const focal = { alpha: 0.25, gamma: 2 };
const retinanet = {
  classes: 3,
  neck: { channels: 16, extraLevels: 0 },
  head: { convs: 2, channels: 16, norm: { groups: 4 } },
  anchors: { baseScale: 2.5, scalesPerOctave: 2, ratios: [1] },
  assign: { positive: 0.5, negative: 0.4 },
  loss: { focal, box: { beta: 0 } },
} as const;
const fcos: FcosConfig = {
  kind: 'fcos',
  classes: 3,
  backbone,
  neck: { channels: 16, extraLevels: 0 },
  head: {
    convs: 2,
    channels: 16,
    norm: { groups: 4 },
    convBias: false,
    centernessOn: 'regression',
    distance: 'stride',
  },
  assign: { ranges: [[-1, 24], [24, 44], [44, 1e8]], centerRadius: 1.5 },
  loss: { focal, box: 'giou' },
  nms: 0.6,
};

const proposed = { perLevel: 100, iouThreshold: 0.6, maximum: 40 };
const fasterRcnn: FasterRcnnConfig = {
  kind: 'faster-rcnn',
  classes: 3,
  backbone: { ...backbone, levels: [2, 3, 4, 5] },
  neck: { channels: 16, extraLevels: 1, addExtraConvs: 'none' },
  anchors: { baseScale: 2, scalesPerOctave: 1, ratios: [0.5, 1, 2] },
  rpn: { channels: 12, assign: { positive: 0.7, negative: 0.3 }, sample: { count: 64, share: 0.5 } },
  proposals: { training: proposed, test: proposed },
  regions: { positive: 0.5, sample: { count: 64, share: 0.25 } },
  head: { channels: 24, bins: 5, finestScale: 12, levels: 4, classAgnostic: false, deviations: [0.1, 0.2] },
};
const { regions } = fasterRcnn;
const cascadeRcnn: CascadeRcnnConfig = {
  ...fasterRcnn,
  kind: 'cascade-rcnn',
  head: { channels: 24, bins: 7, finestScale: 12, levels: 3, beta: 1 },
  stages: [
    { regions, deviations: [0.1, 0.2], weight: 1 },
    { regions, deviations: [0.05, 0.1], weight: 0.5 },
  ],
};
const repPoints: RepPointsConfig = {
  kind: 'reppoints',
  classes: 3,
  backbone,
  neck: { channels: 16, extraLevels: 1, norm: { groups: 4 } },
  head: { convs: 1, channels: 12, norm: { groups: 3 } },
  assign: { scale: 4, positive: 0.5, negative: 0.4 },
  loss: { focal, box: { beta: 0.11, initial: 0.5, refined: 1 } },
};

const fcosWith = (changes: Partial<FcosConfig>): FcosConfig => ({ ...fcos, ...changes });

/** Whatever a config can say that changes what is computed, in few configs. */
const configs: Record<string, DetectorConfig> = {
  'the small student': smallDetectors('retinanet').student,
  'ResNeXt bottlenecks, two levels of the last map, a head without norms': {
    ...retinanet,
    backbone: { ...bottleneck, groups: 2, widthPerGroup: 32, stem: { kernel: 7, channels: 6, pool: true } },
    neck: { channels: 16, extraLevels: 2 },
    head: { convs: 1, channels: 12, norm: 'none' },
    anchors: { baseScale: 4, scalesPerOctave: 3, ratios: [0.5, 1, 2] },
  },
  'group norm everywhere, levels of the level before, whole pixels, B G R': {
    ...retinanet,
    input: { order: 'bgr', mean: [102.9801, 115.9465, 122.7717], std: [1, 2, 3] },
    backbone: { ...backbone, norm: { groups: 2 } },
    neck: { channels: 16, extraLevels: 2, addExtraConvs: 'on_output', reluBeforeExtraConvs: true, norm: { groups: 8 } },
    head: { convs: 3, channels: 16, norm: 'batch' },
    anchors: { baseScale: 4, scalesPerOctave: 2, ratios: [0.5, 2], wholePixels: true },
  },
  'caffe bottlenecks of fixed norms, every second position, a head of no layers': {
    ...retinanet,
    backbone: {
      ...bottleneck,
      style: 'caffe',
      norm: 'constant',
      epsilon: 1e-3,
      stem: { ...backbone.stem, pool: false },
    },
    neck: { channels: 16, extraLevels: 1, addExtraConvs: 'none' },
    head: { convs: 0, channels: 16, norm: 'none' },
  },
  MobileNetV2: {
    ...retinanet,
    backbone: { kind: 'mobilenetv2', width: 0.5, norm: 'batch', frozenStages: -1, levels: [3, 4, 5] },
  },
  'the small FCOS student': smallDetectors('fcos').student,
  'FCOS with exponents and centerness beside the classes': fcosWith({
    head: { ...fcos.head, centernessOn: 'classification', distance: 'exp', convBias: true, norm: 'frozen' },
  }),
  'FCOS with corner points, no scales, five levels': fcosWith({
    backbone: bottleneck,
    neck: { channels: 16, extraLevels: 2, addExtraConvs: 'on_output', reluBeforeExtraConvs: true },
    head: { ...fcos.head, scales: false, convBias: true },
    points: 'corner',
    assign: { ...fcos.assign, ranges: [[-1, 16], [16, 32], [32, 64], [64, 128], [128, 1e8]] },
  }),
  'the small Faster R-CNN student': smallDetectors('faster-rcnn').student,
  'Faster R-CNN with anchors of three shapes on five levels': fasterRcnn,
  'Faster R-CNN with one box for all classes, regions of one level': {
    ...fasterRcnn,
    backbone: { kind: 'mobilenetv2', width: 0.25, norm: 'frozen', frozenStages: -1, levels: [2, 3] },
    head: { ...fasterRcnn.head, classAgnostic: true, levels: 1, samples: 2, aligned: false },
  },
  'the small Cascade R-CNN student': smallDetectors('cascade-rcnn').student,
  'Cascade R-CNN of two heads': cascadeRcnn,
  'the small RepPoints student': smallDetectors('reppoints').student,
  'RepPoints on deformable ResNeXt bottlenecks': {
    ...repPoints,
    backbone: { ...bottleneck, groups: 2, widthPerGroup: 32, deformableStages: [1, 2, 4] },
  },
};
export const names = Object.keys(configs);

/** Sides that are no multiples of 32, so that pictures are padded. */
export const size = { width: 120, height: 92 };

/** The layer that makes an output of the head, and the deviation that the output gets. */
const SPREADS: [output: string, layer: RegExp, deviation: number][] = [
  ['initial', /_pts_init_out\.weight$/, 1],
  ['logits', /(retina_cls|conv_cls|cls_out)\.weight$/, 1],
  ['deltas', /(retina|rpn)_reg\.weight$/, 0.3],
  ['centerness', /_centerness\.weight$/, 1],
  ['objectness', /rpn_cls\.weight$/, 1],
];

/** [R, 5] regions by which the outputs of heads that look at regions get a deviation of 1. */
const REGIONS = Float32Array.of(0, 0, 0, 50, 40, 0, 20, 10, 40, 30, 0, 30, 30, 110, 90, 0, 90, 10, 115, 80);

/** The caller disposes its detector. */
export function exportable(name: string): PictureDetector {
  const config = configs[name];
  const detector = createDetector(config, { seed: 3 });
  const random = new Random(name);
  change(detector, (parameter, old) => changed(parameter, old, random));
  for (const [output, layer, deviation] of SPREADS) {
    const found = spreadOf(detector, output);
    if (found) change(detector, (parameter, old) => (layer.test(parameter) ? (old * deviation) / found : old));
  }
  if (config.kind === 'faster-rcnn' || config.kind === 'cascade-rcnn') {
    const found = deviationOf(detector.regression(outputsOf(detector), { drawn: { boxes: REGIONS } }));
    change(detector, (parameter, old) => (/fc_(cls|reg)\.weight$/.test(parameter) ? old / found : old));
  }
  const categories = Array.from({ length: config.classes }, (_, i) => ({ id: 2 * i + 1, name: `class ${i}` }));
  return { detector, size, antialias: false, categories };
}

/** Gives every number of every parameter another value; `last` is the last of its parameter. */
export function change(
  { parameters }: Detector,
  to: (parameter: string, old: number, last: boolean) => number,
): void {
  const entries = [...parameters.read()].map(([name, { shape, data }]) => {
    return [name, { shape, data: data.map((old, i) => to(name, old, i === data.length - 1)) }] as const;
  });
  parameters.load(new Map(entries));
}

function changed(name: string, old: number, random: Random): number {
  if (/running_mean$|\.(bn|gn)\d?\.bias$|downsample\.1\.bias$/.test(name)) return 0.3 * random.normal();
  if (/running_var$|\.(bn|gn)\d?\.weight$|downsample\.1\.weight$|scale$/.test(name)) return random.uniform(0.5, 1.5);
  if (/(retina_cls|conv_cls|cls_out)\.bias$/.test(name)) return -1.5;
  if (/fc_(cls|reg)\.weight$/.test(name)) return random.normal();
  if (/(conv_offset|pts_refine_out)\.weight$/.test(name)) return 0.2 * random.normal();
  if (/moment_transfer$/.test(name)) return random.uniform(0, 0.5);
  if (/bias$/.test(name)) return 0.1 * random.normal();
  return old;
}

/** The deviation of an output of the head on the picture, over all levels; nothing where there is none. */
function spreadOf(detector: Detector, output: string): number | undefined {
  const levels = levelsOf(outputsOf(detector));
  if (!(output in levels[0])) return undefined;
  return deviationOf(levels.map((level) => level[output]));
}

function deviationOf(tensors: readonly tf.Tensor[]): number {
  const values = tensors.flatMap((tensor) => [...tensor.dataSync()]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** What the head, or the first stage, gives for the picture, level by level. */
export function levelsOf(outputs: unknown): Record<string, tf.Tensor4D>[] {
  const levels = Array.isArray(outputs) ? outputs : (outputs as FasterRcnnOutput).rpn;
  return levels as Record<string, tf.Tensor4D>[];
}

/** What the detector makes of the picture before it detects. */
export function outputsOf(detector: Detector): unknown {
  const padded = paddedSize([size], 32);
  const normalization = detector.config.input ?? IMAGENET;
  const values = new Float32Array(padded.width * padded.height * 3);
  fill(values, 0, padded.width, picture, false, normalizationTable(normalization), normalization.order);
  const images = tf.tensor4d(values, [1, padded.height, padded.width, 3]);
  return detector.head(detector.pyramid(images));
}

/** Noise of some structure. */
export function noise({ width, height }: { width: number; height: number }): Picture {
  const random = new Random('picture');
  const coarse = Array.from({ length: 16 * 16 * 3 }, () => random.uniform(0, 255));
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    return 0.7 * coarse[((y >> 3) % 16) * 48 + ((x >> 3) % 16) * 3 + c] + random.uniform(0, 76);
  });
  return { width, height, data };
}

export const picture = noise(size);
