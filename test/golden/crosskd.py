"""Writes test/golden/crosskd.json, the answers that test/distill/imitations/crosskd.test.ts holds CrossKD against.

    python test/golden/crosskd.py

CrossKD written from its paper (arXiv 2306.11369) in plain PyTorch, for heads of RetinaNet and of FCOS, whose layers are those of
detection_reference.py and fcos_reference.py. Two pictures, two levels, double precision.
"""
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision.ops import generalized_box_iou_loss

from detection_reference import Head, initial, listed, numbers, relu, tensor
from fcos_reference import FcosHead, fcos_start

LEVELS = [[2, 5, 6], [2, 3, 4]]  # N, H, W
CLASSES, CHANNELS, NORMALIZERS = 3, 8, [7.5, 3.5]  # of classes, of boxes
LIMIT = abs(math.log(16 / 1000))


def maps(name):
    return [tensor(f"{name}/{i}", [*shape, CHANNELS], -2, 2).double().permute(0, 3, 1, 2).contiguous().requires_grad_()
            for i, shape in enumerate(LEVELS)]


def made(name, module, start):
    for key, value in module.state_dict().items():
        value.copy_(start(f"{name}/bbox_head.{key}", value.shape))
    return module.double()


def layers(convs, x, first, last):
    for conv in convs[first:last]:
        x = relu(conv(x))
    return x


def predicted(head, level, a, b, kind):
    """Class logits [places, K] and corners [places, 4] of what both towers have given."""
    rows = lambda x, size: x.permute(0, 2, 3, 1).reshape(-1, size)
    if kind == "fcos":
        left, top, right, bottom = rows(head.scales[level](head.conv_reg(b)).exp(), 4).unbind(1)
        return rows(head.conv_cls(a), CLASSES), torch.stack([-left, -top, right, bottom], 1)
    d = rows(head.retina_reg(b), 4)
    size = torch.tensor([20.0, 30.0]).double()  # of some anchor at (50, 40): an overlap does not depend on it
    centre, half = torch.tensor([50.0, 40.0]).double() + d[:, :2] * size, d[:, 2:].clamp(-LIMIT, LIMIT).exp() * size / 2
    return rows(head.retina_cls(a), CLASSES), torch.cat([centre - half, centre + half], 1)


def crosskd(student, teacher, own, given, after, kind):
    classes = boxes = 0.0
    for level, (s, t) in enumerate(zip(own, given)):
        cut = [layers(convs, s, 0, after) for convs in (student.cls_convs, student.reg_convs)]
        crossed = predicted(teacher, level, *(layers(c, x, after, None) for c, x in zip((teacher.cls_convs, teacher.reg_convs), cut)), kind)
        taught = predicted(teacher, level, *(layers(c, t, 0, None) for c in (teacher.cls_convs, teacher.reg_convs)), kind)
        score, wanted = crossed[0].sigmoid(), taught[0].sigmoid().detach()
        classes = classes + ((score - wanted).abs() ** 2 * F.binary_cross_entropy(score, wanted, reduction="none")).sum()
        boxes = boxes + generalized_box_iou_loss(crossed[1], taught[1].detach(), reduction="sum")
    return classes / NORMALIZERS[0], boxes / NORMALIZERS[1]


def answer(kind, config, after, anchors):
    build = (lambda: FcosHead(config, CHANNELS, CLASSES, len(LEVELS))) if kind == "fcos" else (lambda: Head(config, CHANNELS, CLASSES, anchors))
    start = fcos_start if kind == "fcos" else initial
    student, teacher = made("student", build(), start), made("teacher", build(), start)
    own = maps("student/pyramid")
    classes, boxes = crosskd(student, teacher, own, maps("teacher/pyramid"), after, kind)
    (2 * classes + 3 * boxes).backward()
    gradients = {}
    for key, p in student.named_parameters():
        if p.grad is None:
            continue
        grad = p.grad.permute(2, 3, 1, 0) if p.dim() == 4 else p.grad
        probe = torch.from_numpy(numbers(f"bbox_head.{key}/probe", p.numel())).double()
        gradients[f"bbox_head.{key}"] = [grad.norm().item(), (grad.flatten() @ probe).item()]
    return {"kind": kind, "head": config, "after": after, "classes": classes.item(), "boxes": boxes.item(),
            "pyramid": [listed(s.grad.permute(0, 2, 3, 1)) for s in own], "gradients": gradients}


groups = {"convs": 2, "channels": CHANNELS, "norm": {"groups": 4}}
plain = {"convs": 2, "channels": CHANNELS, "norm": "none"}
fcos = {**groups, "convBias": False, "centernessOn": "regression", "distance": "exp"}
answers = {
    "levels": LEVELS, "classes": CLASSES, "channels": CHANNELS, "normalizers": NORMALIZERS,
    "cases": [answer("retinanet", groups, 1, 2), answer("retinanet", plain, 0, 2), answer("retinanet", plain, 2, 2), answer("fcos", fcos, 1, 1)],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(answers) + "\n")
