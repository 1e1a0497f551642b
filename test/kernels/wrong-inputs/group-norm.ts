/** Wrong inputs of FreekdGroupNorm and its gradient. */
import { tf, type Tensor } from '../../../lib/dist/tf';
import { floats, integers, ones, rows, shapesOfOtherRank, type WrongInput } from './rows';

interface Given {
  x?: number[];
  gamma?: number[];
  beta?: number[];
  groups?: Tensor;
  epsilon?: Tensor;
}

const forward = ({ x = [1, 2, 2, 4], gamma = [4], beta = [4], ...given }: Given): Tensor[] => [
  tf.ones(x),
  tf.ones(gamma),
  tf.zeros(beta),
  given.groups ?? integers([2]),
  given.epsilon ?? floats([1]),
];

type Row = [name: string, inputs: () => Tensor[], expected: RegExp | number[][]];

const groupFaults: [name: string, groups: () => Tensor, expected: RegExp][] = [
  ...[0, -1, -(2 ** 31), 3, 5, 2 ** 31 - 1].map((groups): [string, () => Tensor, RegExp] => [
    `${groups} groups`,
    () => integers([groups]),
    /groups is .*, expected a divisor of the 4 channels/,
  ]),
  ['no number of groups', () => integers([]), /groups is \[0\], expected \[1\]/],
  ['two numbers of groups', () => integers([2, 2]), /groups is \[2\], expected \[1\]/],
  ['groups as a float', () => floats([2]), /expected to be a int32/],
];

const forwardRows: Row[] = [
  ...shapesOfOtherRank.map((x): Row => [
    `x of rank ${x.length}`,
    () => forward({ x }),
    /x is .*, expected \[N, H, W, C\]/,
  ]),
  ...groupFaults.map(([name, groups, expected]): Row => [name, () => forward({ groups: groups() }), expected]),
  ...[[], [3], [8], [2, 2]].flatMap((shape): Row[] => [
    [`gamma of [${shape}]`, () => forward({ gamma: shape }), /gamma is .*, expected \[(4|C)\]/],
    [`beta of [${shape}]`, () => forward({ beta: shape }), /beta is .*, expected \[(4|C)\]/],
  ]),
  ['no epsilon', () => forward({ epsilon: floats([]) }), /epsilon is \[0\], expected \[1\]/],
  [
    'no images',
    () => forward({ x: [0, 2, 2, 4] }),
    [
      [0, 2, 2, 4],
      [0, 4],
      [0, 4],
    ],
  ],
  [
    'no rows',
    () => forward({ x: [1, 0, 2, 4] }),
    [
      [1, 0, 2, 4],
      [1, 4],
      [1, 4],
    ],
  ],
  [
    'no channels',
    () => forward({ x: [1, 2, 2, 0], gamma: [0], beta: [0] }),
    [
      [1, 2, 2, 0],
      [1, 0],
      [1, 0],
    ],
  ],
];

type Shapes = { dy?: number[]; x?: number[]; y?: number[]; gamma?: number[]; mean?: number[]; inverse?: number[] };

const backward = (
  { x = [1, 2, 2, 4], dy = x, y = x, gamma = [4], mean = [1, 4], inverse = mean }: Shapes,
  groups = integers([2]),
): Tensor[] => [...[dy, x, y, gamma, mean, inverse].map((shape) => ones(...shape)), groups];

const backwardRows: Row[] = [
  ...shapesOfOtherRank.map((x): Row => [
    `x of rank ${x.length}`,
    () => backward({ x }),
    /(x|dy) is .*, expected \[N, H, W, C\]/,
  ]),
  ...groupFaults.map(([name, groups, expected]): Row => [name, () => backward({}, groups()), expected]),
  ...[
    [1, 2, 2, 3],
    [1, 2, 1, 4],
    [2, 2, 2, 4],
    [1, 3, 2, 4],
  ].flatMap((shape): Row[] => [
    [`dy of [${shape}]`, () => backward({ dy: shape }), /dy is .*, expected \[1, 2, 2, 4\]/],
    [`y of [${shape}]`, () => backward({ y: shape }), /y is .*, expected \[1, 2, 2, 4\]/],
  ]),
  ...[[], [3], [8], [2, 2]].map((gamma): Row => [
    `gamma of [${gamma}]`,
    () => backward({ gamma }),
    /gamma is .*, expected/,
  ]),
  ...[[], [4], [1, 3], [2, 4], [1, 1, 4]].flatMap((shape): Row[] => [
    [`mean of [${shape}]`, () => backward({ mean: shape, inverse: [1, 4] }), /mean is .*, expected/],
    [`inverse of [${shape}]`, () => backward({ inverse: shape }), /inverse is .*, expected/],
  ]),
  ['no images', () => backward({ x: [0, 2, 2, 4], mean: [0, 4] }), [[0, 2, 2, 4], [4], [4]]],
  ['no rows', () => backward({ x: [1, 0, 2, 4] }), [[1, 0, 2, 4], [4], [4]]],
  ['no channels', () => backward({ x: [1, 2, 2, 0], gamma: [0], mean: [1, 0] }), [[1, 2, 2, 0], [0], [0]]],
];

export const groupNormInputs: WrongInput[] = [
  ...rows('FreekdGroupNorm', 3, forwardRows),
  ...rows('FreekdGroupNormRelu', 3, forwardRows),
  ...rows('FreekdGroupNormReluGradient', 3, backwardRows),
];
