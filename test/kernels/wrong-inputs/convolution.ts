/** Wrong inputs of FreekdConv, FreekdConvRelu and their gradients, and wrong numbers of outputs. */
import { tf, type Tensor } from '../../../lib/dist/tf';
import { n, none, ones, rows, shapesOfOtherRank, type WrongInput } from './rows';

const filter = (): Tensor => ones(3, 3, 4, 5);
const convolution = (operation: string): WrongInput[] =>
  rows(
    operation,
    1,
    [
      ...[[], [3], [3, 3], [3, 3, 4], [3, 3, 4, 5, 1], [1, 1, 4, 5], [0, 3, 4, 5], [5, 5, 4, 5]].map(
        (shape): [string, () => Tensor[], RegExp] => [
          `a filter of [${shape}]`,
          () => [tf.ones(shape), none(), ones(1, 8, 8, 4)],
          /filter is .*, expected \[3, 3, Cin, Cout\]/,
        ],
      ),
      ...shapesOfOtherRank.map((shape): [string, () => Tensor[], RegExp] => [
        `x of rank ${shape.length}`,
        () => [filter(), none(), tf.ones(shape)],
        /x\[0\] is .*, expected \[N, H, W, C\]/,
      ]),
      ['x of other channels', () => [filter(), none(), ones(1, 8, 8, 5)], /x\[0\] is .*, expected 4 channels/],
      ['x without channels', () => [filter(), none(), ones(1, 8, 8, 0)], /x\[0\] is .*, expected 4 channels/],
      ['a bias of other length', () => [filter(), ones(4), ones(1, 8, 8, 4)], /bias is \[4\], expected .* \[5\]/],
      ['a bias of rank 0', () => [filter(), tf.scalar(1), ones(1, 8, 8, 4)], /bias is \[\], expected \[Cout\]/],
      ['a bias of rank 2', () => [filter(), ones(1, 5), ones(1, 8, 8, 4)], /bias is \[1, 5\], expected \[Cout\]/],
      ['x of integers', () => [filter(), none(), tf.ones([1, 8, 8, 4], 'int32')], /expected to be a float/],
      ['x of 2^31 images', () => [ones(3, 3, 0, 5), none(), ones(2 ** 31, 1, 1, 0)], /expected sizes up to 2\^30/],
      ['N of 0', () => [filter(), none()], /'N' of 0 must be at least minimum 1/, n(0)],
      ['N of -1', () => [filter(), none(), ones(1, 8, 8, 4)], /-1 < 0/, n(-1)],
      ['N of 3 with one map', () => [filter(), none(), ones(1, 8, 8, 4)], /do not match 3 inputs/, n(3)],
      ['N of 2^40', () => [filter(), none(), ones(1, 8, 8, 4)], /N|inputs/, n(2 ** 40)],
      ['no images', () => [filter(), none(), ones(0, 8, 8, 4)], [[0, 8, 8, 5]]],
      ['no rows', () => [filter(), none(), ones(1, 0, 8, 4)], [[1, 0, 8, 5]]],
      ['no columns', () => [filter(), none(), ones(1, 8, 0, 4)], [[1, 8, 0, 5]]],
      ['no channels in', () => [ones(3, 3, 0, 5), none(), ones(1, 8, 8, 0)], [[1, 8, 8, 5]]],
      ['no channels out', () => [ones(3, 3, 4, 0), none(), ones(1, 8, 8, 4)], [[1, 8, 8, 0]]],
      ['no channels', () => [ones(3, 3, 0, 0), none(), ones(1, 8, 8, 0)], [[1, 8, 8, 0]]],
    ],
    n(1),
  );
const twoLevels = rows(
  'FreekdConv',
  2,
  [
    [
      'levels of other channels',
      () => [filter(), none(), ones(1, 8, 8, 4), ones(1, 4, 4, 5)],
      /x\[1\] is \[1, 4, 4, 5\], expected 4 channels/,
    ],
  ],
  n(2),
);

