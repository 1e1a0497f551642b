/**
 * What TensorFlow is told of GPUs before it loads, by variables of the environment.
 *
 * Memory is taken as it is needed, not the whole card at the start; a convolution may take 512 MB to
 * work in, not 4 GB; a maximum of NaN is NaN, as on a processor and in PyTorch. Convolutions and matrix products
 * of float32 may be rounded to TF32 (10 bits of mantissa in place of 23) on cards that have it, as
 * PyTorch's convolutions are by default; FREEKD_TF32=off keeps them float32.
 */
import { execFileSync } from 'node:child_process';

type Variables = Record<string, string | undefined>;

/** Whether TF32 may be used. Throws Error where FREEKD_TF32 is neither "on" nor "off". */
export function allowsTf32({ FREEKD_TF32: wanted = 'on', NVIDIA_TF32_OVERRIDE: override }: Variables): boolean {
  if (wanted !== 'on' && wanted !== 'off') throw new Error(`FREEKD_TF32 is "${wanted}"; it can be on or off`);
  return wanted === 'on' && override !== '0';
}

/** The variables that NVIDIA's libraries and TensorFlow read; what the user has set of them stays. */
export const gpuVariables = (variables: Variables): Record<string, string> => ({
  TF_FORCE_GPU_ALLOW_GROWTH: variables.TF_FORCE_GPU_ALLOW_GROWTH ?? 'true',
  TF_CUDNN_WORKSPACE_LIMIT_IN_MB: variables.TF_CUDNN_WORKSPACE_LIMIT_IN_MB ?? '512',
  TF_ENABLE_MAXPOOL_NANPROP: '1',
  ...(!allowsTf32(variables) && { NVIDIA_TF32_OVERRIDE: '0' }),
});

/** Name of the first GPU that is in use, such as "NVIDIA H100 80GB HBM3"; "unknown" where no tool tells. */
export function gpuName(): string {
  const [first = '0'] = (process.env.CUDA_VISIBLE_DEVICES ?? '').split(',').filter(Boolean);
  try {
    const words = [`--id=${first}`, '--query-gpu=name', '--format=csv,noheader'];
    return execFileSync('nvidia-smi', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
}
