/**
 * What a GPU is asked in a training step: the host waits for it to read the losses and to read the
 * gradient's norm, and for nothing else; and as many kernels are launched for many channels as for
 * few. Told on a processor, by TensorFlow's plain kernels, which are those of a GPU.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setKernelLevel } from '../../lib/dist/core/native';
import type { Detector } from '../../lib/dist/detection/detector';
import { createDetector, smallDetectors, type DetectorKind } from '../../lib/dist/detection/families';
import { RetinaNet } from '../../lib/dist/detection/retinanet';
import { trainDetector, type TeacherSide } from '../../lib/dist/distill/distill-student';
import { liveFeatures } from '../../lib/dist/distill/feature-cache';
import { createPromptState } from '../../lib/dist/distill/prompt-state';
import { Teacher } from '../../lib/dist/distill/teacher';
import { emojiScenes } from '../../lib/dist/experiments/experiment';
import { variantRow, variants, type LossSettings } from '../../lib/dist/runs/variants';
import { tf, type Tensor } from '../../lib/dist/tf';
import { pictures, tune } from './setup';
import { temporary, tinyModel, writePictures } from './tiny';

type Method = (...args: unknown[]) => unknown;
const backend = tf.backend() as unknown as Record<string, Method> & {
  isUsingGpuDevice: boolean;
  /** With `values`, as long as they have not been handed to TensorFlow: reading those asks no GPU. */
  tensorMap: { get(id: unknown): { values: unknown } };
};
const onThisMachine = backend.isUsingGpuDevice;
const counted = { kernels: 0, reads: 0 };
const counters = {
  executeSingleOutput: 'kernels', executeMultipleOutputs: 'kernels', read: 'reads', readSync: 'reads',
} as const;
const originals = Object.fromEntries(Object.keys(counters).map((name) => [name, backend[name]]));

/**
 * TensorFlow's kernels of whole numbers for GPUs compute in the host's memory, where what a GPU
 * computed is copied to. What the host made is there already.
 */
function computesOnHost(name: string, [input]: readonly Tensor[]): boolean {
  if (input?.dtype !== 'int32' || ['Cast', 'Bitcast', 'Reshape'].includes(name)) return false;
  return !backend.tensorMap.get(input.dataId).values;
}

let folder: string;
before(async () => {
  folder = await writePictures();
  // As on a GPU: its level of kernels, and no look for NaN, which a GPU's own pooling passes on.
  setKernelLevel('plain');
  backend.isUsingGpuDevice = true;
  for (const [name, what] of Object.entries(counters))
    backend[name] = (...args) => {
      if (what === 'kernels') {
        counted.kernels++;
        if (computesOnHost(args[0] as string, args[2] as Tensor[])) counted.reads++;
      } else if (!backend.tensorMap.get(args[0]).values) counted.reads++;
      return originals[name].apply(backend, args);
    };
});
after(() => {
  Object.assign(backend, originals);
  backend.isUsingGpuDevice = onThisMachine;
  setKernelLevel(undefined);
});

/** What was counted since it was asked last. */
function counts(): typeof counted {
  const now = { ...counted };
  counted.kernels = counted.reads = 0;
  return now;
}

/** Networks whose stem pools, as all published ones do. */
function modelOf(channels: number): ReturnType<typeof tinyModel> {
  const model = tinyModel(channels);
  return { ...model, backbone: { ...model.backbone, stem: { ...model.backbone.stem, pool: true } } };
}

const { weights } = emojiScenes;
/** MasKD's masks of the student are there from the first step. */
const settings: LossSettings = { ...emojiScenes, weights: { ...weights, maskd: { ...weights.maskd, refineAfter: 0 } } };

/** One step's counts, the third's: by then everything that is kept is there. */
async function ofStep(run: (onStep: () => void) => Promise<unknown>): Promise<typeof counted> {
  let last = counts();
  await run(() => void (last = counts()));
  return last;
}

/** Stage 2 of a variant; disposes the student. */
async function ofStudent(name: string, student: Detector, side?: TeacherSide): Promise<typeof counted> {
  const loader = pictures(folder);
  const schedule = { kind: 'cosine' as const, base: 1e-3, steps: 3 };
  const optimizer = { kind: 'adamw' as const, weightDecay: 0.05 };
  const distillation = variantRow(name).distillation(settings);
  try {
    return await ofStep((onStep) =>
      trainDetector(
        { detector: student, loader, batchSize: 4, schedule, optimizer, clip: 10, distillation, side, seed: 2 },
        { folder: temporary(), config: {}, checkpointEvery: 0, onStep },
      ),
    );
  } finally {
    await loader.close();
    student.dispose();
  }
}

for (const name of variants)
  it(`${name}: the losses and the norm are read, and the kernels do not grow with the channels`, async () => {
    const steps: (typeof counted)[] = [];
    for (const channels of [8, 16]) {
      const teacher = new Teacher(new RetinaNet(modelOf(channels), { seed: 5 }), [0.5, 2]);
      const side: TeacherSide = { teacher, features: liveFeatures(teacher) };
      const { prompt } = variantRow(name);
      if (prompt) {
        side.prompt = createPromptState(2, channels, settings.prompt[prompt].frequency, 1);
        const state = side.prompt;
        const tuned = await ofStep((onStep) => tune(folder, side, state, { onStep }));
        assert.equal(tuned.reads, 1, 'stage 1 reads its losses');
      }
      steps.push(await ofStudent(name, new RetinaNet(modelOf(channels), { seed: 2 }), side));
      side.prompt?.parameters.dispose();
      teacher.detector.dispose();
    }
    assert.equal(steps[0].reads, 2, 'the losses, and the norm of the gradient');
    assert.deepEqual(steps[0], steps[1]);
  });

/** What else of a step is computed on the host, on a GPU as well. */
const readsOf: Record<DetectorKind, number> = {
  retinanet: 0,
  fcos: 0,
  /** The boxes of the first stage, to which the second's objects are assigned. */
  reppoints: 1,
  /** Proposals: the best anchors, and their deltas. */
  'faster-rcnn': 2,
  /** And the boxes of two stages. */
  'cascade-rcnn': 4,
};
for (const [kind, reads] of Object.entries(readsOf))
  it(`${kind}: the losses, the norm and ${reads} times what its targets are chosen from`, async () => {
    const { student } = smallDetectors(kind as DetectorKind);
    const { kernels, ...read } = await ofStudent('student', createDetector(student, { seed: 2 }));
    assert.ok(kernels > 100);
    assert.deepEqual(read, { reads: 2 + reads });
  });
