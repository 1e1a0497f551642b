"""Runs a module or a script, and ends it when the process that started it is gone: python setup/parent.py MODULE-OR-FILE [words].

It then gets a SIGTERM, at which JupyterLab ends its kernels, and so it does where the terminal is closed. The twin of parent.mjs.
"""

import os
import runpy
import signal
import sys
import threading
import time


def watch(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    parent = int(os.environ.get("FREEKD_PARENT") or os.getppid())
    threading.Thread(target=watch, args=(parent,), daemon=True).start()
    for name in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(name, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    sys.argv = sys.argv[1:]
    program = sys.argv[0]
    if program.endswith(".py"):
        sys.path[0] = os.path.dirname(program)
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
