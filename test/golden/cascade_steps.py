"""Writes test/golden/cascade_steps.json: ten steps of the authors' Cascade X101-64x4d -> Faster R-CNN R50 run in plain PyTorch.

    python test/golden/cascade_steps.py

As ten_steps.py says; a class-agnostic student that starts with the teacher's neck, twice the feature MSE and the smooth L1 of
the first head's deltas on the student's regions, gradients clipped at 35, and the first ten steps of a warm-up of 500 from
0.001. Samplers take the first that there are. Fewer regions are proposed than in the published config, and pictures are
drawn until no choice is near to falling the other way.
"""
from pathlib import Path

import published
from cascade_rcnn_reference import CascadeRcnn
from faster_rcnn_reference import FasterRcnn, reshaped
from faster_rcnn_reference import start as region_start
from ten_steps import Row, SIZE, all_alike, warm_up, write

LEVELS = [2, 3, 4, 5]
PROPOSALS = {"perLevel": 16, "iouThreshold": 0.7, "maximum": 32}
SHARED = {
    "classes": 80, "neck": {"channels": 256, "extraLevels": 1, "addExtraConvs": "none"},
    "anchors": {"baseScale": 8, "scalesPerOctave": 1, "ratios": [0.5, 1, 2]},
    "rpn": {"channels": 256, "assign": {"positive": 0.7, "negative": 0.3, "least": 0.3}, "sample": {"count": 256, "share": 0.5}},
    "proposals": {"training": PROPOSALS},
    "head": {"channels": 1024, "bins": 7, "finestScale": 56, "levels": 4}}
TEACHER = {**SHARED, "backbone": {**published.R101, "groups": 64, "widthPerGroup": 4, "levels": LEVELS}, "stages": [{}]}
STUDENT = {**SHARED, "backbone": {**published.R50, "levels": LEVELS}, "regions": {"positive": 0.5, "sample": {"count": 512, "share": 0.25}},
           "head": {**SHARED["head"], "classAgnostic": True, "deviations": [0.1, 0.2]}}
MARGIN = 3e-5


def start(name: str, shape, bins: int):
    return published.start(name, shape) if name.endswith("bn3.weight") else region_start(name, shape, bins)


def teacher_start(name: str, shape, bins: int):
    return start(f"teacher/{name}", shape, bins)


def networks(dtype):
    inherited = lambda name, shape, bins: (teacher_start if name.startswith("neck.") else start)(name, shape, bins)
    teacher, student = CascadeRcnn(TEACHER, teacher_start).to(dtype).eval(), FasterRcnn(STUDENT, inherited).to(dtype).eval()
    for name, value in student.named_parameters():
        value.requires_grad_(published.trained(name))
    return teacher, student


def objects(step: int, attempt: int):
    return published.targets(f"cascade/{step}/{attempt}", [(SIZE[2], SIZE[1])] * SIZE[0], 80, 3)


def task(student, pyramid, goals):
    losses, _ = student.loss(student.first(pyramid), [(boxes.float(), labels) for boxes, labels in goals], SIZE[2], SIZE[1])
    return losses, student.kink >= published.KINK and student.margin >= MARGIN


def heads(teacher, target, student):
    rois, _, deltas = student.drawn
    teacher.pyramid = target
    return [deltas], [teacher.regions(rois.to(deltas.dtype), teacher.roi_head["bbox_head"][0])[1]]


if __name__ == "__main__":
    row = Row(networks=networks, objects=objects, task=task, heads=heads, weights={"mse": 2}, rate=warm_up(0.02, 500, 0.001),
              groups=all_alike, clip=35, pictures=lambda step, attempt: f"cascade/images{step}/{attempt}", shaped=reshaped(STUDENT))
    write(Path(__file__).with_suffix(".json"), row)
