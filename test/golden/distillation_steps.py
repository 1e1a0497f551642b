"""Writes test/golden/distillation_steps.json: ten steps of the authors' RetinaNet R101 -> R50 run in plain PyTorch.

    python test/golden/distillation_steps.py

As ten_steps.py says, with what is this row's own: 5 times the feature MSE and the smooth L1 of the box outputs; SGD 0.02
/ 0.9 / 1e-4 on every parameter, gradients clipped at 35, the first ten steps of the warm-up of 1000 from 0.001. Each
step has its own pictures, and objects that are far from the kinks of the L1 loss.
"""
from pathlib import Path

import detection_reference as reference
import published
from ten_steps import Row, SIZE, all_alike, warm_up, write


def teacher_start(name, shape):
    return published.start(f"teacher/{name}", shape)


def networks(dtype):
    teacher = reference.RetinaNet(published.CONFIGS["retinaNetR101"], teacher_start).to(dtype).eval()
    return teacher, published.network("retinaNetR50", dtype)


def objects(step: int, attempt: int):
    return published.targets(f"steps/{step}/{attempt}", [(SIZE[2], SIZE[1])] * SIZE[0], 80, 3)


def task(student, pyramid, goals):
    student.outputs = [student.bbox_head(level) for level in pyramid]
    anchors = [a.to(pyramid[0].dtype) for a in student.anchors(pyramid)]
    focal, box, _ = student.loss(student.outputs, anchors, goals)
    return {"classification": focal, "box": box}, student.kink >= published.KINK


def heads(teacher, target, student):
    return [output[1] for output in student.outputs], [teacher.bbox_head(level)[1] for level in target]


if __name__ == "__main__":
    write(Path(__file__).with_suffix(".json"), Row(
        networks, objects, task, {"mse": 5}, warm_up(0.02, 1000, 0.001), all_alike, clip=35, heads=heads))
