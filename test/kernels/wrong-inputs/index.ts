/**
 * Wrong inputs for every operation of lib/native, executed directly, and what has to come of them.
 * Run as a program from row `argv[2]` on it says of each row what did; wrong-inputs.test.ts runs it
 * so, for a kernel that reads past its memory ends the process.
 */
import { execute, ownKernels } from '../../../lib/dist/core/native';
import { tf } from '../../../lib/dist/tf';
import { convolutionInputs } from './convolution';
import { deformableInputs } from './deformable';
import { groupNormInputs } from './group-norm';
import { roiAlignInputs } from './roi-align';
import { type Outcome, type WrongInput } from './rows';
import { waveletInputs } from './wavelet';

export const wrongInputs: WrongInput[] = [
  ...waveletInputs,
  ...convolutionInputs,
  ...roiAlignInputs,
  ...deformableInputs,
  ...groupNormInputs,
];

function outcome({ operation, attributes, inputs, outputs }: WrongInput): Outcome {
  return tf.tidy(() => {
    try {
      const results = execute(operation, attributes(), inputs(), outputs);
      return {
        outputs: results.map((y) => ({ shape: y.shape, zeros: (y.dataSync() as Float32Array).every((v) => v === 0) })),
      };
    } catch (error) {
      return { error: (error as Error).message };
    }
  });
}

if (require.main === module && ownKernels())
  for (let row = Number(process.argv[2]); row < wrongInputs.length; row++)
    process.stdout.write(`\n${JSON.stringify({ row, ...outcome(wrongInputs[row]) })}`);
