"""Writes test/golden/fcos_steps.json: ten steps of the authors' FCOS R101 -> R50 run in plain PyTorch.

    python test/golden/fcos_steps.py

As ten_steps.py says, with what is FCOS's own: backbones in caffe's style whose norms never learn, a student that starts
with the teacher's neck and head, 5 times FreeKD and 10 times the feature MSE, biases with twice the rate and no decay,
gradients clipped at 35, and the first ten steps of a warm-up of 500 from a third. Its steps are large, so that float32
drifts. The objects are far from the kinks of the box loss.
"""
from pathlib import Path

import torch

import detection_reference as reference
import published
from fcos_reference import Fcos, fcos_start
from ten_steps import Row, SIZE, warm_up, write

FOCAL = {"alpha": 0.25, "gamma": 2}
PLAIN = {
    "classes": 80, "backbone": {**published.R101, "style": "caffe"},
    "neck": {"channels": 256, "extraLevels": 2, "addExtraConvs": "on_output", "reluBeforeExtraConvs": True},
    "head": {"convs": 4, "channels": 256, "norm": {"groups": 32}, "convBias": False, "centernessOn": "classification", "distance": "exp"},
    "assign": {"ranges": [[-1, 64], [64, 128], [128, 256], [256, 512], [512, 1e8]], "centerRadius": 0}, "loss": {"focal": FOCAL, "box": "iou"}}
TRICKED = {**PLAIN, "backbone": {**published.R50, "style": "caffe"}, "head": {**PLAIN["head"], "convBias": True, "distance": "stride"},
           "assign": {**PLAIN["assign"], "centerRadius": 1.5}, "loss": {"focal": FOCAL, "box": "giou"}}


def start(name: str, shape) -> torch.Tensor:
    return published.start(name, shape) if name.endswith("bn3.weight") else fcos_start(name, shape)


def teacher_start(name: str, shape) -> torch.Tensor:
    return start(f"teacher/{name}", shape)


def student_start(name: str, shape) -> torch.Tensor:
    """The teacher's neck and head, whose towers have no biases beside their norms."""
    inherited = name.startswith(("neck.", "bbox_head.")) and not ("_convs." in name and name.startswith("bbox_head.") and name.endswith("conv.bias"))
    return (teacher_start if inherited else start)(name, shape)


def trained(name: str) -> bool:
    return not name.startswith(("backbone.conv1.", "backbone.layer1.")) and ".bn" not in name and "downsample.1" not in name


def is_bias(name: str) -> bool:
    """mmcv's: those of norms are not meant."""
    return name.endswith(".bias") and ".gn." not in name


def objects(step: int, attempt: int, count: int = 3):
    """Objects of 12 pixels up to the whole picture."""
    result = []
    for i in range(SIZE[0]):
        name, whole = f"fcos/{step}/{attempt}", torch.tensor([SIZE[2], SIZE[1]], dtype=torch.float32)
        side = 12 + reference.tensor(f"{name}/side{i}", (count, 2), 0, 1) * (whole - 12)
        corner = reference.tensor(f"{name}/corner{i}", (count, 2), 0, 1) * (whole - side)
        labels = torch.from_numpy((reference.hashes(f"{name}/labels{i}", count) % 80).astype("int64"))
        result.append((torch.cat([corner, corner + side], 1), labels))
    return result


def networks(dtype):
    teacher, student = Fcos(PLAIN, teacher_start).to(dtype).eval(), Fcos(TRICKED, student_start).to(dtype).eval()
    for name, value in student.named_parameters():
        value.requires_grad_(trained(name))
    return teacher, student


def task(student, pyramid, goals):
    focal, box, centre, _ = student.loss(student.bbox_head(pyramid), goals)
    return {"classification": focal, "box": box, "centerness": centre}, student.kink >= published.KINK


def groups(parameters: dict):
    biases = [value for name, value in parameters.items() if is_bias(name)]
    return [(2, 0, biases), (1, 1e-4, [value for name, value in parameters.items() if not is_bias(name)])]


if __name__ == "__main__":
    write(Path(__file__).with_suffix(".json"), Row(
        networks, objects, task, {"mse": 10, "freekd": 5}, warm_up(0.01, 500, 1 / 3), groups, clip=35))
