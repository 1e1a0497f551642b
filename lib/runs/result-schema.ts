/** What result files hold; a later version may add to them. */
import { corruptionNames } from '../coco/corruptions/corrupt';
import type { CorruptedAP } from '../coco/robustness';
import * as s from '../core/schema';
import type { StepRecord } from '../train/log';
import type { CorruptionResult } from './corruption-results';
import type { VariantLook } from './looks';
import type { RunResult } from './results';

export const percent = s.real(-1, 100); // -1: the split has no such object
const count = s.whole(0, Number.MAX_SAFE_INTEGER);
const metrics = s.openFields({ AP: percent, AP50: percent, AP75: percent, APs: percent, APm: percent, APl: percent });
const step: s.Schema<StepRecord> = s.openFields({
  step: count,
  losses: s.record(s.real()),
  learningRate: s.real(),
  gradientNorm: s.optional(s.real()),
  imagesPerSecond: s.real(),
  milliseconds: s.real(0),
  heldOut: s.optional(s.real()),
});
export const curve = s.list(step);

export const provenance = {
  machine: s.openFields({
    cpu: s.text(),
    gpu: s.optional(s.text()),
    cores: count,
    threads: s.text(),
    ranks: s.optional(count),
    memoryGB: s.real(0),
    platform: s.text(),
  }),
  versions: s.openFields({ node: s.text(), tensorflow: s.text(), tfjs: s.text() }),
  commit: s.text(),
  date: s.text(),
  command: s.text(),
};

const look: s.Schema<VariantLook> = s.openFields({ title: s.text(), color: s.text() });

export const resultSchema: s.Schema<RunResult> = s.openFields({
  format: s.oneOf([1]),
  experiment: s.text(),
  data: s.text(),
  variant: s.text(),
  look: s.optional(look),
  seed: count,
  config: s.openFields({}),
  metrics,
  perCategory: s.list(s.openFields({ name: s.text(), ap: percent })),
  teacher: metrics,
  steps: count,
  millisecondsPerStep: s.real(0),
  parameters: s.optional(s.text()),
  curve,
  ...provenance,
});

const corrupted: s.Schema<CorruptedAP> = s.openFields({
  name: s.oneOf(corruptionNames),
  severity: s.whole(1, 5),
  AP: percent,
});

export const corruptionSchema: s.Schema<CorruptionResult> = s.openFields({
  format: s.oneOf([1]),
  experiment: s.text(),
  data: s.text(),
  detector: s.text(),
  look: s.optional(look),
  seed: s.optional(count),
  pictures: count,
  frost: s.oneOf(['own panes', 'photographs of imagecorruptions']),
  fingerprint: s.text(),
  clean: percent,
  measured: s.list(corrupted),
  ...provenance,
});
