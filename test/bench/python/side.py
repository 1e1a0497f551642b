"""The reference's side of a benchmark: python test/bench/python/side.py TASK; the protocol is that of test/bench/protocol.ts."""
import importlib
import json
import os
import sys
import time
from pathlib import Path

import torch

torch.set_num_threads(int(os.environ["FREEKD_BENCH_THREADS"]))
TASKS = {
    "train-frozen": "detector", "train-batch": "detector", "distillation": "distillation", "inference": "inference",
    "frequency-loss": "frequency_loss", "frequency-loss-algebra": "frequency_loss", "wavelet-haar": "wavelet", "wavelet-db4": "wavelet",
    "memory-forward": "inference", "memory-distillation": "distillation", "pycocotools": "evaluation", "faster-coco-eval": "evaluation",
    "train-fcos": "families", "train-faster-rcnn": "families", "train-reppoints": "families",
    "roi-align": "detector_kernels", "deform-conv": "detector_kernels",
}


def memory(field: str) -> int:
    """Bytes of VmHWM or VmRSS; 0 where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field + ":"))
    except OSError:
        return 0


def answer(**values) -> None:
    print("@" + json.dumps(values), flush=True)


def main() -> None:
    name = sys.argv[1]
    run = importlib.import_module(TASKS[name]).prepare(name)
    before = memory("VmRSS")
    if before > 0:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again
    check = [float(value) for value in run()]
    answer(check=check, peak=memory("VmHWM") - before, version=torch.__version__)
    for line in sys.stdin:
        times = []
        for _ in range(int(line.split()[1])):
            began = time.perf_counter()
            run()
            times.append(1000 * (time.perf_counter() - began))
        answer(milliseconds=times)


if __name__ == "__main__":
    main()
