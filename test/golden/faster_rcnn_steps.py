"""Writes test/golden/faster_rcnn_steps.json: ten steps of the authors' Faster R-CNN R101 -> R50 run in plain PyTorch.

    python test/golden/faster_rcnn_steps.py

As ten_steps.py says; class-specific heads on either side, a student that inherits nothing, 0.8 times FreeKD, once the
feature MSE and the smooth L1 of all classes' deltas on the student's regions, gradients that are not clipped, and the
first ten steps of a warm-up of 500 from 0.001. What is proposed, and how pictures are drawn, is cascade_steps.py's.
"""
from pathlib import Path

import published
from cascade_steps import LEVELS, MARGIN, SHARED, start, teacher_start
from faster_rcnn_reference import FasterRcnn, reshaped
from ten_steps import Row, SIZE, all_alike, warm_up, write

HEAD = {**SHARED["head"], "classAgnostic": False, "deviations": [0.1, 0.2]}
REGIONS = {"positive": 0.5, "sample": {"count": 512, "share": 0.25}}
TEACHER, STUDENT = ({**SHARED, "head": HEAD, "regions": REGIONS, "backbone": {**backbone, "levels": LEVELS}}
                    for backbone in (published.R101, published.R50))


def networks(dtype):
    teacher, student = FasterRcnn(TEACHER, teacher_start).to(dtype).eval(), FasterRcnn(STUDENT, start).to(dtype).eval()
    for name, value in student.named_parameters():
        value.requires_grad_(published.trained(name))
    return teacher, student


def objects(step: int, attempt: int):
    return published.targets(f"faster/{step}/{attempt}", [(SIZE[2], SIZE[1])] * SIZE[0], 80, 3)


def task(student, pyramid, goals):
    losses, _ = student.loss(student.first(pyramid), [(boxes.float(), labels) for boxes, labels in goals], SIZE[2], SIZE[1])
    return losses, student.kink >= published.KINK and student.margin >= MARGIN


def heads(teacher, target, student):
    rois, _, deltas = student.drawn
    teacher.pyramid = target
    return [deltas], [teacher.regions(rois.to(deltas.dtype), teacher.roi_head["bbox_head"])[1]]


if __name__ == "__main__":
    row = Row(networks=networks, objects=objects, task=task, heads=heads, weights={"mse": 1, "freekd": 0.8}, rate=warm_up(0.02, 500, 0.001),
              groups=all_alike, pictures=lambda step, attempt: f"faster/images{step}/{attempt}", shaped=reshaped(STUDENT))
    write(Path(__file__).with_suffix(".json"), row)
