/**
 * One level of a wavelet transform by the kernels of lib/native: the matrices of matrix.ts as
 * sparse rows, packed into one list of integers and one of weights, as lib/native/levels.h reads
 * them. Packed plans are kept: a training run asks for the same few again and again.
 */
import { tf, type Tensor, type Tensor4D } from '../tf';
import { execute } from '../core/native';
import { filterBank, type FilterBank } from './filter-bank';
import type { WaveletMode } from './boundary';
import type { LinearMap, Size } from './linear';
import { analysisMatrix, synthesisMatrix, type Matrix } from './matrix';

/** `WaveletOptions` whose mode has its long name: what the keys of kept plans are made of. */
export type Filtering = { wavelet: string; mode: WaveletMode };

/** Packed levels; see lib/native/levels.h. */
export interface Plan {
  integers: Int32Array;
  weights: Float32Array;
}

const KEPT = 256;
const plans = new Map<string, Plan>();

function keep(key: string, make: () => Plan): Plan {
  let plan = plans.get(key);
  if (!plan) {
    if (plans.size >= KEPT) plans.clear();
    plans.set(key, (plan = make()));
  }
  return plan;
}

/** [picture, bands] and the matrices of height and width. */
function pack([height, width]: Size, [h, w]: Size, matrices: readonly Matrix[]): Plan {
  const [integers, weights]: [number[], number[]] = [[height, width, h, w], []];
  for (const { rows, columns, data } of matrices) {
    const [start, index]: [number[], number[]] = [[0], []];
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        if (data[r * columns + c] === 0) continue;
        index.push(c);
        weights.push(data[r * columns + c]);
      }
      start.push(index.length);
    }
    integers.push(rows, index.length, ...start, ...index);
  }
  return { integers: Int32Array.from(integers), weights: Float32Array.from(weights) };
}

function transpose({ rows, columns, data }: Matrix): Matrix {
  const turned = new Float64Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c];
  return { rows: columns, columns: rows, data: turned };
}

/**
 * The weights of height and width, balanced for Haar so that they are 1 and 1/2: sums of neighbours
 * are then exact.
 */
function balanced(bank: FilterBank, [vertical, horizontal]: [Matrix, Matrix]): Matrix[] {
  if (bank.length > 2) return [vertical, horizontal];
  const times = (matrix: Matrix, factor: number): Matrix => ({
    ...matrix,
    data: matrix.data.map((value) => value * factor),
  });
  return [times(vertical, Math.SQRT2), times(horizontal, Math.SQRT1_2)];
}

type Direction = 'analysis' | 'synthesis';

/** The plan of one level between a picture and bands of these sizes, forward or transposed. */
function levelPlan(
  { wavelet, mode }: Filtering,
  direction: Direction,
  adjoint: boolean,
  picture: Size,
  bands: Size,
): Plan {
  return keep([wavelet, mode, direction, adjoint, picture, bands].join(' '), () => {
    const bank = filterBank(wavelet);
    const [vertical, horizontal] = ([0, 1] as const).map((axis) =>
      direction === 'analysis'
        ? analysisMatrix(bank, mode, picture[axis])
        : synthesisMatrix(bank, mode, bands[axis], picture[axis]),
    );
    const matrices = balanced(bank, [vertical, horizontal]);
    return pack(picture, bands, adjoint ? matrices.map(transpose) : matrices);
  });
}

/**
 * The analysis of several levels as one plan, finest first: `sizes` of the picture, then of the
 * bands of each level.
 */
export function analysisPlan(options: Filtering, sizes: readonly Size[]): Plan {
  return keep([options.wavelet, options.mode, 'levels', sizes.join('|')].join(' '), () => {
    const levels = sizes.slice(1).map((bands, l) => levelPlan(options, 'analysis', false, sizes[l], bands));
    return {
      integers: Int32Array.from(levels.flatMap(({ integers }) => [...integers])),
      weights: Float32Array.from(levels.flatMap(({ weights }) => [...weights])),
    };
  });
}

/** A plan as the kernels' last two inputs. */
export function planTensors({ integers, weights }: Plan): Tensor[] {
  return [tf.tensor1d(integers, 'int32'), tf.tensor1d(weights)];
}

const toBands = (plan: Plan, x: Tensor): Tensor4D[] =>
  execute('FreekdAnalysis', [], [x, ...planTensors(plan)], 4) as Tensor4D[];
const toPicture = (plan: Plan, bands: Tensor[]): Tensor4D[] =>
  execute('FreekdSynthesis', [], [...bands, ...planTensors(plan)], 1) as Tensor4D[];

/** As `matrixAnalysis` of matrix.ts: [N, H, W, C] -> approximation, horizontal, vertical, diagonal. */
export function plannedAnalysis(options: Filtering, picture: Size, bands: Size): LinearMap {
  const plan = (adjoint: boolean): Plan => levelPlan(options, 'analysis', adjoint, picture, bands);
  return { forward: ([x]) => toBands(plan(false), x), adjoint: (y) => toPicture(plan(true), y) };
}

/**
 * As `matrixSynthesis` of matrix.ts: approximation, horizontal, vertical, diagonal -> the upper
 * left `picture` of the synthesis.
 */
export function plannedSynthesis(options: Filtering, bands: Size, picture: Size): LinearMap {
  const plan = (adjoint: boolean): Plan => levelPlan(options, 'synthesis', adjoint, picture, bands);
  return { forward: (y) => toPicture(plan(false), y), adjoint: ([x]) => toBands(plan(true), x) };
}

/**
 * One map a level, finest first, each from the picture of `size` itself: `matrices` gives the levels'
 * matrices of an axis, and is asked only for plans that are not kept.
 */
export function composedAnalysis(
  { wavelet, mode }: Filtering,
  size: Size,
  level: number,
  matrices: (axis: 0 | 1) => Matrix[],
): LinearMap[] {
  let composed: Matrix[][] | undefined;
  const plan = (l: number, adjoint: boolean): Plan =>
    keep([wavelet, mode, 'composed', l, adjoint, size].join(' '), () => {
      composed ??= [matrices(0), matrices(1)];
      const [vertical, horizontal] = composed.map((axis) => axis[l]);
      const own = [vertical, horizontal];
      return pack(size, [vertical.rows / 2, horizontal.rows / 2], adjoint ? own.map(transpose) : own);
    });
  return Array.from({ length: level }, (_, l) => ({
    forward: ([x]) => toBands(plan(l, false), x),
    adjoint: (y) => toPicture(plan(l, true), y),
  }));
}
