/**
 * The heads that look at regions as nodes: what lib/detection/faster-rcnn and cascade-rcnn compute
 * after the first stage, and make of it.
 */
import type { Size } from '../../coco/input-size';
import type { CascadeRcnnConfig } from '../../detection/cascade-rcnn';
import type { FasterRcnnConfig } from '../../detection/faster-rcnn';
import type { Deviations } from '../../detection/faster-rcnn/regions';
import type { RoiHeadConfig } from '../../detection/faster-rcnn/roi-head';
import { pyramidStrides } from '../../detection/levels';
import type { FeatureMap, Graph, Value } from './graph';
import { BOXES, concat, decoded, type Head, NONE, sharedCandidates, sidesOf } from './head';
import { parameter, type Network } from './layers';
import { proposals } from './proposals';

interface Stage {
  name: string;
  deviations: Deviations;
}

/** The heads, each on the boxes of the one before, and how many boxes the last gives a region. */
function stagesOf(config: FasterRcnnConfig | CascadeRcnnConfig): { stages: readonly Stage[]; boxes: number } {
  if (config.kind === 'cascade-rcnn')
    return {
      stages: config.stages.map(({ deviations }, i) => ({ name: `roi_head.bbox_head.${i}`, deviations })),
      boxes: 1,
    };
  const { deviations, classAgnostic } = config.head;
  return { stages: [{ name: 'roi_head.bbox_head', deviations }], boxes: classAgnostic ? 1 : config.classes };
}

export function regionHead(
  network: Network,
  config: FasterRcnnConfig | CascadeRcnnConfig,
  pyramid: FeatureMap[],
  extent: Size,
): Head {
  const { graph } = network;
  const { classes } = config;
  const { stages, boxes: perRegion } = stagesOf(config);
  const strides = pyramidStrides(config.backbone, config.neck);
  let boxes = proposals(network, config, pyramid, extent); // [R, 4], in the end [R * perRegion, 4]
  const ofStages: Value[] = [];
  for (const { name, deviations } of stages) {
    const hidden = ['shared_fcs.0', 'shared_fcs.1'].reduce(
      (x, layer) => graph.add('Relu', [dense(network, `${name}.${layer}`, x)]),
      graph.add('Flatten', [cut(graph, config.head, pyramid, strides, boxes)]),
    );
    ofStages.push(dense(network, `${name}.fc_cls`, hidden)); // [R, K + 1]
    boxes = moved(graph, boxes, dense(network, `${name}.fc_reg`, hidden), deviations, perRegion, extent);
  }
  const mean = (): Value => graph.add('Mul', [graph.add('Sum', ofStages), graph.number(1 / ofStages.length)]);
  const logits = ofStages.length === 1 ? ofStages[0] : mean();
  const ofClasses = (): Value => graph.add('Reshape', [boxes, graph.integers(-1, classes, 4)]);
  return {
    raw() {
      const meaning = 'before the softmax; the last is the background';
      return [
        perRegion === 1
          ? { name: 'boxes', value: boxes, shape: ['n', 4], meaning: BOXES }
          : { name: 'boxes', value: ofClasses(), shape: ['n', classes, 4], meaning: BOXES },
        { name: 'logits', value: logits, shape: ['n', classes + 1], meaning },
      ];
    },
    candidates({ scoreThreshold }) {
      const probabilities = graph.add('Softmax', [logits], { axis: 1 });
      const own = graph.add('Slice', [probabilities, graph.integers(0), graph.integers(classes), graph.integers(1)]);
      const counts = graph.add('Greater', [own, graph.number(scoreThreshold)]);
      const scores = graph.add('Where', [counts, own, graph.number(NONE)]);
      const byClass = graph.add('Transpose', [scores], { perm: [1, 0] }); // [K, R]
      if (perRegion === 1) return sharedCandidates(graph, boxes, byClass);
      return {
        boxes: graph.add('Transpose', [ofClasses()], { perm: [1, 0, 2] }),
        scores: graph.add('Unsqueeze', [byClass, graph.integers(1)]),
      };
    },
  };
}

