/**
 * A worker thread that renders the chunks it is sent, one after the other.
 */
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { renderChunk, type Chunk, type ChunkRecord } from './chunk';
import type { SceneConfig } from './config';
import { ScenePainter } from './scene';

/** `workerData`. */
export interface WorkerTask {
  config: SceneConfig;
  folder: string;
  /** Whether label maps are written beside the pictures. */
  labels: boolean;
}

/** What comes back for each chunk. */
export type WorkerReply = { record: ChunkRecord } | { error: string };

if (parentPort !== null) {
  const port = parentPort;
  const { config, folder, labels } = workerData as WorkerTask;
  const painter = new ScenePainter(config);
  sharp.concurrency(1);
  port.on('message', (chunk: Chunk) => {
    renderChunk(painter, config.size, folder, chunk, labels).then(
      (record) => port.postMessage({ record }),
      (error: Error) => port.postMessage({ error: error.message }),
    );
  });
}
