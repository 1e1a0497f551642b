/** Long work that is no training ends after the batch under way, with the signal's reason, and leaves no tensor. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openCoco, checkPictures, type CocoDataset } from '../../lib/dist/coco/dataset';
import { createLoader, type Loader } from '../../lib/dist/coco/loader';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { evaluateDetector } from '../../lib/dist/distill/evaluate';
import { cachedFeatures } from '../../lib/dist/distill/feature-cache';
import { pyramidDeviations, Teacher } from '../../lib/dist/distill/teacher';
import { tf } from '../../lib/dist/tf';
import { tinyTeacher, writePictures } from './tiny';

describe('a signal stops', () => {
  let val: CocoDataset;
  let detector: RetinaNet;
  before(async () => {
    val = openCoco(await writePictures({ train: 1, val: 6 }), 'val');
    detector = new RetinaNet(tinyTeacher, { seed: 5 });
  });
  after(() => detector.dispose());

  /** Runs `body`, which calls `done` after each batch: the second one stops it. */
  async function stopped(body: (loader: Loader, done: () => void, signal: AbortSignal) => Promise<unknown>) {
    const loader = createLoader(val, { size: { width: 64, height: 64 }, batch: 1, workers: 0 });
    const reason = new Error('stopped');
    const stop = new AbortController();
    const tensors = tf.memory().numTensors;
    let batches = 0;
    const done = (): void => {
      if (++batches === 2) stop.abort(reason);
    };
    await assert.rejects(body(loader, done, stop.signal), (error) => error === reason);
    assert.equal(batches, 2);
    assert.equal(tf.memory().numTensors, tensors);
  }

  it('an evaluation', () =>
    stopped((loader, done, signal) => evaluateDetector(detector, val, loader, done, signal)));

  it('the caching of features', () =>
    stopped((loader, done, signal) =>
      cachedFeatures(new Teacher(detector, [1, 1]), { plain: loader, flipped: loader }, done, signal),
    ));

  it('the measuring of deviations', () =>
    stopped((loader, done, signal) => {
      const counting: Loader = {
        ...loader,
        batch: async (step) => {
          const batch = await loader.batch(step);
          done();
          return batch;
        },
      };
      return pyramidDeviations(detector, counting, signal);
    }));

  it('the decoding of all pictures', async () => {
    const reason = new Error('stopped');
    await assert.rejects(checkPictures(val, AbortSignal.abort(reason)), (error) => error === reason);
  });
});
