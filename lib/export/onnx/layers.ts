/**
 * The layers of a network as nodes of ONNX: convolutions with their norm folded in, group norm,
 * pooling, sums. Weights have PyTorch's shapes and names.
 */
import type { ParameterEntry } from '../../core/parameters';
import { EPSILON, type Norm } from '../../backbone/layers';
import type { FeatureMap, Graph, Value } from './graph';

/** What a network is written from. */
export interface Network {
  graph: Graph;
  /** As `exportWeights` gives them: filters [out, in / groups, height, width]. */
  weights: ReadonlyMap<string, ParameterEntry>;
}

export interface LayerOptions {
  stride?: number;
  groups?: number;
  norm?: Norm;
  /** Default PyTorch's 1e-5. */
  epsilon?: number;
  activate?: boolean;
}

function entry({ weights }: Network, name: string): ParameterEntry {
  const found = weights.get(name);
  if (!found) throw new Error(`the detector has no parameter ${name}`);
  return found;
}

/** A parameter as a constant of its own name. */
export function parameter(network: Network, name: string, shape?: readonly number[]): Value {
  const { data, shape: own } = entry(network, name);
  return network.graph.constant(name, data, shape ?? own);
}

/** A convolution with zero padding of half a kernel, deformable where it has offsets, its norm and its ReLU. */
export function convNorm(
  network: Network,
  names: { conv: string; norm: string },
  x: FeatureMap,
  { stride = 1, groups = 1, norm = 'none', epsilon = EPSILON, activate = false }: LayerOptions = {},
): FeatureMap {
  const { graph, weights } = network;
  const constants =
    norm === 'none' || typeof norm === 'object'
      ? ['weight', 'bias']
          .map((field) => `${names.conv}.${field}`)
          .filter((name) => weights.has(name))
          .map((name) => parameter(network, name))
      : folded(network, names, epsilon);
  const offset = `${names.conv}.conv_offset`;
  const offsets = weights.has(`${offset}.weight`)
    ? convNorm(network, { conv: offset, norm: '' }, x, { stride }).value
    : undefined;
  let y = convolved(network, names.conv, x, constants, { stride, groups, offsets });
  if (typeof norm === 'object') y = groupNorm(network, names.norm, y, { groups: norm.groups, epsilon });
  return activate ? relu(graph, y) : y;
}

/** @param offsets [1, 2 kh kw, h, w] y and x in pixels of each tap: then the convolution is deformable */
export function convolved(
  network: Network,
  name: string,
  x: FeatureMap,
  [filter, ...bias]: readonly Value[],
  { stride = 1, groups = 1, offsets }: { stride?: number; groups?: number; offsets?: Value } = {},
): FeatureMap {
  const [channels, , ...kernel] = entry(network, `${name}.weight`).shape;
  const padding = (kernel[0] - 1) / 2;
  const attributes = {
    kernel_shape: kernel,
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
    group: groups,
  };
  const value = offsets
    ? network.graph.add('DeformConv', [x.value, filter, offsets, ...bias], attributes)
    : network.graph.add('Conv', [x.value, filter, ...bias], attributes);
  const side = (length: number): number => Math.floor((length + 2 * padding - kernel[0]) / stride) + 1;
  return { value, channels, height: side(x.height), width: side(x.width) };
}

/**
 * Filter and bias of a convolution followed by batch norm with its running statistics: the norm is
 * s x + t with s = gamma / sqrt(variance + epsilon) and t = beta - s mean.
 */
function folded(network: Network, names: { conv: string; norm: string }, epsilon: number): Value[] {
  const { graph, weights } = network;
  const { shape, data } = entry(network, `${names.conv}.weight`);
  const field = (name: string): Float32Array => entry(network, `${names.norm}.${name}`).data;
  const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(field);
  const before = weights.get(`${names.conv}.bias`)?.data;
  const scales = Float64Array.from(gamma, (value, c) => value / Math.sqrt(variance[c] + epsilon));
  const each = data.length / shape[0];
  const filter = data.map((value, i) => value * scales[Math.floor(i / each)]);
  const bias = beta.map((value, c) => value + ((before?.[c] ?? 0) - mean[c]) * scales[c]);
  return [graph.constant(`${names.conv}.weight`, filter, shape), graph.constant(`${names.conv}.bias`, bias)];
}

/** By InstanceNormalization on [1, groups, all of a group], as PyTorch's exporter writes it. */
function groupNorm(
  network: Network,
  name: string,
  { value, ...size }: FeatureMap,
  { groups, epsilon }: { groups: number; epsilon: number },
): FeatureMap {
  const { graph } = network;
  const { channels, height, width } = size;
  const [one, zero] = [1, 0].map((fill) =>
    graph.constant(`${groups}_times_${fill}`, new Float32Array(groups).fill(fill)),
  );
  const grouped = graph.add('Reshape', [value, graph.integers(1, groups, -1)]);
  const normal = graph.add('InstanceNormalization', [grouped, one, zero], { epsilon: { float: epsilon } });
  const flat = graph.add('Reshape', [normal, graph.integers(1, channels, height, width)]);
  const [gamma, beta] = ['weight', 'bias'].map((field) =>
    parameter(network, `${name}.${field}`, [1, channels, 1, 1]),
  );
  return { ...size, value: graph.add('Add', [graph.add('Mul', [flat, gamma]), beta]) };
}

export const relu = (graph: Graph, x: FeatureMap): FeatureMap => ({ ...x, value: graph.add('Relu', [x.value]) });

export const sum = (graph: Graph, x: FeatureMap, y: FeatureMap): FeatureMap => ({
  ...x,
  value: graph.add('Add', [x.value, y.value]),
});

export function maxPool(
  graph: Graph,
  x: FeatureMap,
  { size, stride, padding = 0 }: { size: number; stride: number; padding?: number },
): FeatureMap {
  const value = graph.add('MaxPool', [x.value], {
    kernel_shape: [size, size],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  });
  const side = (length: number): number => Math.floor((length + 2 * padding - size) / stride) + 1;
  return { ...x, value, height: side(x.height), width: side(x.width) };
}

/** Nearest: row i of the result is row floor(i H / h). */
export function upsampled(graph: Graph, x: FeatureMap, { height, width }: FeatureMap): FeatureMap {
  const sizes = graph.integers(1, x.channels, height, width);
  const value = graph.add('Resize', [x.value, '', '', sizes], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  return { ...x, value, height, width };
}

