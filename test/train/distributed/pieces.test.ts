/** The parts of distributed training that need no second process. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ranksIn, mpirun } from '../../../setup/mpirun.mjs';
import { createLoader } from '../../../lib/dist/coco/loader';
import { openCoco } from '../../../lib/dist/coco/dataset';
import { Sampler, type Draw } from '../../../lib/dist/coco/sampler';
import { valueAndGradients } from '../../../lib/dist/core/gradients';
import { Parameters } from '../../../lib/dist/core/parameters';
import { alone, type Communicator } from '../../../lib/dist/train/distributed/communicator';
import { GradientSum } from '../../../lib/dist/train/distributed/gradient-sum';
import { amongAll, amongRanks } from '../../../lib/dist/train/shares';
import { placementOf } from '../../../lib/dist/core/placement';
import { tf, type Scalar, type Tensor2D } from '../../../lib/dist/tf';
import { writePictures } from '../../distill/tiny';
import { writeFixture } from '../../coco/fixture';

describe('a rank', () => {
  const mpi = (rank: number, size: number) => ({
    OMPI_COMM_WORLD_RANK: String(rank),
    OMPI_COMM_WORLD_LOCAL_RANK: String(rank),
    OMPI_COMM_WORLD_LOCAL_SIZE: String(size),
  });

  it('takes one GPU and its share of the processors', () => {
    assert.deepEqual(placementOf({}, 4, 8), {}, 'a process that is no rank');
    assert.deepEqual(placementOf(mpi(1, 2), 0, 8), { TF_NUM_INTRAOP_THREADS: '4' });
    assert.deepEqual(placementOf(mpi(1, 2), 2, 8), { CUDA_VISIBLE_DEVICES: '1', TF_NUM_INTRAOP_THREADS: '4' });
    assert.deepEqual(placementOf({ ...mpi(1, 2), CUDA_VISIBLE_DEVICES: '4,7', TF_NUM_INTRAOP_THREADS: '3' }, 8, 8), {
      CUDA_VISIBLE_DEVICES: '7',
      TF_NUM_INTRAOP_THREADS: '3',
    });
    assert.deepEqual(placementOf({ PMIX_RANK: '5', SLURM_LOCALID: '1', SLURM_STEP_TASKS_PER_NODE: '4(x2)' }, 4, 16), {
      CUDA_VISIBLE_DEVICES: '1',
      TF_NUM_INTRAOP_THREADS: '4',
    });
    for (const rank of [0, 1, 2])
      assert.throws(() => placementOf(mpi(rank, 3), 2, 8), /3 ranks, but only 2 GPUs \(0, 1\): start one rank a GPU/);
  });

  it('does not share the only GPU with others, unless there is none to use or it was given its own', () => {
    for (const rank of [0, 1, 2])
      assert.throws(() => placementOf(mpi(rank, 3), 1, 9), /3 ranks, but only 1 GPU \(0\): start one rank a GPU/);
    assert.throws(() => placementOf({ ...mpi(1, 2), CUDA_VISIBLE_DEVICES: '5' }, 8, 8), /only 1 GPU \(5\)/);
    assert.throws(() => placementOf({ PMIX_RANK: '2', SLURM_LOCALID: '2' }, 1, 8), /3 ranks, but only 1 GPU \(0\)/);
    const slurm = { PMIX_RANK: '1', SLURM_LOCALID: '1', SLURM_STEP_TASKS_PER_NODE: '2' };
    assert.deepEqual(placementOf({ ...slurm, CUDA_VISIBLE_DEVICES: '3' }, 8, 8), { TF_NUM_INTRAOP_THREADS: '4' });
    assert.deepEqual(placementOf({ ...mpi(2, 3), CUDA_VISIBLE_DEVICES: '' }, 1, 9), { TF_NUM_INTRAOP_THREADS: '3' });
    assert.deepEqual(placementOf(mpi(0, 1), 1, 8), {});
  });

  it('is started by mpirun, unbound, and as many as asked for', () => {
    assert.equal(ranksIn(['--smoke']), undefined);
    assert.equal(ranksIn(['--smoke', '--ranks', '3']), 3);
    assert.equal(ranksIn(['--ranks=2']), 2);
    assert.throws(
      () => ranksIn(['--ranks', 'two']),
      /--ranks should be followed by a whole number above 0, not by "two"/,
    );
    assert.deepEqual(mpirun(2, { root: false, processors: 2 }).slice(1), ['-np', '2', '--bind-to', 'none']);
    assert.deepEqual(mpirun(4, { root: true, processors: 2 }).slice(1), [
      '-np',
      '4',
      '--bind-to',
      'none',
      '--allow-run-as-root',
      '--map-by',
      ':OVERSUBSCRIBE',
    ]);
  });
});

describe("a detector's losses", () => {
  const asked: number[][] = [];
  const other = [9, 1]; // the second rank's
  const two: Communicator = {
    ...alone,
    size: 2,
    sum: (own) => (asked.push([...own]), own.map((value, i) => value + other[i])),
  };

  it('are shared by a normalizer each, all of which are summed at once', () => {
    const own = { centerness: { normalizer: 3 }, box: { normalizer: 3 } };
    assert.deepEqual(amongRanks(two)(own), { centerness: 3 / 12, box: 3 / 4 });
    assert.deepEqual(asked.splice(0), [[3, 3]]);
    assert.deepEqual(amongRanks(alone)(own), { centerness: 1, box: 1 });
  });

  it('are shared so among the parts of all ranks, whichever names a part asks for', () => {
    const parts = [2, 4].map((normalizer) => ({ points: { normalizer }, regions: { normalizer: 2 * normalizer } }));
    const share = amongAll(two, parts);
    assert.deepEqual(asked.splice(0), [[6, 12]]);
    assert.deepEqual(parts.map((part) => share(part)), [
      { points: 2 / 15, regions: 4 / 13 },
      { points: 4 / 15, regions: 8 / 13 },
    ]);
    assert.deepEqual(share({ regions: { normalizer: 13 } }), { regions: 1 });
  });

  it('of parts that count nothing are divided by the least, as the batch is where no part counts anything', () => {
    const [none, some] = [0, 5].map((counted) => ({ points: { normalizer: Math.max(1, counted), counted } }));
    const share = amongAll(alone, [none, some, none]);
    assert.deepEqual([none, some].map((part) => share(part).points), [1 / 5, 1]);
    assert.deepEqual(amongAll(alone, [none, none])(none), { points: 1 });
  });
});

describe('the parts of a batch', () => {
  const images = Array.from({ length: 23 }, (_, id) => ({ id, file_name: '', width: id % 3 ? 8 : 4, height: 6 }));
  const sampler = (batch: number, rank: number, size: number, dropLast: boolean): Sampler =>
    new Sampler(
      images,
      images.map(({ id }) => id),
      {
        batch,
        shard: { rank, size },
        shuffle: dropLast,
        flip: dropLast ? 0.5 : 0,
        seed: 7,
        dropLast,
        groupByAspect: dropLast,
      },
    );

  it('make the batch of one rank, picture for picture', () => {
    const whole = sampler(6, 0, 1, true);
    const parts = [0, 1, 2].map((rank) => sampler(2, rank, 3, true));
    for (const part of parts) assert.equal(part.batchesPerEpoch, whole.batchesPerEpoch);
    for (let step = 0; step < 10; step++) {
      assert.deepEqual(parts.flatMap((part) => part.draws(step)), whole.draws(step));
      assert.deepEqual(parts[1].drawsOfAll(step), whole.draws(step));
    }
  });

  it('of a pass over all pictures are whole batches in turn, the last one included', () => {
    const whole = sampler(4, 0, 1, false);
    const parts = [0, 1, 2, 3].map((rank) => sampler(4, rank, 4, false));
    assert.deepEqual(parts.map((part) => part.batchesPerEpoch), [2, 2, 1, 1]);
    const seen: Draw[][] = [];
    parts.forEach((part, rank) => {
      for (let step = 0; step < part.batchesPerEpoch; step++) seen[step * 4 + rank] = part.draws(step);
    });
    assert.deepEqual(seen, Array.from({ length: 6 }, (_, step) => whole.draws(step)));
  });

  it('are padded to one size, and a rank may go without a batch of a short pass', async () => {
    const dataset = openCoco(await writeFixture(), 'train');
    const load = (rank: number, size: number, batch: number) =>
      createLoader(dataset, {
        size: { longSide: 64, shortSide: 40 },
        padMultiple: 1,
        batch,
        shuffle: true,
        seed: 2,
        workers: 0,
        shard: { rank, size },
      });
    const shape = async (loader: ReturnType<typeof load>): Promise<number[]> => {
      const { images: inputs } = await loader.batch(0);
      inputs.dispose();
      return inputs.shape.slice(1);
    };
    const whole = await shape(load(0, 1, 2));
    for (const rank of [0, 1]) assert.deepEqual(await shape(load(rank, 2, 1)), whole);
    const short = openCoco(await writePictures({ train: 2, val: 1 }), 'val');
    const second = createLoader(short, {
      size: { width: 64, height: 64 },
      batch: 4,
      workers: 0,
      shard: { rank: 1, size: 2 },
    });
    assert.equal(second.batchesPerEpoch, 0);
  });
});

describe('gradients', () => {
  it('are handed over whole in the middle of the backward pass, and summed in full buckets in one order', () => {
    const parameters = new Parameters();
    for (const name of ['first', 'second', 'third']) parameters.create(name, [2, 2], Float32Array.of(1, 2, 3, 4));
    parameters.create('unused', [3], 1);
    const [first, second, third] = ['first', 'second', 'third'].map((name) => parameters.get(name));
    const matrix = (name: typeof first): Tensor2D => name.value as Tensor2D;
    // `second` is used twice; each use is in a tidy of its own, as in a network.
    const layer = (x: Tensor2D, weight: typeof first): Tensor2D =>
      tf.tidy(() => tf.relu(tf.matMul(x, matrix(weight)) as Tensor2D));
    const loss = (): Scalar => tf.sum(layer(layer(layer(layer(tf.ones([1, 2]), first), second), second), third));

    const events: string[] = [];
    const doubling: Communicator = {
      ...alone,
      size: 2,
      startSum(values) {
        events.push(`sum of ${values.length}`);
        values.forEach((value, i) => (values[i] = 2 * value));
        return { advance: () => undefined, finish: () => void events.push('finished') };
      },
    };
    const before = tf.memory().numTensors;
    const all = parameters.trainable();
    const sums = new GradientSum(doubling, all, 4);
    const expected = valueAndGradients(loss, all);
    for (const repeat of [1, 2]) {
      events.length = 0;
      const found = valueAndGradients(loss, all, (index, gradient) => {
        events.push(all[index].name);
        sums.add(index, gradient);
      });
      const summed = sums.finish(found.gradients);
      // Buckets: unused with third; second; first. The first cannot leave before all gradients are
      // known.
      assert.deepEqual(
        events,
        ['third', 'second', 'first', 'sum of 7', 'sum of 4', 'sum of 4', 'finished', 'finished', 'finished'],
        `repeat ${repeat}`,
      );
      summed.forEach((sum, i) =>
        assert.deepEqual(
          Array.from(sum.dataSync()),
          Array.from(expected.gradients[i].dataSync(), (value) => 2 * value),
        ),
      );
      found.gradients.forEach((gradient, i) => assert.deepEqual(gradient.dataSync(), expected.gradients[i].dataSync()));
      tf.dispose([found, summed]);
    }
    parameters.get('unused').trainable = false;
    events.length = 0;
    const used = new GradientSum(doubling, parameters.trainable(), 4);
    const own = valueAndGradients(loss, parameters.trainable(), (index, gradient) => {
      events.push(all[index].name);
      used.add(index, gradient);
    });
    assert.deepEqual(
      events,
      ['third', 'sum of 4', 'second', 'sum of 4', 'first', 'sum of 4'],
      'sent while the backward pass goes on',
    );
    tf.dispose([expected, own, used.finish(own.gradients)]);
    assert.equal(tf.memory().numTensors, before);
    parameters.dispose();
  });
});
