/**
 * Where a rank of a distributed run stands, told by the variables of whoever started it: Open MPI's
 * `mpirun`, or SLURM's `srun --mpi=pmix`. Decides, before TensorFlow loads, which GPU and how many
 * threads are this rank's.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';

type Variables = Record<string, string | undefined>;

/** Whether this process was started as a rank. */
export const isRank = (variables: Variables): boolean =>
  ['OMPI_COMM_WORLD_RANK', 'PMIX_RANK'].some((name) => variables[name] !== undefined);

/**
 * Ranks on this machine, and which of them this is. `srun` tells how many only where it is the same
 * on all machines: "4(x2)".
 */
function local(variables: Variables): { rank: number; size: number } {
  const rank = Number(variables.OMPI_COMM_WORLD_LOCAL_RANK ?? variables.SLURM_LOCALID ?? 0);
  const size = parseInt(variables.OMPI_COMM_WORLD_LOCAL_SIZE ?? variables.SLURM_STEP_TASKS_PER_NODE ?? '1', 10);
  return { rank, size };
}

/**
 * The variables that give a rank its own GPU and its share of the processors; none for a process
 * that is no rank. What the user has set stays, but of several GPUs in CUDA_VISIBLE_DEVICES a rank
 * takes one.
 * @param gpus number of NVIDIA GPUs of this machine
 * @throws Error where a machine has GPUs, but fewer than ranks
 */
export function placementOf(variables: Variables, gpus: number, processors: number): Record<string, string> {
  if (!isRank(variables)) return {};
  const { rank, size } = local(variables);
  const given = variables.CUDA_VISIBLE_DEVICES;
  const devices =
    given === undefined ? Array.from({ length: gpus }, (_, i) => String(i)) : given.split(',').filter(Boolean);
  // `srun` can set one GPU for each rank; what `mpirun` passes on is the same for all.
  const own = given !== undefined && devices.length === 1 && variables.OMPI_COMM_WORLD_LOCAL_RANK === undefined;
  const ranks = Math.max(size, rank + 1);
  if (devices.length > 0 && ranks > devices.length && !own)
    throw new Error(
      `this machine has ${ranks} ranks, but only ${devices.length} GPU${devices.length > 1 ? 's' : ''} ` +
        `(${devices.join(', ')}): start one rank a GPU, or set CUDA_VISIBLE_DEVICES to nothing to train on processors`,
    );
  return {
    ...(devices.length > 1 && { CUDA_VISIBLE_DEVICES: devices[rank] }),
    ...(size > 1 && {
      TF_NUM_INTRAOP_THREADS: variables.TF_NUM_INTRAOP_THREADS ?? String(Math.max(1, Math.floor(processors / size))),
    }),
  };
}

/** The NVIDIA GPUs that the kernel driver lists. */
function gpuCount(): number {
  try {
    return fs.readdirSync('/proc/driver/nvidia/gpus').length;
  } catch {
    return 0;
  }
}

/** Puts `placementOf` into this process's environment; call it before TensorFlow loads. */
export function placeRank(): void {
  Object.assign(process.env, placementOf(process.env, gpuCount(), os.cpus().length));
}
