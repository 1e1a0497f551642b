/**
 * Entry of a loader's worker thread: takes draws from its port, one batch after the other, and
 * hands the finished inputs over.
 */
import { workerData, type MessagePort } from 'node:worker_threads';
import sharp from 'sharp';
import { createAssembler, type Assembly, type AssemblyPlan, type Order } from './assemble';
import { DatasetError, type Problem } from './problems';

export interface WorkerStart {
  plan: AssemblyPlan;
  port: MessagePort;
}

export interface Request {
  step: number;
  order: Order;
}

export type Reply = { step: number } & ({ assembly: Assembly } | { problems: Problem[] } | { failure: string });

const { plan, port } = workerData as WorkerStart;
const assemble = createAssembler(plan);
sharp.cache(false); // what is worth keeping is kept resized

let open = true;
port.on('close', () => (open = false));
let last: Promise<void> = Promise.resolve();
port.on('message', ({ step, order }: Request) => {
  last = last.then(async () => {
    if (!open) return;
    try {
      const assembly = await assemble(order);
      port.postMessage({ step, assembly } satisfies Reply, [assembly.inputs.buffer as ArrayBuffer]);
    } catch (error) {
      const reply: Reply =
        error instanceof DatasetError
          ? { step, problems: error.problems }
          : { step, failure: (error as Error).message };
      port.postMessage(reply);
    }
  });
});
