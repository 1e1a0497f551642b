/**
 * What a pickle names or makes of Python, held as data: nothing of it is ever looked up, called or
 * executed. Names by which files are made to attack who loads them are refused all the same, for
 * where one stands, nothing else in the file is worth trusting.
 */
import type { PickleValue } from './pickle';

/** A class, a function or a constant that a pickle names: "torch.float32", "pathlib.PosixPath". */
export class PythonName {
  constructor(readonly name: string) {}
}

/** An object of a class that has no counterpart here: what was pickled of it, and nothing else. */
export class InertObject {
  /** What its `__setstate__` would be given; mostly its attributes. */
  state: PickleValue;
  /** What it holds as a dict. */
  items: Map<PickleValue, PickleValue> | undefined;
  /** What it holds as a list or a set. */
  list: PickleValue[] | undefined;

  /** @param type the class or function that would have made it of `args` */
  constructor(readonly type: string, readonly args: readonly PickleValue[]) {}
}

/** Modules that reach outside of the interpreter, or run what they are given. */
const dangerousModules = new Set(
  (
    'os posix nt sys subprocess _posixsubprocess commands popen2 pty runpy webbrowser importlib _frozen_importlib ' +
    '_frozen_importlib_external imp zipimport pkgutil marshal pickle _pickle cPickle shelve shutil socket _socket ' +
    'ssl ctypes _ctypes cffi asyncio bdb pdb code codeop trace timeit cProfile profile pydoc doctest venv ensurepip ' +
    'pip http httplib urllib urllib2 urllib3 requests aiohttp ftplib smtplib telnetlib'
  ).split(' '),
);

/** Of other modules, what runs code or reaches into objects. */
const dangerousNames = new Set([
  ...['builtins', '__builtin__'].flatMap((module) =>
    (
      'eval exec execfile compile open file getattr setattr delattr apply breakpoint __import__ globals locals vars ' +
      'input raw_input reload help exit quit'
    )
      .split(' ')
      .map((name) => `${module}.${name}`),
  ),
  ...['FunctionType', 'LambdaType', 'CodeType', 'MethodType'].map((name) => `types.${name}`),
  ...['operator', '_operator'].flatMap((module) =>
    ['attrgetter', 'itemgetter', 'methodcaller'].map((name) => `${module}.${name}`),
  ),
  ...['io', '_io', 'codecs'].flatMap((module) => ['open', 'open_code', 'FileIO'].map((name) => `${module}.${name}`)),
  ...['numpy.load', 'numpy.testing._private.utils.runstring', 'torch.load', 'torch.serialization.load'],
  ...['torch.jit.load', 'torch.hub.load', 'torch.hub.load_state_dict_from_url'],
]);

/** Whether "module.name" is among the names with which pickles attack. */
export function isDangerous(full: string): boolean {
  if (dangerousNames.has(full)) return true;
  const segments = full.split('.');
  // "torch.serialization.os.system": a module reached through another one.
  const through = segments.slice(1, -1).some((segment) => /^(os|posix|nt|sys|subprocess|builtins)$/.test(segment));
  return through || dangerousModules.has(segments[0]);
}
