/**
 * A `Session` for notebooks: live displays in the cell, the shipped teacher, and training that an
 * interrupt of the kernel stops.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Stopped } from '../train/stop';
import { liveTraining } from '../view/notebook';
import { openSplits } from '../experiments/data';
import { emojiScenesWith, type Experiment } from '../experiments/experiment';
import type { DetectorKind } from '../detection/families';
import { Session } from '../experiments/session';

export interface NotebookSessionOptions {
  experiment: Experiment;
  /** Folder in COCO layout. */
  dataFolder: string;
  /** Where results, logs and checkpoints go; relative to the notebook. */
  out: string;
  /**
   * Teacher file without its extension; default: the shipped teacher of emoji scenes of the
   * experiment's family, and where none is shipped `teacher` below `out`, trained first.
   */
  teacherFile?: string;
  /**
   * Leave out pictures and boxes that are bad, as the two without height in COCO's train2017.
   * Default false.
   */
  skipBad?: boolean;
  /**
   * Take up runs of the same configuration where they stopped, finished ones included. Default
   * false: everything is trained anew.
   */
  resume?: boolean;
  /** Into how many parts each batch is cut, to be learnt from in turns. Default 1. */
  accumulate?: number;
}

const goOn = 'run the cell again to go on from there';
/** Aborted by the next interrupt of the kernel, which stops whatever a session runs. */
let stop: AbortController | undefined;

/** One listener for all sessions, however often their cells are run. */
function untilInterrupt(): AbortSignal {
  if (!stop) process.on('SIGINT', () => {
    stop?.abort(new Stopped(`stopped; ${goOn}`));
    stop = new AbortController(); // for the next cell
  });
  return (stop ??= new AbortController()).signal;
}

/** `lib/dist/commands` is three folders below the repository's root. */
const root = path.resolve(__dirname, '../../..');

/** The shipped teacher of an experiment's family; undefined where there is none. */
function shippedTeacher({ teacher }: Experiment): string | undefined {
  const kind = 'model' in teacher ? (teacher.model.kind as DetectorKind | undefined) : undefined;
  const file = path.join(root, 'data/teachers', emojiScenesWith(kind ?? 'retinanet').name);
  return fs.existsSync(`${file}.json`) ? file : undefined;
}

/**
 * Opens a session whose progress is shown below the cell that waits for it. A cell that was
 * interrupted and runs again goes on where it stopped; one that had finished trains anew, unless
 * `resume`.
 */
export function openNotebookSession({
  experiment,
  dataFolder,
  out,
  teacherFile,
  skipBad = false,
  resume = false,
  accumulate,
}: NotebookSessionOptions): Session {
  untilInterrupt();
  const shipped = shippedTeacher(experiment);
  const file = teacherFile ?? shipped ?? path.resolve(out, 'teacher');
  return new Session({
    experiment,
    teacherFile: file,
    shippedTeacher: file === shipped,
    root,
    splits: openSplits(dataFolder, { skipBad }),
    out: path.resolve(out),
    trainTeacher: false,
    resume,
    accumulate,
    goOn,
    get signal() {
      return untilInterrupt();
    },
    progress: liveTraining,
    say: (line) => console.log(line),
  });
}
