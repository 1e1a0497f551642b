/** Wrong inputs of FreekdDeformableColumns and its gradient. */
import { tf, type Tensor } from '../../../lib/dist/tf';
import { floats, integers, ones, rows, shapesOfOtherRank, type WrongInput } from './rows';

// Kernel height and width, stride, padding, dilation, groups, deformable groups.
const window3 = [3, 3, 1, 1, 1, 1, 1];
const columnsOf = (x: number[], offset: number[], window = window3): Tensor[] => [
  tf.ones(x),
  tf.zeros(offset),
  integers(window),
];
const deformFaults: [name: string, inputs: () => Tensor[], expected: RegExp][] = [
  ...shapesOfOtherRank.map((shape): [string, () => Tensor[], RegExp] => [
    `x of rank ${shape.length}`,
    () => columnsOf(shape, [1, 4, 4, 18]),
    /x is .*, expected \[N, H, W, C\]/,
  ]),
  ...[[], [18], [1, 4, 4, 17], [1, 4, 4, 36], [2, 4, 4, 18], [1, 4, 3, 18]].map(
    (shape): [string, () => Tensor[], RegExp] => [
      `offset of [${shape}]`,
      () => columnsOf([1, 4, 4, 4], shape),
      /offset is .*, expected (\[1, 4, 4, 18\]|\[N, h, w, 2 K D\])/,
    ],
  ),
  ...[0, 1, 2, 4, 5, 6].flatMap((place) =>
    [0, -1, -(2 ** 31)].map((value): [string, () => Tensor[], RegExp] => [
      `window[${place}] of ${value}`,
      () => columnsOf([1, 4, 4, 4], [1, 4, 4, 18], window3.map((other, i) => (i === place ? value : other))),
      /window\[\d\] is .*, expected 1 or more/,
    ]),
  ),
  ['padding of -1', () => columnsOf([1, 4, 4, 4], [1, 4, 4, 18], [3, 3, 1, -1, 1, 1, 1]), /window\[3\] is -1/],
  ['a window short', () => columnsOf([1, 4, 4, 4], [1, 4, 4, 18], window3.slice(1)), /window is \[6\], expected \[7\]/],
  ['a window of floats', () => [ones(1, 4, 4, 4), ones(1, 4, 4, 18), floats(window3)], /expected to be a int32/],
  ['3 groups', () => columnsOf([1, 4, 4, 4], [1, 4, 4, 18], [3, 3, 1, 1, 1, 3, 1]), /no multiple of 3 groups/],
  ['3 deformable groups', () => columnsOf([1, 4, 4, 4], [1, 4, 4, 54], [3, 3, 1, 1, 1, 1, 3]), /3 deformable groups/],
  ['a window beyond x', () => columnsOf([1, 4, 4, 4], [1, 4, 4, 18], [9, 9, 1, 1, 1, 1, 1]), /smaller with its padding/],
  [
    'a window of 2^31',
    () => columnsOf([1, 4, 4, 4], [1, 4, 4, 18], window3.map((_, i) => (i === 3 ? 0 : 2 ** 31 - 1))),
    /no multiple of|smaller with its padding/,
  ],
  [
    'padding of 2^31',
    () => columnsOf([1, 4, 4, 4], [1, 4, 4, 18], [3, 3, 1, 2 ** 31 - 1, 1, 1, 1]),
    /offset is .*, expected/,
  ],
];
const deformable = rows('FreekdDeformableColumns', 1, [
  ...deformFaults,
  ['no images', () => columnsOf([0, 4, 4, 4], [0, 4, 4, 18]), [[1, 0, 36]]],
  ['no channels', () => columnsOf([1, 4, 4, 0], [1, 4, 4, 18]), [[1, 16, 0]]],
  ['no rows', () => columnsOf([1, 0, 4, 4], [1, 1, 4, 18], [3, 3, 1, 2, 1, 1, 1]), /offset is .*, expected/],
  ['no rows but padding', () => columnsOf([1, 0, 4, 4], [1, 2, 6, 18], [3, 3, 1, 2, 1, 1, 1]), [[1, 12, 36]]],
]);
const deformableGradient = rows('FreekdDeformableColumnsGradient', 2, [
  ...deformFaults.map(([name, inputs, expected]): [string, () => Tensor[], RegExp] => [
    name,
    () => [...inputs(), ones(1, 16, 36)],
    expected,
  ]),
  ...[[], [16, 36], [1, 16, 35], [1, 15, 36], [2, 16, 36], [1, 16, 36, 1]].map(
    (shape): [string, () => Tensor[], RegExp] => [
      `a gradient of [${shape}]`,
      () => [...columnsOf([1, 4, 4, 4], [1, 4, 4, 18]), tf.ones(shape)],
      /gradient is .*, expected/,
    ],
  ),
  ['no images', () => [...columnsOf([0, 4, 4, 4], [0, 4, 4, 18]), ones(1, 0, 36)], [[0, 4, 4, 4], [0, 4, 4, 18]]],
  ['no channels', () => [...columnsOf([1, 4, 4, 0], [1, 4, 4, 18]), ones(1, 16, 0)], [[1, 4, 4, 0], [1, 4, 4, 18]]],
]);

export const deformableInputs: WrongInput[] = [...deformable, ...deformableGradient];
