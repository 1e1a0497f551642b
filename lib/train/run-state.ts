/** All that a run's next step depends on: what checkpoints hold, and ranks share. */
import type { ParameterEntry, Parameters } from '../core/parameters';
import type { Checkpoints, NamedTensors } from './checkpoint';
import { diverged } from './diverged';
import type { Communicator } from './distributed/communicator';

/** What the next step depends on beside the parameters, and a checkpoint holds. */
export interface Memory {
  state(): Map<string, ParameterEntry>;
  load(state: Map<string, ParameterEntry>): void;
}

export class RunState {
  constructor(
    private readonly stores: Record<string, Parameters>,
    private readonly memories: Record<string, Memory>,
  ) {}

  /** Everything that the next step depends on, by name. */
  snapshot(step: number): NamedTensors {
    const tensors: NamedTensors = new Map();
    for (const [prefix, store] of Object.entries(this.stores))
      for (const [name, tensor] of store.read()) tensors.set(`${prefix}/${name}`, tensor);
    for (const [prefix, memory] of Object.entries(this.memories))
      for (const [name, tensor] of memory.state()) tensors.set(`${prefix}/${name}`, tensor);
    for (const [name, { data }] of tensors)
      if (!data.every(Number.isFinite)) throw diverged(`after step ${step - 1}`, name);
    return tensors;
  }

  /** The step to go on from: 0 without a checkpoint. */
  async restore(checkpoints: Checkpoints): Promise<number> {
    const checkpoint = await checkpoints.latest();
    if (!checkpoint) return 0;
    const under = (prefix: string): NamedTensors =>
      new Map(
        [...checkpoint.tensors].flatMap(([name, tensor]) =>
          name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), tensor] as const] : [],
        ),
      );
    for (const [prefix, store] of Object.entries(this.stores)) store.load(under(prefix));
    for (const [prefix, memory] of Object.entries(this.memories)) memory.load(under(prefix));
    return checkpoint.step;
  }

  /** Gives rank 0's step, parameters and memories to all ranks; returns the step. */
  share(world: Communicator, step: number): number {
    const shared = (tensors: NamedTensors): NamedTensors => {
      for (const { data } of tensors.values()) world.broadcast(data);
      return tensors;
    };
    for (const store of Object.values(this.stores)) store.load(shared(store.read()));
    for (const memory of Object.values(this.memories)) memory.load(shared(memory.state()));
    return world.sum([step])[0]; // 0 on all other ranks
  }

  /**
   * The mean over ranks of the running statistics of batch norm, which each rank moves by its own
   * pictures. An average of moving averages is the moving average of averages: it does not matter how
   * often this is done.
   */
  averageStatistics(world: Communicator): void {
    if (world.size === 1) return;
    for (const store of Object.values(this.stores)) {
      const statistics = store.all().filter(({ role }) => role === 'statistic');
      const means = statistics.map(
        ({ variable, name, shape }) =>
          [
            name,
            { shape, data: Float32Array.from(world.sum(Array.from(variable.read())), (sum) => sum / world.size) },
          ] as const,
      );
      store.load(new Map(means), { strict: false });
    }
  }
}
