/**
 * Wrong inputs for every operation of lib/native, executed directly, and what has to come of them.
 * Run as a program from row `argv[2]` on it says of each row what did; wrong-inputs.test.ts runs it
 * so, for a kernel that reads past its memory ends the process.
 */
import { attribute, execute, ownKernels, type Attribute } from '../../lib/dist/kernels/native';
import { tf, type Tensor } from '../../lib/dist/tf';

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

const ones = (...shape: number[]): Tensor => tf.ones(shape);
const integers = (values: number[]): Tensor => tf.tensor1d(values, 'int32');
const floats = (values: number[]): Tensor => tf.tensor1d(values, 'float32');
const none = (): Tensor => floats([]);

// One level of Haar on 2 x 2: height, width, h, w; then twice: rows, entries, start, index.
const matrix = [2, 4, 0, 2, 4, 0, 1, 0, 1];
const haar = [2, 2, 1, 1, ...matrix, ...matrix];
const haarWeights = [0.5, 0.5, 0.5, -0.5, 0.5, 0.5, 0.5, -0.5];
/** `haar` with some integers replaced, by place. */
const changed = (places: Record<number, number>): number[] => haar.map((value, i) => places[i] ?? value);

const plans: [name: string, plan: () => Tensor, weights: () => Tensor, error: RegExp][] = [
  ['a plan of no level', () => integers([]), none, /0 levels, expected one/],
  [
    'a plan of two levels',
    () => integers([...haar, 1, 1, 1, 1, 2, 2, 0, 1, 2, 0, 0, 2, 2, 0, 1, 2, 0, 0]),
    () => floats([...haarWeights, 1, 1, 1, 1]),
    /levels, expected one|a matrix has/,
  ],
  ['a plan of sides only', () => integers([2, 2]), none, /the plan ends within a level/],
  ['a plan cut in a matrix', () => integers(haar.slice(0, -1)), () => floats(haarWeights), /the plan ends within/],
  ['a plan that goes on', () => integers([...haar, 1]), () => floats(haarWeights), /the plan ends within a level/],
  ...[-1, 0].map((side): [string, () => Tensor, () => Tensor, RegExp] => [
    `a plan with a height of ${side}`,
    () => integers(changed({ 2: side })),
    () => floats(haarWeights),
    new RegExp(`a side is ${side}`),
  ]),
  ...[3000, 2e9, 2 ** 31 - 1].map((side): [string, () => Tensor, () => Tensor, RegExp] => [
    `a plan with bands of ${side}`,
    () => integers(changed({ 2: side, 3: side })),
    () => floats(haarWeights),
    /a matrix has 2 rows where the level has|approximation is .*, the plan is for/,
  ]),
  ...[-50_000_000, 0, 3, 2e9].map((count): [string, () => Tensor, () => Tensor, RegExp] => [
    `a plan with ${count} rows`,
    () => integers(changed({ 4: count })),
    () => floats(haarWeights),
    /a matrix has .* rows where the level has 2/,
  ]),
  ...[-1, -(2 ** 31), 1000, 2 ** 31 - 1].map((entries): [string, () => Tensor, () => Tensor, RegExp] => [
    `a plan with ${entries} entries`,
    () => integers(changed({ 5: entries })),
    () => floats(haarWeights),
    /the plan ends within a matrix/,
  ]),
  ...([[6, 1], [7, 2e9], [7, -1], [7, 5], [8, 3], [8, 5]] as const).map(
    ([place, start]): [string, () => Tensor, () => Tensor, RegExp] => [
      `a plan whose row ${place - 6} begins at ${start}`,
      () => integers(changed({ [place]: start })),
      () => floats(haarWeights),
      /the rows of a matrix do not follow each other/,
    ],
  ),
  ...[-1, -1e8, 2, 1e8].map((index): [string, () => Tensor, () => Tensor, RegExp] => [
    `a plan with index ${index}`,
    () => integers(changed({ 10: index })),
    () => floats(haarWeights),
    /an index is .* in a matrix of 2 columns/,
  ]),
  ['no weights', () => integers(haar), none, /fewer weights than the plan has entries/],
  ['a weight short', () => integers(haar), () => floats(haarWeights.slice(1)), /fewer weights/],
  ['a weight more', () => integers(haar), () => floats([...haarWeights, 1]), /more weights/],
  ['a plan of rank 2', () => tf.tensor2d(haar, [1, 22], 'int32'), () => floats(haarWeights), /plan is \[1, 22\]/],
  ['a plan of floats', () => floats(haar), () => floats(haarWeights), /expected to be a int32 tensor/],
  ['weights of integers', () => integers(haar), () => integers([1, 1, 1, 1, 1, 1, 1, 1]), /expected to be a float/],
  ['weights of rank 0', () => integers(haar), () => tf.scalar(1), /weights is \[\]/],
];

