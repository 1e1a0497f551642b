/** Wrong inputs of FreekdAnalysis, FreekdSynthesis and FreekdBandDistance. */
import { tf, type Tensor } from '../../../lib/dist/tf';
import { floats, integers, none, ones, rows, shapesOfOtherRank, type WrongInput } from './rows';

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

export const waveletInputs: WrongInput[] = [...analysis, ...synthesis, ...bandDistance];
