/** What a table of wrong inputs is made of. */
import { attribute, type Attribute } from '../../../lib/dist/core/native';
import { tf, type Tensor } from '../../../lib/dist/tf';

export interface WrongInput {
  name: string;
  operation: string;
  /** What the error says, or the shapes of the outputs, all zeros, where a size of 0 is no fault. */
  expected: RegExp | number[][];
  attributes: () => Attribute[];
  inputs: () => Tensor[];
  outputs: number;
}

export interface Outcome {
  error?: string;
  outputs?: { shape: number[]; zeros: boolean }[];
}

export const ones = (...shape: number[]): Tensor => tf.ones(shape);
export const integers = (values: number[]): Tensor => tf.tensor1d(values, 'int32');
export const floats = (values: number[]): Tensor => tf.tensor1d(values, 'float32');
export const none = (): Tensor => floats([]);

export const shapesOfOtherRank = [[], [2], [2, 2], [2, 2, 3], [1, 2, 2, 3, 4], [1, 2, 2, 3, 1, 1]];

/** The attribute N. */
export const n = (value: number) => (): Attribute[] => [attribute.int('N', value)];

/** Rows of one operation: name, inputs, what is expected, attributes, number of outputs. */
export function rows(
  operation: string,
  outputs: number,
  list: [name: string, inputs: () => Tensor[], expected: RegExp | number[][], attributes?: () => Attribute[]][],
  attributes: () => Attribute[] = () => [],
): WrongInput[] {
  return list.map(([name, inputs, expected, own]) => ({
    name: `${operation}: ${name}`,
    operation,
    inputs,
    expected,
    attributes: own ?? attributes,
    outputs,
  }));
}
