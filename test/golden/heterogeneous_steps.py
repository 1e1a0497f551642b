"""Writes test/golden/heterogeneous_steps.json: ten steps of a RetinaNet R50 that learns from an FCOS X101-64x4d, in plain PyTorch.

    python test/golden/heterogeneous_steps.py

As ten_steps.py says; a teacher of another family, in PyTorch's style, of whose head nothing is imitated or inherited, and
5 times the feature MSE. The student, its objects, rates and clipping are distillation_steps.py's.
"""
from pathlib import Path

import published
from distillation_steps import objects, task
from fcos_reference import Fcos
from fcos_steps import PLAIN, teacher_start
from ten_steps import Row, all_alike, warm_up, write

X101 = {**published.R101, "groups": 64, "widthPerGroup": 4}


def networks(dtype):
    teacher = Fcos({**PLAIN, "backbone": X101}, teacher_start).to(dtype).eval()
    return teacher, published.network("retinaNetR50", dtype)


if __name__ == "__main__":
    write(Path(__file__).with_suffix(".json"), Row(
        networks, objects, task, {"mse": 5}, warm_up(0.02, 1000, 0.001), all_alike, clip=35))
