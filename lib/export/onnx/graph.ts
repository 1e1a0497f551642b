/**
 * A graph of ONNX as it is built, node by node. Values are known by their names; every one has a
 * batch of one picture, maps are [1, C, H, W].
 */

/** The name of a value in the graph. */
export type Value = string;

/** A value that is a map, and its size: the size of every map is known. */
export interface FeatureMap {
  value: Value;
  channels: number;
  height: number;
  width: number;
}

/** `{ float }` tells a number that is one by chance whole from an integer. */
type Attribute = number | readonly number[] | string | { float: number };
type Attributes = Record<string, Attribute>;

type Numbers = Float32Array | BigInt64Array;

/** ONNX's numbers of the types of data. */
const DATA_TYPES = { float32: 1, uint8: 2, int64: 7 } as const;
export type DataType = keyof typeof DATA_TYPES;

/** A number where the length is known, else its name. */
export type Side = number | string;

/** The versions of ONNX's operators that the graphs need; what is not named is in the oldest of them. */
const OLDEST_OPSET = 13;
const OPSETS: Record<string, number> = { RoiAlign: 16, DeformConv: 19 };

/** As onnx.proto has it. */
export interface GraphProto {
  node: object[];
  name: string;
  initializer: object[];
  input: object[];
  output: object[];
}

export class Graph {
  private readonly nodes: object[] = [];
  private readonly constants = new Map<string, object>();
  private readonly inputs: object[] = [];
  private readonly outputs: object[] = [];
  private count = 0;
  /** The oldest version of the operators that has all nodes. */
  opset = OLDEST_OPSET;

  input(name: string, type: DataType, shape: readonly Side[], meaning: string): Value {
    this.inputs.push(valueInfo(name, type, shape, meaning));
    return name;
  }

  /** Gives `value` out under the name `name`. */
  output(value: Value, name: string, type: DataType, shape: readonly Side[], meaning: string): void {
    this.nodes.push(node('Identity', [value], [name], {}));
    this.outputs.push(valueInfo(name, type, shape, meaning));
  }

  /** A constant; the first of a name counts, so that layers shared by levels are stored once. */
  constant(name: string, data: Numbers, shape: readonly number[] = [data.length]): Value {
    if (!this.constants.has(name)) {
      const raw_data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const data_type = DATA_TYPES[data instanceof Float32Array ? 'float32' : 'int64'];
      this.constants.set(name, { name, dims: [...shape], data_type, raw_data });
    }
    return name;
  }

  /** A constant list of integers. */
  integers(...values: number[]): Value {
    return this.constant(`integers_${values.join('_')}`, BigInt64Array.from(values, BigInt));
  }

  /** A constant number. */
  number(value: number): Value {
    return this.constant(`number_${value}`, Float32Array.of(value), []);
  }

  /** A constant integer. */
  integer(value: number): Value {
    return this.constant(`integer_${value}`, BigInt64Array.of(BigInt(value)), []);
  }

  /** Adds a node with one output. */
  add(type: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.addMany(type, inputs, 1, attributes)[0];
  }

  /** Adds a node with several outputs. */
  addMany(type: string, inputs: readonly Value[], outputs: number, attributes: Attributes = {}): Value[] {
    const names = Array.from({ length: outputs }, () => `${type}_${this.count++}`);
    this.nodes.push(node(type, inputs, names, attributes));
    this.opset = Math.max(this.opset, OPSETS[type] ?? OLDEST_OPSET);
    return names;
  }

  proto(name: string): GraphProto {
    const { nodes, constants, inputs, outputs } = this;
    return { name, node: nodes, initializer: [...constants.values()], input: inputs, output: outputs };
  }
}

function node(
  type: string,
  input: readonly Value[],
  output: readonly Value[],
  attributes: Attributes,
): object {
  const attribute = Object.entries(attributes).map(([name, value]) => ({ name, ...attributeValue(value) }));
  return { name: output[0], op_type: type, input, output, attribute };
}

/** The field of the value, and the number of its type. */
function attributeValue(value: Attribute): object {
  if (typeof value === 'number') return { i: value, type: 2 };
  if (typeof value === 'string') return { s: Buffer.from(value), type: 3 };
  return 'float' in value ? { f: value.float, type: 1 } : { ints: value, type: 7 };
}

function valueInfo(name: string, type: DataType, shape: readonly Side[], meaning: string): object {
  const dim = shape.map((side) => (typeof side === 'number' ? { dim_value: side } : { dim_param: side }));
  return { name, doc_string: meaning, type: { tensor_type: { elem_type: DATA_TYPES[type], shape: { dim } } } };
}
