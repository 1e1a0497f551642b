/**
 * The families of detectors by name: the one place that knows all of them. A new one is a folder
 * beside this file, and a line of `families`.
 */
import { byKind, type Schema } from '../core/schema';
import { CascadeRcnn, type CascadeRcnnConfig } from './cascade-rcnn';
import { smallCascadeRcnnStudent, smallCascadeRcnnTeacher } from './cascade-rcnn/presets';
import { cascadeRcnnSchema } from './cascade-rcnn/schema';
import type { Detector, NetworkConfig } from './detector';
import { FasterRcnn, type FasterRcnnConfig } from './faster-rcnn';
import { smallFasterRcnnStudent, smallFasterRcnnTeacher } from './faster-rcnn/presets';
import { fasterRcnnSchema } from './faster-rcnn/schema';
import { Fcos, type FcosConfig } from './fcos';
import { smallFcosStudent, smallFcosTeacher } from './fcos/presets';
import { fcosSchema } from './fcos/schema';
import { RepPoints, type RepPointsConfig } from './reppoints';
import { smallRepPointsStudent, smallRepPointsTeacher } from './reppoints/presets';
import { repPointsSchema } from './reppoints/schema';
import { RetinaNet, type RetinaNetConfig } from './retinanet';
import { smallStudent, smallTeacher } from './retinanet/presets';
import { retinaNetSchema } from './retinanet/schema';

interface Family<Config extends NetworkConfig> {
  /** As tables name it. */
  title: string;
  create(config: Config, options: { seed?: number }): Detector;
  schema: Schema<Config>;
  /** For pictures of 128 x 128 pixels with 12 classes; trained from scratch on two cores. */
  small: { teacher: Config; student: Config };
}

/** Told apart by `kind`. */
export type DetectorConfig = RetinaNetConfig | FcosConfig | FasterRcnnConfig | CascadeRcnnConfig | RepPointsConfig;

const retinanet: Family<RetinaNetConfig> = {
  title: 'RetinaNet',
  create: (config, options) => new RetinaNet(config, options),
  schema: retinaNetSchema,
  small: { teacher: smallTeacher, student: smallStudent },
};
const fcos: Family<FcosConfig> = {
  title: 'FCOS',
  create: (config, options) => new Fcos(config, options),
  schema: fcosSchema,
  small: { teacher: smallFcosTeacher, student: smallFcosStudent },
};
const fasterRcnn: Family<FasterRcnnConfig> = {
  title: 'Faster R-CNN',
  create: (config, options) => new FasterRcnn(config, options),
  schema: fasterRcnnSchema,
  small: { teacher: smallFasterRcnnTeacher, student: smallFasterRcnnStudent },
};
const cascadeRcnn: Family<CascadeRcnnConfig> = {
  title: 'Cascade R-CNN',
  create: (config, options) => new CascadeRcnn(config, options),
  schema: cascadeRcnnSchema,
  small: { teacher: smallCascadeRcnnTeacher, student: smallCascadeRcnnStudent },
};
const reppoints: Family<RepPointsConfig> = {
  title: 'RepPoints',
  create: (config, options) => new RepPoints(config, options),
  schema: repPointsSchema,
  small: { teacher: smallRepPointsTeacher, student: smallRepPointsStudent },
};
const families = { retinanet, fcos, 'faster-rcnn': fasterRcnn, 'cascade-rcnn': cascadeRcnn, reppoints };

export type DetectorKind = keyof typeof families;
export const detectorKinds = Object.keys(families) as DetectorKind[];

/** Of a config without `kind`, from before there were others. */
const FIRST: DetectorKind = 'retinanet';

/** A new detector; its parameters start from `seed`. The caller disposes it. */
export function createDetector(config: DetectorConfig, options: { seed?: number } = {}): Detector {
  const { kind = FIRST } = config;
  if (!Object.hasOwn(families, kind))
    throw new RangeError(`there is no detector of the kind "${kind}": it can be ${detectorKinds.join(', ')}`);
  const family: Family<DetectorConfig> = families[kind];
  return family.create(config, options);
}

/** What the config of a detector may be. */
export const detectorSchema: Schema<DetectorConfig> = byKind<DetectorConfig>(
  Object.fromEntries(Object.entries(families).map(([kind, { schema }]) => [kind, schema])),
  FIRST,
);

/** A large and a small detector of a family, for pictures of 128 x 128 pixels with 12 classes. */
export const smallDetectors = <K extends DetectorKind>(kind: K): (typeof families)[K]['small'] => families[kind].small;

/** How tables name the family of a config. */
export const detectorTitle = ({ kind = FIRST }: Pick<DetectorConfig, 'kind'>): string => families[kind].title;
