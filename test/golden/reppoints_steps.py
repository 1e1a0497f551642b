"""Writes test/golden/reppoints_steps.json: ten steps of the paper's RepPoints X101-32x4d-DCN -> R50 in plain PyTorch.

    python test/golden/reppoints_steps.py

As ten_steps.py says, with what is this row's own: a teacher of deformable stages, 5 times FreeKD and 10 times the
feature MSE, gradients that are not clipped, and the first ten steps of a warm-up of 500 from 0.001. The objects are far
from where another point would learn them.
"""
from pathlib import Path

import torch

import published
from reppoints_reference import RepPoints, reppoints_start
from ten_steps import Row, SIZE, all_alike, warm_up, write

LARGE = {
    "classes": 80, "backbone": {**published.R101, "groups": 32, "widthPerGroup": 4, "deformableStages": [2, 3, 4]},
    "neck": {"channels": 256, "extraLevels": 2, "norm": {"groups": 32}}, "head": {"convs": 3, "channels": 256, "norm": {"groups": 32}},
    "assign": {"scale": 4, "positive": 0.5, "negative": 0.4},
    "loss": {"focal": {"alpha": 0.25, "gamma": 2}, "box": {"beta": 0.11, "initial": 0.5, "refined": 1}}}
SMALL = {**LARGE, "backbone": published.R50}
EXTENT = (SIZE[2], SIZE[1])
MARGIN = 1e-4


def start(name: str, shape) -> torch.Tensor:
    return published.start(name, shape) if name.endswith("bn3.weight") else reppoints_start(name, shape)


def teacher_start(name: str, shape) -> torch.Tensor:
    return start(f"teacher/{name}", shape)


def networks(dtype):
    teacher, student = RepPoints(LARGE, teacher_start).to(dtype).eval(), RepPoints(SMALL, start).to(dtype).eval()
    for name, value in student.named_parameters():
        value.requires_grad_(published.trained(name))
    return teacher, student


def objects(step: int, attempt: int):
    return published.targets(f"reppoints/{step}/{attempt}", [EXTENT] * SIZE[0], 80, 3)


def task(student, pyramid, goals):
    focal, first, second, _ = student.loss(student.bbox_head(pyramid), goals, [EXTENT] * SIZE[0])
    return {"classification": focal, "initialBox": first, "box": second}, student.margin >= MARGIN


if __name__ == "__main__":
    write(Path(__file__).with_suffix(".json"), Row(
        networks, objects, task, {"mse": 10, "freekd": 5}, warm_up(0.01, 500, 0.001), all_alike))
