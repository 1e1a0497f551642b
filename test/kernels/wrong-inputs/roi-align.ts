/** Wrong inputs of FreekdRoiAlign and its gradient. */
import { tf, type Tensor } from '../../../lib/dist/tf';
import { floats, integers, n, ones, rows, type WrongInput } from './rows';

interface Rois {
  rois?: Tensor;
  level?: Tensor;
  scales?: Tensor;
  sampling?: Tensor;
  maps?: Tensor[];
}
const boxes = (...rows: number[][]): Tensor => tf.tensor2d(rows, [rows.length, 5]);
const noBoxes = (): Tensor => tf.zeros([0, 5]);
const withFifth = (fifth: () => Tensor, given: Rois): Tensor[] => [
  given.rois ?? boxes([0, 0, 0, 2, 2], [0, 1, 1, 3, 3]),
  given.level ?? integers([0, 0]),
  given.scales ?? floats([1]),
  given.sampling ?? integers([0, 1]),
  fifth(),
  ...(given.maps ?? [ones(1, 4, 4, 3)]),
];
/** What RoIAlign and its gradient refuse alike. */
const roiFaults: [name: string, given: () => Rois, expected: RegExp][] = [
  ...[[], [5], [2, 4], [2, 6], [2, 5, 1]].map((shape): [string, () => Rois, RegExp] => [
    `rois of [${shape}]`,
    () => ({ rois: tf.ones(shape) }),
    /rois is .*, expected \[R, 5\]/,
  ]),
  ...[[], [1], [3], [2, 1]].map((shape): [string, () => Rois, RegExp] => [
    `level of [${shape}]`,
    () => ({ level: tf.zeros(shape, 'int32') }),
    /level is .*, expected (one a RoI: \[2\]|\[R\])/,
  ]),
  ...[-1, 1, 2 ** 31 - 1, -(2 ** 31)].map((level): [string, () => Rois, RegExp] => [
    `level ${level}`,
    () => ({ level: integers([0, level]) }),
    /level\[1\] is .*, there are 1 levels/,
  ]),
  ...[-1, 1, 0.5, NaN, Infinity, 1e30].map((image): [string, () => Rois, RegExp] => [
    `image ${image}`,
    () => ({ rois: boxes([0, 0, 0, 1, 1], [image, 0, 0, 1, 1]) }),
    /rois\[1\] is of image .*, there are 1/,
  ]),
  ['level of floats', () => ({ level: floats([0, 0]) }), /expected to be a int32/],
  ['scales of two levels', () => ({ scales: floats([1, 1]) }), /scales is \[2\], expected one a level: \[1\]/],
  ...[[], [2], [2, 1, 1], [-1, 1], [2 ** 14 + 1, 1]].map((sampling): [string, () => Rois, RegExp] => [
    `a sampling of ${sampling.join(' ')}`,
    () => ({ sampling: integers(sampling) }),
    /sampling, expected two numbers/,
  ]),
  ['a map of rank 3', () => ({ maps: [ones(4, 4, 3)] }), /x\[0\] is \[4, 4, 3\], expected \[N, H, W, C\]/],
  ['a map of rank 0', () => ({ maps: [tf.scalar(1)] }), /x\[0\] is \[\], expected/],
  ['no images', () => ({ maps: [ones(0, 4, 4, 3)] }), /rois\[0\] is of image 0.*, there are 0/],
  ['a map 2^21 wide', () => ({ maps: [ones(1, 0, 2 ** 21, 3)] }), /expected sides up to 2\^20/],
];
const roiSides = [NaN, Infinity, -Infinity, 1e30, -1e30, 1e7].map((side): [string, () => Rois, RegExp] => [
  `a side at ${side}`,
  () => ({ rois: boxes([0, 0, 0, 1, 1], [0, side, 0, Math.abs(side), 1]) }),
  /rois has a side from .*, expected pixels of a picture/,
]);
const size = (): Tensor => integers([2, 3]);
const roiAlign = rows(
  'FreekdRoiAlign',
  1,
  [
    ...[...roiFaults, ...roiSides].map(([name, given, expected]): [string, () => Tensor[], RegExp] => [
      name,
      () => withFifth(size, given()),
      expected,
    ]),
    ...[[2], [2, 2, 2], [0, 2], [2, -1]].map((bins): [string, () => Tensor[], RegExp] => [
      `a size of ${bins.join(' x ')}`,
      () => withFifth(() => integers(bins), {}),
      /size, expected two numbers from 1 on/,
    ]),
    [
      'a size beyond memory',
      () => withFifth(() => integers([2 ** 31 - 1, 2 ** 31 - 1]), {}),
      /no size that memory can hold/,
    ],
    ['no RoIs', () => withFifth(size, { rois: noBoxes(), level: integers([]) }), [[0, 2, 3, 3]]],
    ['no channels', () => withFifth(size, { maps: [ones(1, 4, 4, 0)] }), [[2, 2, 3, 0]]],
    ['no rows', () => withFifth(size, { maps: [ones(1, 0, 4, 3)] }), [[2, 2, 3, 3]]],
  ],
  n(1),
);
const roiLevels = rows(
  'FreekdRoiAlign',
  1,
  [[1, 4, 4, 2], [2, 4, 4, 3]].map((shape): [string, () => Tensor[], RegExp] => [
    `a second level of [${shape}]`,
    () => withFifth(size, { scales: floats([1, 1]), maps: [ones(1, 4, 4, 3), tf.ones(shape)] }),
    /x\[1\] is .*, x\[0\] is \[1, 4, 4, 3\]: expected as many images and channels/,
  ]),
  n(2),
);
const roiGradient = rows(
  'FreekdRoiAlignGradient',
  1,
  [
    ...[...roiFaults, ...roiSides].map(([name, given, expected]): [string, () => Tensor[], RegExp] => [
      name,
      () => withFifth(() => ones(2, 2, 3, 3), given()),
      new RegExp(`${expected.source}|dy is`),
    ]),
    ...[[2, 2, 3, 4], [3, 2, 3, 3], [2, 3, 3], []].map((shape): [string, () => Tensor[], RegExp] => [
      `dy of [${shape}]`,
      () => withFifth(() => tf.ones(shape), {}),
      /dy is .*, expected (2 RoIs of 3 channels|\[R, h, w, C\])/,
    ]),
    [
      'no RoIs',
      () => withFifth(() => ones(0, 2, 3, 3), { rois: noBoxes(), level: integers([]) }),
      [[1, 4, 4, 3]],
    ],
    ['no bins', () => withFifth(() => ones(2, 0, 3, 3), {}), [[1, 4, 4, 3]]],
    ['no channels', () => withFifth(() => ones(2, 2, 3, 0), { maps: [ones(1, 4, 4, 0)] }), [[1, 4, 4, 0]]],
  ],
  n(1),
);

export const roiAlignInputs: WrongInput[] = [...roiAlign, ...roiLevels, ...roiGradient];
