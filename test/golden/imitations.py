"""Writes test/golden/imitations.json, the answers that test/distill/imitations holds the distillation losses against.

    python test/golden/imitations.py

Plain PyTorch copies of CWD and PKD (mmrazor) and MGD (yzd-v/MGD). Two pictures, two levels, double precision.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from detection_reference import tensor

SHAPES = [[2, 6, 5, 4], [2, 3, 4, 4]]  # [N, H, W, C] a level


def maps(name):
    return [tensor(f"{name}/{i}", shape, -2, 2).double().permute(0, 3, 1, 2).contiguous() for i, shape in enumerate(SHAPES)]


def cwd(s, t, tau):
    n, c, h, w = s.shape
    p = F.softmax(t.reshape(-1, h * w) / tau, dim=1)
    log_s, log_t = (F.log_softmax(x.reshape(-1, h * w) / tau, dim=1) for x in (s, t))
    return (p * (log_t - log_s)).sum() * tau**2 / (c * n)


def pkd(s, t):
    def norm(x):
        c = x.shape[1]
        x = x.permute(1, 0, 2, 3).reshape(c, -1)
        return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6)
    return F.mse_loss(norm(s), norm(t)) / 2


def mgd(s, t, mask, layers):
    (w0, b0), (w1, b1) = layers
    out = F.conv2d(F.relu(F.conv2d(s * mask, w0, b0, padding=1)), w1, b1, padding=1)
    return F.mse_loss(out, t, reduction="sum") / s.shape[0]


def listed(x):
    return [float(f"{v:.8g}") for v in x.detach().flatten().tolist()]


def answer(loss, learned=None):
    students = [m.requires_grad_() for m in maps("student")]
    value = sum(loss(s, t, i) for i, (s, t) in enumerate(zip(students, maps("teacher"))))
    value.backward()
    gradients = {name: listed(p.grad.permute(2, 3, 1, 0) if p.dim() == 4 else p.grad) for name, p in (learned or {}).items()}
    return {"value": value.item(), "student": [listed(s.grad.permute(0, 2, 3, 1)) for s in students], "parameters": gradients}


def learned_parts():
    parts = {}
    for level, shape in enumerate(SHAPES):
        for layer in (0, 1):
            name, c = f"generation.{level}.{layer}", shape[3]
            parts[f"{name}.weight"] = tensor(f"{name}.weight", [3, 3, c, c], -.3, .3).double().permute(3, 2, 0, 1).contiguous().requires_grad_()
            parts[f"{name}.bias"] = tensor(f"{name}.bias", [c], -.3, .3).double().requires_grad_()
    return parts


parts = learned_parts()
masks = [(tensor(f"mask/{i}", [*shape[:3], 1], 0, 1) > .65).double().permute(0, 3, 1, 2) for i, shape in enumerate(SHAPES)]
layers = [[[parts[f"generation.{i}.{k}.{p}"] for p in ("weight", "bias")] for k in (0, 1)] for i in range(len(SHAPES))]
answers = {
    "shapes": SHAPES,
    "cwd": answer(lambda s, t, i: cwd(s, t, 1)),
    "cwdWarm": answer(lambda s, t, i: cwd(s, t, 2.5)),
    "pkd": answer(lambda s, t, i: pkd(s, t)),
    "mgd": answer(lambda s, t, i: mgd(s, t, masks[i], layers[i]), parts),
}
Path(__file__).with_suffix(".json").write_text(json.dumps(answers) + "\n")