const inputGradient = rows(
  'FreekdConvInputGradient',
  1,
  [
    ['dy of other channels', () => [filter(), ones(1, 8, 8, 4)], /dy\[0\] is .*, expected 5 channels/],
    ['a filter of rank 2', () => [ones(4, 5), ones(1, 8, 8, 5)], /filter is .*, expected \[3, 3, Cin, Cout\]/],
    ...shapesOfOtherRank.map((shape): [string, () => Tensor[], RegExp] => [
      `dy of rank ${shape.length}`,
      () => [filter(), tf.ones(shape)],
      /dy\[0\] is .*, expected \[N, H, W, C\]/,
    ]),
    ['no images', () => [filter(), ones(0, 8, 8, 5)], [[0, 8, 8, 4]]],
    ['no rows', () => [filter(), ones(1, 0, 8, 5)], [[1, 0, 8, 4]]],
    ['no channels in', () => [ones(3, 3, 0, 5), ones(1, 8, 8, 5)], [[1, 8, 8, 0]]],
    ['no channels out', () => [ones(3, 3, 4, 0), ones(1, 8, 8, 0)], [[1, 8, 8, 4]]],
    ['no channels', () => [ones(3, 3, 0, 0), ones(1, 8, 8, 0)], [[1, 8, 8, 0]]],
  ],
  n(1),
);

const filterGradient = rows(
  'FreekdConvFilterGradient',
  1,
  [
    ...shapesOfOtherRank.map((shape): [string, () => Tensor[], RegExp] => [
      `x of rank ${shape.length}`,
      () => [tf.ones(shape), ones(1, 8, 8, 5)],
      /x\[0\] is .*, expected \[N, H, W, Cin\]/,
    ]),
    ['dy of rank 3', () => [ones(1, 8, 8, 4), ones(8, 8, 5)], /dy\[0\] is .*, expected \[N, H, W, Cout\]/],
    ...[[0, 8, 8, 5], [2, 8, 8, 5], [1, 9, 8, 5], [1, 8, 4, 5]].map((shape): [string, () => Tensor[], RegExp] => [
      `dy of [${shape}]`,
      () => [ones(1, 8, 8, 4), tf.ones(shape)],
      /x\[0\] is \[1, 8, 8\] without its channels, dy\[0\] is .*: expected one size/,
    ]),
    ['no images', () => [ones(0, 8, 8, 4), ones(0, 8, 8, 5)], [[3, 3, 4, 5]]],
    ['no rows', () => [ones(1, 0, 8, 4), ones(1, 0, 8, 5)], [[3, 3, 4, 5]]],
    ['no channels in', () => [ones(1, 8, 8, 0), ones(1, 8, 8, 5)], [[3, 3, 0, 5]]],
    ['no channels', () => [ones(1, 8, 8, 0), ones(1, 8, 8, 0)], [[3, 3, 0, 0]]],
    ['x without dy', () => [ones(1, 8, 8, 4)], /expected 2 inputs, got 1/],
  ],
  n(1),
);
const filterGradientLevels = rows(
  'FreekdConvFilterGradient',
  1,
  [
    [
      'levels of other channels',
      () => [ones(1, 8, 8, 4), ones(1, 4, 4, 3), ones(1, 8, 8, 5), ones(1, 4, 4, 5)],
      /x\[1\] is \[1, 4, 4, 3\], expected 4 channels/,
    ],
    ['three of four', () => [ones(1, 8, 8, 4), ones(1, 4, 4, 4), ones(1, 8, 8, 5)], /expected 4 inputs, got 3/],
  ],
  n(2),
);

const counts = [-1, -(2 ** 31), 0.5, NaN, 1e9].map(
  (outputs): WrongInput => ({
    name: `FreekdConv: ${outputs} outputs`,
    operation: 'FreekdConv',
    expected: /outputs/,
    attributes: n(1),
    inputs: () => [filter(), none(), ones(1, 8, 8, 4)],
    outputs,
  }),
);

export const convolutionInputs: WrongInput[] = [
  ...convolution('FreekdConv'),
  ...convolution('FreekdConvRelu'),
  ...twoLevels,
  ...inputGradient,
  ...filterGradient,
  ...filterGradientLevels,
  ...counts,
];
