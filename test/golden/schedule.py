"""Golden answers for lib/train/schedule: learning rates of PyTorch's own schedulers over a run.

Run as `python test/golden/schedule.py` with the versions of test/golden/requirements.txt (torch).
Warm-up is LinearLR chained with the schedule, whose factors multiply, as in mmdet's `linear` policy.
"""
import json
from pathlib import Path

import torch
from torch.optim import lr_scheduler as s

STEPS = 24


def rates(base, *makers):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    scheduler = s.ChainedScheduler([make(optimizer) for make in makers])
    out = []
    for _ in range(STEPS):
        out.append(float(f"{optimizer.param_groups[0]['lr']:.10g}"))
        optimizer.step()
        scheduler.step()
    return out


def warmup(optimizer):
    return s.LinearLR(optimizer, start_factor=0.001, end_factor=1.0, total_iters=5)


golden = {
    "steps": STEPS,
    "warmup": {"steps": 5, "ratio": 0.001},
    "cosine": rates(0.01, lambda o: s.CosineAnnealingLR(o, T_max=STEPS, eta_min=1e-6)),
    "cosineWarm": rates(0.02, lambda o: s.CosineAnnealingLR(o, T_max=STEPS), warmup),
    "step": rates(0.02, lambda o: s.MultiStepLR(o, milestones=[16, 22], gamma=0.1)),
    "stepWarm": rates(0.02, lambda o: s.MultiStepLR(o, milestones=[3, 16], gamma=0.5), warmup),
    "constantWarm": rates(0.02, warmup),
}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden) + "\n")