const plan = (): Tensor[] => [integers(haar), floats(haarWeights)];
const shapesOfOtherRank = [[], [2], [2, 2], [2, 2, 3], [1, 2, 2, 3, 4], [1, 2, 2, 3, 1, 1]];

/** Rows of one operation: name, inputs, what is expected, attributes, number of outputs. */
function rows(
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

const analysis = rows('FreekdAnalysis', 4, [
  ...plans.map(([name, integersOf, weightsOf, error]): [string, () => Tensor[], RegExp] => [
    name,
    () => [ones(1, 2, 2, 3), integersOf(), weightsOf()],
    error,
  ]),
  ...shapesOfOtherRank.map((shape): [string, () => Tensor[], RegExp] => [
    `x of rank ${shape.length}`,
    () => [tf.ones(shape), ...plan()],
    /x is \[.*\], expected \[N, H, W, C\]/,
  ]),
  ['x of another size', () => [ones(1, 2, 3, 3), ...plan()], /x is \[1, 2, 3, 3\], the plan is for 2 x 2/],
  ['x without rows', () => [ones(1, 0, 2, 3), ...plan()], /x is \[1, 0, 2, 3\], the plan is for 2 x 2/],
  ['x of integers', () => [tf.ones([1, 2, 2, 3], 'int32'), ...plan()], /expected to be a float/],
  ['an input short', () => [ones(1, 2, 2, 3), integers(haar)], /expected 3 inputs, got 2/],
  ['no images', () => [ones(0, 2, 2, 3), ...plan()], new Array<number[]>(4).fill([0, 1, 1, 3])],
  ['no channels', () => [ones(1, 2, 2, 0), ...plan()], new Array<number[]>(4).fill([1, 1, 1, 0])],
]);

const bands = (...shapes: number[][]): Tensor[] => shapes.map((shape) => tf.ones(shape));
const same = (shape: number[]): number[][] => [shape, shape, shape, shape];
/** Four bands of [1, 1, 1, 3], but for one. */
const butOne = (place: number, shape: number[]): number[][] =>
  same([1, 1, 1, 3]).map((other, i) => (i === place ? shape : other));
const synthesis = rows('FreekdSynthesis', 1, [
  ...plans.map(([name, integersOf, weightsOf, error]): [string, () => Tensor[], RegExp] => [
    name,
    () => [...bands(...same([1, 1, 1, 3])), integersOf(), weightsOf()],
    error,
  ]),
  ...[0, 1, 2, 3].map((place): [string, () => Tensor[], RegExp] => [
    `band ${place} of rank 3`,
    () => [...bands(...butOne(place, [1, 1, 3])), ...plan()],
    /(approximation|horizontal|vertical|diagonal) is \[1, 1, 3\], expected \[N, h, w, C\]/,
  ]),
  ...[[500_000, 1, 1, 3], [0, 1, 1, 3], [1, 1, 1, 200_000], [1, 2, 1, 3], [1, 1, 0, 3]].map(
    (shape): [string, () => Tensor[], RegExp] => [
      `an approximation of [${shape}] beside others`,
      () => [...bands(...butOne(0, shape)), ...plan()],
      /expected one shape|approximation is .*, the plan is for 1 x 1/,
    ],
  ),
  ['a diagonal of other channels', () => [...bands(...butOne(3, [1, 1, 1, 2])), ...plan()], /diagonal/],
  ['bands of another size', () => [...bands(...same([1, 2, 2, 3])), ...plan()], /approximation is .*, the plan is for/],
  ['no images', () => [...bands(...same([0, 1, 1, 3])), ...plan()], [[0, 2, 2, 3]]],
  ['no channels', () => [...bands(...same([1, 1, 1, 0])), ...plan()], [[1, 2, 2, 0]]],
]);

interface Distance {
  student?: number[];
  teacher?: number[];
  maps?: Tensor;
  scales?: Tensor;
  plan?: Tensor[];
}
const distance = (given: Distance): Tensor[] => {
  const student = given.student ?? [1, 2, 2, 3];
  return [
    tf.ones(student),
    tf.zeros(given.teacher ?? student),
    given.maps ?? none(),
    given.scales ?? floats([1, 1, 1, 1]),
    ...(given.plan ?? plan()),
  ];
};
const noPlan = (): Tensor[] => [integers([]), none()];
const bandDistance = rows('FreekdBandDistance', 2, [
  ...plans.slice(2).map(([name, integersOf, weightsOf, error]): [string, () => Tensor[], RegExp] => [
    name,
    () => distance({ plan: [integersOf(), weightsOf()] }),
    error,
  ]),
  ...shapesOfOtherRank.map((shape): [string, () => Tensor[], RegExp] => [
    `features of rank ${shape.length}`,
    () => distance({ student: shape, plan: noPlan(), scales: floats([1]) }),
    /student is \[.*\], expected \[N, H, W, C\]/,
  ]),
  ['a teacher of rank 2', () => distance({ teacher: [2, 2] }), /teacher is \[2, 2\], expected/],
  ...[[1, 1, 1, 1], [0, 2, 2, 3], [1, 2, 2, 4], [2, 2, 2, 3], [1, 2, 1, 3]].map(
    (shape): [string, () => Tensor[], RegExp] => [
      `a teacher of [${shape}]`,
      () => distance({ teacher: shape }),
      /teacher is .*, student is \[1, 2, 2, 3\]: expected one shape/,
    ],
  ),
  ['a plan for another size', () => distance({ student: [1, 4, 2, 3] }), /student is .*, the plan is for 2 x 2/],
  [
    'a second level larger than the first one\'s bands',
    () => distance({ plan: [integers([...haar, ...haar]), floats([...haarWeights, ...haarWeights])] }),
    /a level is not as large as the bands before it/,
  ],
  ['a scale short', () => distance({ scales: floats([1, 1, 1]) }), /scales is \[3\], expected one a band: \[4\]/],
  ['scales without levels', () => distance({ plan: noPlan() }), /scales is \[4\], expected one a band: \[1\]/],
  ['scales of rank 2', () => distance({ scales: ones(1, 4) }), /scales is \[1, 4\], expected \[B\]/],
  ...[[3], [4], [1, 3], [1, 5], [2, 4], [4, 1], [0, 4], [1, 0], [1, 2, 2]].map(
    (shape): [string, () => Tensor[], RegExp] => [
      `maps of [${shape}]`,
      () => distance({ maps: tf.ones(shape) }),
      /maps is .*, expected \[0\] or one weight a position of each band: \[1, 4\]/,
    ],
  ),
  [
    'maps of one image for 64',
    () => distance({ student: [64, 2, 2, 3], maps: ones(1, 4) }),
    /maps is \[1, 4\], expected .* \[64, 4\]/,
  ],
  ['no images', () => distance({ student: [0, 2, 2, 3] }), [[0, 3], [0, 2, 2, 3]]],
  ['no images, with maps', () => distance({ student: [0, 2, 2, 3], maps: ones(0, 4) }), [[0, 3], [0, 2, 2, 3]]],
  ['no channels', () => distance({ student: [1, 2, 2, 0] }), [[1, 0], [1, 2, 2, 0]]],
  [
    'no rows and no levels',
    () => distance({ student: [1, 0, 2, 3], plan: noPlan(), scales: floats([1]) }),
    [[1, 3], [1, 0, 2, 3]],
  ],
]);

const n = (value: number) => (): Attribute[] => [attribute.int('N', value)];
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

export const wrongInputs: WrongInput[] = [
  ...analysis,
  ...synthesis,
  ...bandDistance,
  ...convolution('FreekdConv'),
  ...convolution('FreekdConvRelu'),
  ...twoLevels,
  ...inputGradient,
  ...filterGradient,
  ...filterGradientLevels,
  ...counts,
];

function outcome({ operation, attributes, inputs, outputs }: WrongInput): Outcome {
  return tf.tidy(() => {
    try {
      const results = execute(operation, attributes(), inputs(), outputs);
      return {
        outputs: results.map((y) => ({ shape: y.shape, zeros: (y.dataSync() as Float32Array).every((v) => v === 0) })),
      };
    } catch (error) {
      return { error: (error as Error).message };
    }
  });
}

if (require.main === module && ownKernels())
  for (let row = Number(process.argv[2]); row < wrongInputs.length; row++)
    process.stdout.write(`\n${JSON.stringify({ row, ...outcome(wrongInputs[row]) })}`);