/** x [R, in] by a fully connected layer, whose weight may be a filter that sees all of a region. */
function dense(network: Network, name: string, x: Value): Value {
  const { shape, data } = network.weights.get(`${name}.weight`)!;
  const matrix = parameter(network, `${name}.weight`, [shape[0], data.length / shape[0]]);
  return network.graph.add('Gemm', [x, matrix, parameter(network, `${name}.bias`)], { transB: 1 });
}

/** [R, C, bins, bins] of regions [R, 4], each from the level that its size asks for. */
function cut(
  graph: Graph,
  { bins, finestScale, levels, samples = 0, aligned = true }: RoiHeadConfig,
  pyramid: readonly FeatureMap[],
  strides: readonly number[],
  regions: Value,
): Value {
  const cutFrom = (level: number, own: Value): Value => {
    const [count] = graph.addMany('Split', [graph.add('Shape', [own]), graph.integers(1, 1)], 2);
    const pictures = graph.add('Expand', [graph.integer(0), count]);
    return graph.add('RoiAlign', [pyramid[level].value, own, pictures], {
      output_height: bins,
      output_width: bins,
      sampling_ratio: samples,
      spatial_scale: { float: 1 / strides[level] },
      coordinate_transformation_mode: aligned ? 'half_pixel' : 'output_half_pixel',
    });
  };
  if (levels === 1) return cutFrom(0, regions);
  const side = graph.add('Sqrt', [graph.add('Mul', sidesOf(graph, regions))]);
  const inScales = graph.add('Add', [graph.add('Div', [side, graph.number(finestScale)]), graph.number(1e-6)]);
  const scale = graph.add('Reshape', [inScales, graph.integers(-1)]);
  const parts = Array.from({ length: levels }, (_, level) => {
    const low = graph.add('GreaterOrEqual', [scale, graph.number(level === 0 ? 0 : 2 ** level)]);
    const below = graph.add('Less', [scale, graph.number(level === levels - 1 ? Infinity : 2 ** (level + 1))]);
    const places = graph.add('Reshape', [graph.add('NonZero', [graph.add('And', [low, below])]), graph.integers(-1)]);
    return { places, values: cutFrom(level, graph.add('Gather', [regions, places])) };
  });
  const places = concat(graph, parts.map((part) => part.places));
  const [, inOrder] = graph.addMany('TopK', [places, graph.add('Shape', [places])], 2, { largest: 0 });
  return graph.add('Gather', [concat(graph, parts.map((part) => part.values)), inOrder]);
}

/** [R * count, 4] boxes that deltas [R, count * 4] make of regions [R, 4], clipped to the picture. */
function moved(
  graph: Graph,
  regions: Value,
  deltas: Value,
  [ofCentre, ofSize]: Deviations,
  count: number,
  extent: Size,
): Value {
  const [upperLeft, lowerRight] = graph.addMany('Split', [regions, graph.integers(2, 2)], 2, { axis: 1 });
  const centre = graph.add('Mul', [graph.add('Add', [upperLeft, lowerRight]), graph.number(0.5)]);
  const places = concat(graph, [centre, graph.add('Sub', [lowerRight, upperLeft])], 1);
  const deviations = Float32Array.of(ofCentre, ofCentre, ofSize, ofSize);
  const scaled = graph.add('Mul', [
    graph.add('Reshape', [deltas, graph.integers(-1, 4)]),
    graph.constant(`deviations_${ofCentre}_${ofSize}`, deviations),
  ]);
  const repeated = graph.add('Tile', [places, graph.integers(1, count)]);
  const each = graph.add('Reshape', [repeated, graph.integers(-1, 4)]);
  return decoded(graph, count === 1 ? places : each, scaled, extent);
}
