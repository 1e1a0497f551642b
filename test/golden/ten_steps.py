"""Ten distillation steps of a row of the paper in plain PyTorch: what the scripts *_steps.py share.

Profile `released`: the task's loss, FreeKD, the feature MSE and, where the row has it, the smooth L1 of the box outputs;
1x1 projections; SGD with momentum 0.9. Of every parameter the change over the ten steps is kept as a sketch, computed in
float64, beside the error of PyTorch's own float32 (a weight near 1 moves by 1e-5 in steps of 6e-8) and what ReLUs within
rounding of zero can do (see published.py); beside each step's losses stands how far these two move them. Weights, tokens,
pictures and objects come from the hash. Needs torch, torchvision and pytorch_wavelets as in requirements.txt.
"""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import torch
import torch.nn.functional as F
from pytorch_wavelets import DWTForward

import detection_reference as reference
import published
import released
from sketch import sketch

SIZE = (2, 64, 96)
STEPS, LEVELS, CHANNELS, TOKENS = 10, 5, 256, 6


@dataclass
class Row:
    """What is a row's own. A network has a backbone and a neck."""
    networks: Callable  # dtype -> teacher, student; what of the student requires gradients is trained
    objects: Callable  # step, attempt -> boxes and labels of each picture
    task: Callable  # student, its pyramid, objects -> losses by part, and whether no decision is near to falling the other way
    weights: dict  # of mse, freekd and, where the head imitates, regression
    rate: Callable  # step -> learning rate
    groups: Callable  # parameters by name -> [(factor of the rate, weight decay, parameters)]
    clip: float = None  # largest norm of the gradients
    heads: Callable = None  # after task: teacher, its pyramid, student -> box outputs of the student, and of the teacher
    pictures: Callable = lambda step, attempt: f"steps/images{step}"  # the name of a batch
    shaped: Callable = lambda name, change: change  # a parameter's change in the shape that our side has it in


def warm_up(rate: float, steps: int, ratio: float):
    """mmdet's, linear."""
    return lambda step: rate * (1 - (1 - step / steps) * (1 - ratio))


def all_alike(parameters: dict):
    return [(1, 1e-4, list(parameters.values()))]


def run(row: Row, dtype, attempts: list):
    """`attempts` chooses each step's objects and pictures; those of the first run are found here."""
    released.FORWARD = DWTForward(J=3, mode="zero", wave="haar").to(dtype)
    teacher, student = row.networks(dtype)
    tokens = [reference.tensor(f"{level}.tokens", (4, TOKENS, CHANNELS), -0.1, 0.1).to(dtype) for level in range(LEVELS)]
    parameters = {name: value for name, value in student.named_parameters() if value.requires_grad}
    for level in range(LEVELS):
        for name, shape in [(f"phi.{level}.weight", (CHANNELS, CHANNELS, 1, 1)), (f"phi.{level}.bias", (CHANNELS,))]:
            parameters[name] = published.start(name, shape).to(dtype).requires_grad_()
    before = {name: value.detach().clone() for name, value in parameters.items()}
    groups = row.groups(parameters)
    optimizer = torch.optim.SGD([{"params": own, "weight_decay": decay} for _, decay, own in groups], lr=1, momentum=0.9)
    losses = []
    for step in range(STEPS):
        known = step < len(attempts)
        attempt = attempts[step] if known else 0
        while True:
            images = published.pictures(row.pictures(step, attempt), SIZE, dtype)
            pyramid = student.neck(student.backbone(images))
            goals = [(boxes.to(dtype), labels) for boxes, labels in row.objects(step, attempt)]
            task, clear = row.task(student, pyramid, goals)
            if known or clear:
                break
            attempt += 1
        attempts[step:step + 1] = [attempt]
        own = [F.conv2d(m, parameters[f"phi.{i}.weight"], parameters[f"phi.{i}.bias"]) for i, m in enumerate(pyramid)]
        with torch.no_grad():
            target = teacher.neck(teacher.backbone(images))
        parts = {**task, "mse": sum(F.mse_loss(s, t) for s, t in zip(own, target)),
                 "freekd": sum(released.released_loss(s, t, p) for s, t, p in zip(own, target, tokens))}
        if row.heads:
            parts["regression"] = sum(F.smooth_l1_loss(s, t.detach()) for s, t in zip(*row.heads(teacher, target, student)))
        total = sum(row.weights.get(name, 1) * part for name, part in parts.items())
        optimizer.zero_grad()
        total.backward()
        norm = {"gradientNorm": torch.nn.utils.clip_grad_norm_(parameters.values(), row.clip).item()} if row.clip else {}
        for group, (factor, *_) in zip(optimizer.param_groups, groups):
            group["lr"] = factor * row.rate(step)
        optimizer.step()
        losses.append({"loss": total.item(), **{name: part.item() for name, part in parts.items()}, **norm, "rate": row.rate(step)})
        print(dtype, step, attempt, {k: f"{v:.6g}" for k, v in losses[-1].items()}, flush=True)
    return losses, {name: value.detach() - before[name] for name, value in parameters.items()}, before


def write(path: Path, row: Row) -> None:
    torch.set_default_dtype(torch.float32)
    attempts = []
    losses, changes, before = run(row, torch.float64, attempts)
    sizes = {name: (changes[name].norm() / before[name].norm()).item() for name in changes}
    del before
    losses32, changes32, _ = run(row, torch.float32, attempts)
    reference.Relu.BAND = published.BAND
    turned_losses, turned, _ = run(row, torch.float64, attempts)
    for exact, *others in zip(losses, losses32, turned_losses):
        exact["floor"] = float(f"{max(abs(other[k] / exact[k] - 1) for other in others for k in other):.1g}")
    goals = [row.objects(step, attempt) for step, attempt in enumerate(attempts)]
    answer = {"size": SIZE, "tokens": TOKENS, "losses": losses, "images": [row.pictures(step, attempt) for step, attempt in enumerate(attempts)],
              "targets": [[{"boxes": [float(f"{v:.9g}") for v in b.flatten().tolist()], "labels": l.tolist()} for b, l in own] for own in goals],
              "changes": {name: sketch(name, *(row.shaped(name, of[name]) for of in (changes, changes32, turned))) for name in changes}}
    floors = sorted(((v[1], k) for k, v in answer["changes"].items()), reverse=True)
    print("objects", attempts)
    print("floor:", [f"{v:.1e} {k}" for v, k in floors[:6]], "median", f"{floors[len(floors) // 2][0]:.1e}")
    print("relative change of weights:", min(sizes.values()), max(sizes.values()))
    print("losses off by", max(step["floor"] for step in losses))
    path.write_text(json.dumps(answer, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size // 1024} kB")
