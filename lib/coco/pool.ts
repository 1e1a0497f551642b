/**
 * A loader's worker threads: asked for steps ahead, holding what is finished until it is taken. What
 * they make of an order is the business of their script (serve.ts).
 */
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { DatasetError } from './problems';
import type { Reply, Request, WorkerStart } from './serve';

interface Slot<Assembly> {
  reply?: Reply<Assembly>;
  waiting: { resolve: (assembly: Assembly) => void; reject: (error: Error) => void }[];
}

/** What a loader takes its steps from: worker threads, or the main thread. */
export type Maker<Assembly> = Pick<WorkerPool<unknown, Assembly>, 'take' | 'close'>;

export function onThisThread<Order, Assembly>(
  make: (order: Order) => Promise<Assembly>,
  order: (step: number) => Order,
): Maker<Assembly> {
  return { take: (step): Promise<Assembly> => make(order(step)), close: async () => undefined };
}

export class WorkerPool<Order, Assembly> {
  private readonly slots = new Map<number, Slot<Assembly>>();
  private readonly ports: MessagePort[] = [];
  private readonly workers: { thread: Worker; ended: Promise<void> }[] = [];
  private broken: Error | undefined;

  /**
   * @param script of the threads, which serves orders by `plan`
   * @param plan can be sent to a thread
   */
  constructor(
    script: string,
    plan: unknown,
    workers: number,
    private readonly order: (step: number) => Order,
  ) {
    for (let i = 0; i < workers; i++) {
      const { port1, port2 } = new MessageChannel();
      const workerData: WorkerStart<unknown> = { plan, port: port2 };
      const thread = new Worker(script, { workerData, transferList: [port2], execArgv: [] });
      thread.unref();
      thread.on('error', (error) => this.fail(new Error(`A loader's worker thread failed: ${error.message}`)));
      const ended = new Promise<void>((resolve) => {
        thread.on('exit', () => {
          this.fail(new Error("A loader's worker thread ended early."));
          resolve();
        });
      });
      this.workers.push({ thread, ended });
      port1.on('message', (reply: Reply<Assembly>) => this.receive(reply));
      port1.unref();
      this.ports.push(port1);
    }
  }

  /**
   * The batch of `step`; those up to `last` are made next, and finished ones outside that range are
   * forgotten.
   */
  async take(step: number, last: number): Promise<Assembly> {
    if (this.broken) throw this.broken;
    for (const [held, { waiting }] of this.slots) {
      if ((held < step || held > last) && waiting.length === 0) this.slots.delete(held);
    }
    for (let wanted = step; wanted <= last; wanted++) {
      if (this.slots.has(wanted)) continue;
      this.slots.set(wanted, { waiting: [] });
      const request: Request<Order> = { step: wanted, order: this.order(wanted) };
      this.ports[wanted % this.ports.length].postMessage(request);
    }
    // Replies that came while the main thread was blocked are taken at once, without a turn of the
    // event loop.
    for (const port of this.ports) {
      for (let message = receiveMessageOnPort(port); message; message = receiveMessageOnPort(port))
        this.receive(message.message as Reply<Assembly>);
    }
    return new Promise((resolve, reject) => {
      const slot = this.slots.get(step) as Slot<Assembly>;
      slot.waiting.push({ resolve, reject });
      if (slot.reply) this.deliver(slot, slot.reply);
      this.keepAlive();
    });
  }

  async close(): Promise<void> {
    this.fail(new Error('The loader was closed.'));
    for (const port of this.ports) port.close();
    for (const { thread } of this.workers) thread.ref();
    await Promise.all(this.workers.map(({ ended }) => ended));
  }

  private receive(reply: Reply<Assembly>): void {
    const slot = this.slots.get(reply.step);
    if (slot === undefined) return;
    slot.reply = reply;
    if (slot.waiting.length > 0) this.deliver(slot, reply);
    this.keepAlive();
  }

  /** Hands the batch to one who waits; it is then made anew for the next who asks. */
  private deliver(slot: Slot<Assembly>, reply: Reply<Assembly>): void {
    this.slots.delete(reply.step);
    for (const { resolve, reject } of slot.waiting.splice(0)) {
      if ('assembly' in reply) resolve(reply.assembly);
      else reject('problems' in reply ? new DatasetError(reply.problems) : new Error(reply.failure));
    }
  }

  private fail(error: Error): void {
    this.broken ??= error;
    for (const { waiting } of this.slots.values()) for (const { reject } of waiting) reject(this.broken);
    this.slots.clear();
    this.keepAlive();
  }

  /** The process may end unless somebody waits for a batch. */
  private keepAlive(): void {
    const busy = [...this.slots.values()].some(({ waiting }) => waiting.length > 0);
    for (const port of this.ports) {
      if (busy) port.ref();
      else port.unref();
    }
  }
}
