/**
 * 3x3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering (Lavin and Gray, arXiv
 * 1509.09308), in kernels of our own (lib/native/winograd.h): a quarter of the direct sum's
 * multiplications. One call convolves maps of several sizes with one filter, so that the filter is
 * transformed once for all levels of a pyramid. Relative error measured against float64: 3e-6.
 */
import { tf, type Tensor, type Tensor1D, type Tensor4D } from '../tf';
import { attribute, elementwise, execute, execute1, ownKernels } from '../core/native';
import { defineOperation, type Operation } from '../core/operation';

/**
 * Measured: with fewer tiles of 4x4 outputs, reading and writing the transformed filter costs more
 * than the products save.
 */
const TILES = 24;
/** Measured: with fewer channels, in or out, the transforms of the maps do. */
const CHANNELS = 32;

/**
 * Whether it serves these maps, and faster than others.
 * @param maps shapes [N, H, W, Cin]
 * @param filter shape [kh, kw, Cin / groups, Cout]
 */
export function winogradServes(
  maps: readonly (readonly number[])[],
  filter: readonly number[],
  { stride, padding, groups }: { stride: number; padding: number; groups: number },
): boolean {
  const [kh, kw, inputs, outputs] = filter;
  if (kh !== 3 || kw !== 3 || stride !== 1 || padding !== 1 || groups !== 1 || Math.min(inputs, outputs) < CHANNELS)
    return false;
  return maps.reduce((sum, [n, h, w]) => sum + n * Math.ceil(h / 4) * Math.ceil(w / 4), 0) >= TILES && ownKernels();
}

/**
 * Convolves every map with the same filter.
 * @param maps each [N, H, W, Cin]
 * @param filter [3, 3, Cin, Cout]
 * @param options.bias [Cout], added to each output channel
 * @param options.relu apply a ReLU to the result
 * @returns for each map [N, H, W, Cout]
 */
export function winograd(
  maps: readonly Tensor4D[],
  filter: Tensor4D,
  { bias, relu }: { bias?: Tensor1D; relu: boolean },
): Tensor4D[] {
  const inputs: Record<string, Tensor> = bias ? { filter, bias } : { filter };
  maps.forEach((map, i) => (inputs[`x${i}`] = map));
  return convolution(maps.length, relu)(inputs, {}) as Tensor4D[];
}

const convolutions = new Map<string, Operation<object>>();

/**
 * The operation on `levels` maps; one for each number of them, for an operation's inputs have
 * names.
 */
function convolution(levels: number, relu: boolean): Operation<object> {
  const name = `Winograd${relu ? 'Relu' : ''}${levels}`;
  const known = convolutions.get(name);
  if (known) return known;
  const maps = Array.from({ length: levels }, (_, i) => `x${i}`);
  const count = attribute.int('N', levels);
  const operation = defineOperation<object>({
    name,
    forward: ({ filter, bias, ...x }) =>
      execute(
        relu ? 'FreekdConvRelu' : 'FreekdConv',
        [count],
        [filter, bias ?? tf.zeros([0]), ...maps.map((map) => x[map])],
        levels,
      ),
    saveInputs: ['filter', ...maps],
    saveOutputs: maps.map(() => relu),
    backward: (dys, [filter, ...saved]) => {
      const [x, y] = [saved.slice(0, levels), saved.slice(levels)];
      const dz = relu ? dys.map((dy, i) => elementwise('ReluGrad', dy, y[i])) : dys;
      const inputGradients = (): Tensor[] => execute('FreekdConvInputGradient', [count], [filter, ...dz], levels);
      // Of several levels all gradients come from one call, whoever asks for them.
      const all = levels > 1 ? inputGradients() : undefined;
      const byMap = maps.map((map, i): [string, () => Tensor] => [map, () => (all ?? inputGradients())[i]]);
      return {
        filter: () => execute1('FreekdConvFilterGradient', [count], [...x, ...dz]),
        bias: () => sum(dz.map((level) => execute1('BiasAddGrad', [attribute.float32()], [level]))),
        ...Object.fromEntries(byMap),
      };
    },
  });
  convolutions.set(name, operation);
  return operation;
}

function sum(tensors: Tensor[]): Tensor {
  return tensors.length > 1
    ? execute1('AddN', [attribute.float32(), attribute.int('N', tensors.length)], tensors)
    : tensors[0];
}
