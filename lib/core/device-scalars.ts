/**
 * Numbers that kernels take as tensors, kept on the GPU once for each value.
 *
 * The binding copies a tensor to the GPU when a kernel first takes it, and waits until all kernels
 * before it have ended. A training step hands hundreds of numbers to kernels (rates, factors,
 * epsilons), most of them the same in every step: without this the GPU would run empty as often.
 */

/** What we use of the node backend, which tfjs-node does not declare publicly. */
export interface ScalarBackend {
  binding: {
    TF_FLOAT: number;
    createTensor(shape: number[], type: number, values: ArrayLike<number>): number;
    deleteTensor(id: number): void;
  };
  /** values: those not yet handed to TensorFlow. */
  tensorMap: { get(dataId: object): { shape: number[]; dtype: number; values: ArrayLike<number> | null } | undefined };
  getInputTensorIds(tensors: readonly { dataId: object }[]): number[];
}

/** How many values are kept; the one used longest ago goes first. More than a kernel takes inputs. */
const KEPT = 1000;

/** From now on float32 scalars of one value are one tensor of TensorFlow. */
export function keepScalars(backend: ScalarBackend, kept: number = KEPT): void {
  const { binding, tensorMap } = backend;
  const own = backend.getInputTensorIds.bind(backend);
  const ids = new Map<number | string, number>();
  const idOf = (value: number): number => {
    const key = Object.is(value, -0) ? '-0' : value; // a Map takes -0 for 0
    const id = ids.get(key) ?? binding.createTensor([], binding.TF_FLOAT, Float32Array.of(value));
    ids.delete(key);
    ids.set(key, id);
    if (ids.size > kept) {
      const [oldest, unused] = ids.entries().next().value as [number | string, number];
      ids.delete(oldest);
      binding.deleteTensor(unused);
    }
    return id;
  };
  backend.getInputTensorIds = (tensors) =>
    tensors.map((tensor) => {
      const info = tensor.dataId && tensorMap.get(tensor.dataId);
      const scalar = info?.values && info.dtype === binding.TF_FLOAT && info.shape.length === 0;
      return scalar ? idOf(info.values![0]) : own([tensor])[0];
    });
}
