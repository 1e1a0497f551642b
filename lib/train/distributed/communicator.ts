/**
 * What the ranks of a data-parallel run say to each other. A process that nobody started as a rank
 * is `alone`: then every call below gives back what it got, and neither MPI nor the library that
 * binds it is loaded.
 */
import { setTimeout } from 'node:timers/promises';
import { isRank } from '../../core/placement';

/** A sum under way. */
export interface PendingSum {
  /** Lets the exchange go on; MPI moves data only while one of its functions is called. */
  advance(): void;
  /** Waits for the end: the values are the sums now. */
  finish(): void;
}

/** All ranks call the same functions in the same order. */
export interface Communicator {
  /** 0 to size - 1; rank 0 alone writes files and prints. */
  readonly rank: number;
  readonly size: number;
  /** Sums each number over all ranks, in double precision. */
  sum(values: readonly number[]): number[];
  /** Starts to sum in place; leave `values` alone until `finish`. */
  startSum(values: Float32Array): PendingSum;
  /** Rank 0's values for all, in place. */
  broadcast(values: Float32Array): void;
  /** Everybody's bytes for everybody, by rank. */
  gather(bytes: Uint8Array): Uint8Array[];
  /** Resolves when all ranks have come here, without occupying the processor. */
  barrier(): Promise<void>;
  /**
   * Leaves the run in good order. Done by itself at the end of a process that exits with 0; any
   * other exit status ends all ranks.
   */
  leave(): void;
}

export const alone: Communicator = {
  rank: 0,
  size: 1,
  sum: (values) => [...values],
  startSum: () => ({ advance: () => undefined, finish: () => undefined }),
  broadcast: () => undefined,
  gather: (bytes) => [bytes],
  barrier: async () => undefined,
  leave: () => undefined,
};

let connected: Promise<Communicator> | undefined;
let current = alone;

/**
 * Joins the run of which this process is a rank. Call it first; later calls give the same
 * communicator.
 */
export function connect(): Promise<Communicator> {
  return (connected ??= join());
}

async function join(): Promise<Communicator> {
  if (isRank(process.env)) current = (await import('./mpi')).openMpi();
  return current;
}

/** The communicator that `connect` gave, `alone` before it. */
export const world = (): Communicator => current;

/**
 * Rank 0's answer to a question that others might answer differently, such as whether a file is
 * there.
 */
export function agreed({ rank, sum }: Communicator, answer: boolean): boolean {
  return sum([rank === 0 && answer ? 1 : 0])[0] > 0;
}

/** Whether any rank says so. */
export function anyOf({ sum }: Communicator, answer: boolean): boolean {
  return sum([answer ? 1 : 0])[0] > 0;
}

/** Runs `body` on rank 0, then on all others: what makes files finds them made. */
export async function rootFirst<T>(communicator: Communicator, body: () => Promise<T>): Promise<T> {
  if (communicator.rank > 0) await communicator.barrier();
  const result = await body();
  if (communicator.rank === 0) await communicator.barrier();
  return result;
}

/**
 * Leaves the run together with all others. Where they do not come, being stopped elsewhere, this
 * rank has not left, and its exit status ends them.
 */
export async function leaveTogether({ barrier, leave }: Communicator, patience = 10_000): Promise<void> {
  const met = await Promise.race([barrier().then(() => true), setTimeout(patience, false, { ref: false })]);
  if (met) leave();
}

/** Everybody's value for everybody, by rank; it goes through JSON. */
export function gatherJson<T>({ gather }: Communicator, value: T): T[] {
  return gather(Buffer.from(JSON.stringify(value))).map((bytes) => JSON.parse(Buffer.from(bytes).toString()) as T);
}
