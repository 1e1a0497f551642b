"""The reference's side of a benchmark: python test/bench/python/side.py TASK; the protocol is that of test/bench/protocol.ts."""
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch

torch.set_num_threads(int(os.environ["FREEKD_BENCH_THREADS"]))
ON_GPU = os.environ.get("FREEKD_BENCH_DEVICE") == "gpu"
torch.backends.cudnn.benchmark = True  # TensorFlow too tries its convolutions out
torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = os.environ.get("FREEKD_TF32") != "off"
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


def card_memory() -> int:
    """Bytes in use on the first GPU, by whomever."""
    words = ["nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return int(subprocess.check_output(words, text=True)) << 20


def answer(**values) -> None:
    print("@" + json.dumps(values), flush=True)


def main() -> None:
    name = sys.argv[1]
    run = importlib.import_module(TASKS[name]).prepare(name)
    before = card_memory() if ON_GPU else memory("VmRSS")
    if before > 0 and not ON_GPU:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again
    check = [float(value) for value in run()]
    peak = (card_memory() if ON_GPU else memory("VmHWM")) - before  # what PyTorch has taken of a card it keeps
    answer(check=check, peak=peak, version=torch.__version__)
    for line in sys.stdin:
        times = []
        for _ in range(int(line.split()[1])):
            began = time.perf_counter()
            run()
            times.append(1000 * (time.perf_counter() - began))
        answer(milliseconds=times)


if __name__ == "__main__":
    main()
