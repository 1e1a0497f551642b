/** A detector as a file of ONNX that stands alone: pixels in, objects out. */
import type { InputSize, Size } from '../../coco/input-size';
import { detectSettings } from '../../detection/detector';
import type { DetectorConfig } from '../../detection/families';
import { detectorMetadata, type PictureDetector } from '../../distill/detector-file';
import { exportWeights } from '../../weights/import';
import { fcosHead } from './fcos';
import { type FeatureMap, Graph } from './graph';
import { BOXES, type Head } from './head';
import type { Network } from './layers';
import { modelBytes } from './model-file';
import { picture } from './picture';
import { regionHead } from './region-head';
import { repPointsHead } from './reppoints';
import { retinaNetHead } from './retinanet';
import { suppressed } from './suppression';
import { trunk } from './trunk';

export interface OnnxOptions {
  /** Size of the pictures that the graph reads. Default: the detector's, where that is fixed. */
  size?: Size;
  /** Whether the graph suppresses boxes itself, or gives what suppression needs. Default 'inside'. */
  nms?: 'inside' | 'beside';
}

/**
 * The bytes of an .onnx file. Its input is `picture`, uint8 [1, height, width, 3]. With suppression
 * inside, its outputs are those of `detect`: `boxes` [n, 4], x1, y1, x2, y2 in pixels of the
 * picture, `scores` [n], best first, and `labels` [n], places in the detector's categories. Beside,
 * they are `boxes` and `logits` of every anchor, of every point (FCOS's with its `centerness`), or of
 * every region that the first stage proposes. Its metadata has the detector's, and under `detect`
 * the JSON of the settings of suppression.
 */
export function onnxBytes(
  stored: PictureDetector,
  { size = fixedSize(stored.size), nms = 'inside' }: OnnxOptions = {},
): Uint8Array {
  const { detector } = stored;
  const config = detector.config as DetectorConfig;
  const graph = new Graph();
  const network = { graph, weights: exportWeights(detector.parameters) };
  const pyramid = trunk(network, config, picture(graph, size, config.input));
  const head = headOf(network, config, pyramid, size);
  const settings = detectSettings({}, config.kind === 'fcos' ? config.nms : undefined);
  if (nms === 'beside')
    for (const { name, value, shape, meaning } of head.raw()) graph.output(value, name, 'float32', shape, meaning);
  else {
    const found = suppressed(graph, head.candidates(settings), config.classes, settings);
    graph.output(found.boxes, 'boxes', 'float32', ['n', 4], BOXES);
    graph.output(found.scores, 'scores', 'float32', ['n'], 'best first');
    graph.output(found.labels, 'labels', 'int64', ['n'], "places in the detector's categories");
  }
  const metadata = { ...detectorMetadata(detector, { ...stored, size }), detect: JSON.stringify(settings) };
  return modelBytes(graph, metadata);
}

function headOf(network: Network, config: DetectorConfig, pyramid: FeatureMap[], size: Size): Head {
  switch (config.kind) {
    case 'fcos':
      return fcosHead(network, config, pyramid, size);
    case 'reppoints':
      return repPointsHead(network, config, pyramid, size);
    case 'faster-rcnn':
    case 'cascade-rcnn':
      return regionHead(network, config, pyramid, size);
    default:
      return retinaNetHead(network, config, pyramid, size);
  }
}

/** The size of all inputs. Throws where pictures keep their proportions. */
export function fixedSize(size: InputSize): Size {
  if ('width' in size) return size;
  throw new Error(
    `its pictures keep their proportions within ${size.longSide} x ${size.shortSide} pixels, but a graph reads one ` +
      `size: choose it with --size, as in --size ${size.longSide}x${size.shortSide}`,
  );
}
