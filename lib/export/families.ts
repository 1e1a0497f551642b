/** Which detectors can be taken to other programs. */
import { type DetectorConfig, detectorTitle } from '../detection/families';
import type { FcosConfig } from '../detection/fcos';
import type { RetinaNetConfig } from '../detection/retinanet';

export type ExportableConfig = ({ kind?: 'retinanet' } & RetinaNetConfig) | FcosConfig;

/** @throws where the detector is of another family, or deformable */
export function requireExportable(config: DetectorConfig): ExportableConfig {
  const { kind = 'retinanet', backbone } = config;
  const deformable = backbone.kind !== 'mobilenetv2' && (backbone.deformableStages ?? []).length > 0;
  if ((kind === 'retinanet' || kind === 'fcos') && !deformable) return config as ExportableConfig;
  throw new Error(
    `a ${detectorTitle(config)}${deformable ? ' with deformable convolutions' : ''} cannot be exported: ` +
      'a RetinaNet or an FCOS without deformable convolutions can',
  );
}
