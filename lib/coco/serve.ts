/**
 * What every worker thread of a loader does: takes orders from its port, one after the other, and
 * hands over what it made.
 */
import { workerData, type MessagePort } from 'node:worker_threads';
import sharp from 'sharp';
import { DatasetError, type Problem } from './problems';

export interface WorkerStart<Plan> {
  plan: Plan;
  port: MessagePort;
}

export interface Request<Order> {
  step: number;
  order: Order;
}

export type Reply<Assembly> = { step: number } & (
  | { assembly: Assembly }
  | { problems: Problem[] }
  | { failure: string }
);

/**
 * @param createMaker of assemblies from orders, by the plan that the thread was started with
 * @param handedOver the arrays of an assembly that need not be copied
 */
export function serve<Plan, Order, Assembly>(
  createMaker: (plan: Plan) => (order: Order) => Promise<Assembly>,
  handedOver: (assembly: Assembly) => { buffer: ArrayBufferLike }[],
): void {
  const { plan, port } = workerData as WorkerStart<Plan>;
  const make = createMaker(plan);
  sharp.cache(false); // what is worth keeping is kept resized

  let open = true;
  port.on('close', () => (open = false));
  let last: Promise<void> = Promise.resolve();
  port.on('message', ({ step, order }: Request<Order>) => {
    last = last.then(async () => {
      if (!open) return;
      try {
        const assembly = await make(order);
        const reply: Reply<Assembly> = { step, assembly };
        port.postMessage(reply, handedOver(assembly).map(({ buffer }) => buffer as ArrayBuffer));
      } catch (error) {
        const reply: Reply<Assembly> =
          error instanceof DatasetError
            ? { step, problems: error.problems }
            : { step, failure: (error as Error).message };
        port.postMessage(reply);
      }
    });
  });
}
