/**
 * Emoji scenes on disk: the stand-in data set that needs no download, in COCO's layout.
 *
 *   <folder>/128px-2000-300-<hash>/train/000001.png ...   val/000001.png ...
 *                                  annotations/instances_train.json   instances_val.json
 *                                  labels/train/000001.png ...   where asked for: the class of each
 *                                             pixel, 0 for background (labels.ts)
 *                                  records/   what each run of 50 pictures holds, for repair
 *
 * A set that is there is checked (every picture there, in full length) and used as it is; one that
 * is interrupted or damaged is completed. The same settings give the same pixels, whatever the
 * number of worker threads.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { writeAtomically } from '../core/atomic-file';
import { countObjects, toInstances, type SplitCounts } from './annotations';
import { chunksOf, readRecord, recordPath, type Chunk, type ChunkRecord } from './chunk';
import { sceneConfig, sceneHash, type SceneConfig, type Split } from './config';
import type { WorkerReply, WorkerTask } from './worker';

export interface EmojiScenesOptions extends Partial<SceneConfig> {
  /** Folder of all sets; default `data/cache/emoji-scenes` in the repository. */
  folder?: string;
  /** Whether label maps are made too, one a picture. Default false. */
  labels?: boolean;
  /** Worker threads; default: the machine's cores, at most 8. */
  workers?: number;
  /**
   * Called after every finished run of pictures with the number of those done and of all. Not
   * called when nothing had to be made.
   */
  onProgress?: (done: number, total: number) => void;
  /** Ends it after the runs of pictures under way, which are kept; its reason is thrown. */
  signal?: AbortSignal;
}

export interface EmojiScenes {
  /** Folder of this set, with `train`, `val` and `annotations`. */
  folder: string;
  description: {
    name: string;
    settings: SceneConfig;
    hash: string;
    /** SHA-256 over all pixels and boxes. */
    digest: string;
    train: SplitCounts;
    val: SplitCounts;
  };
}

/** `lib/dist/scenes` is three folders below the repository's root. */
const defaultFolder = resolve(__dirname, '../../../data/cache/emoji-scenes');

/**
 * Makes the set of these settings where it is missing or incomplete.
 * Throws a RangeError for a wrong setting, an Error that names the folder when it cannot be
 * written.
 */
export async function ensureEmojiScenes(options: EmojiScenesOptions = {}): Promise<EmojiScenes> {
  const {
    folder: parent = defaultFolder,
    workers = Math.min(availableParallelism(), 8),
    labels = false,
    onProgress,
    signal,
    ...settings
  } = options;
  const config = sceneConfig(settings);
  if (!(Number.isInteger(workers) && workers >= 1)) {
    throw new RangeError(`emoji scenes: workers is ${workers}, but must be a whole number from 1`);
  }
  const hash = sceneHash(config);
  const folder = join(resolve(parent), `${config.size}px-${config.train}-${config.val}-${hash}`);

  const chunks = chunksOf(config);
  const records = chunks.map((chunk) => readRecord(folder, chunk, labels));
  try {
    if (records.includes(undefined)) {
      const ofLabels = labels ? ['labels/train', 'labels/val'] : [];
      for (const name of ['train', 'val', 'annotations', 'records', ...ofLabels])
        await mkdir(join(folder, name), { recursive: true });
      await renderMissing({ config, folder, labels }, chunks, records, workers, { onProgress, signal });
    }
    await mkdir(join(folder, 'annotations'), { recursive: true });
    for (const split of ['train', 'val'] as const) {
      const path = join(folder, 'annotations', `instances_${split}.json`);
      const text = JSON.stringify(toInstances(split, ofSplit(split, chunks, records), config));
      if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
        await writeAtomically(path, async (file) => void (await file.writeFile(text)));
      }
    }
  } catch (error) {
    if (signal?.aborted && error === signal.reason) throw error;
    throw new Error(
      `emoji scenes: could not make the pictures in ${folder}: ${(error as Error).message}. ` +
        'Check that the folder can be written and the disk has room (about 100 MB for the default set), then run ' +
        'again: what is finished is kept.',
    );
  }

  const digest = createHash('sha256');
  for (const record of records) digest.update(record?.digest ?? '');
  return {
    folder,
    description: {
      name: 'emoji scenes, a stand-in, not COCO',
      settings: config,
      hash,
      digest: digest.digest('hex'),
      train: countObjects(ofSplit('train', chunks, records)),
      val: countObjects(ofSplit('val', chunks, records)),
    },
  };
}

function ofSplit(split: Split, chunks: Chunk[], records: (ChunkRecord | undefined)[]): ChunkRecord[] {
  return records.filter((record, i): record is ChunkRecord => record !== undefined && chunks[i].split === split);
}

/**
 * Renders every chunk without a record on `count` threads and puts its record into `records` and on
 * disk.
 */
async function renderMissing(
  task: WorkerTask,
  chunks: Chunk[],
  records: (ChunkRecord | undefined)[],
  count: number,
  { onProgress, signal }: Pick<EmojiScenesOptions, 'onProgress' | 'signal'>,
): Promise<void> {
  const queue = chunks.map((_, i) => i).filter((i) => records[i] === undefined);
  const pictures = (list: Chunk[]): number => list.reduce((sum, { start, end }) => sum + end - start, 0);
  const total = pictures(chunks);
  const workers = Array.from(
    { length: Math.min(count, queue.length) },
    () => new Worker(join(__dirname, 'worker.js'), { workerData: task }),
  );
  const drain = async (worker: Worker): Promise<void> => {
    for (let i = queue.shift(); i !== undefined && !signal?.aborted; i = queue.shift()) {
      const record = await ask(worker, chunks[i]);
      await writeAtomically(
        recordPath(task.folder, chunks[i]),
        async (file) => void (await file.writeFile(JSON.stringify(record))),
      );
      records[i] = record;
      onProgress?.(pictures(chunks.filter((_, k) => records[k] !== undefined)), total);
    }
  };
  try {
    await Promise.all(workers.map(drain));
    if (records.includes(undefined)) signal?.throwIfAborted();
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Sends one chunk to a worker and waits for its record. */
function ask(worker: Worker, chunk: Chunk): Promise<ChunkRecord> {
  return new Promise((resolveRecord, reject) => {
    const onMessage = (reply: WorkerReply): void => {
      settle();
      if ('record' in reply) resolveRecord(reply.record);
      else reject(new Error(reply.error));
    };
    const onError = (error: Error): void => {
      settle();
      reject(error);
    };
    const onExit = (code: number): void => onError(new Error(`a worker thread ended with code ${code}`));
    const settle = (): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(chunk);
  });
}
