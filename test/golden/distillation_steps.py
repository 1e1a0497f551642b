"""Writes test/golden/distillation_steps.json: ten steps of the authors' RetinaNet R101 -> R50 run in plain PyTorch.

    python test/golden/distillation_steps.py

Profile `released`: task loss, FreeKD, 5 times the feature MSE and the smooth L1 of the box outputs, 1x1 projections;
SGD 0.02 / 0.9 / 1e-4 on every parameter, gradients clipped at 35, the first ten steps of the warm-up of 1000 from
0.001. Of every parameter the change over the ten steps is kept as a sketch, computed in float64, beside the error of
PyTorch's own float32 (a weight near 1 moves by 1e-5 in steps of 6e-8) and what ReLUs within rounding of zero can do
(see published.py). Weights, tokens and pictures come from the hash; each step has its own pictures. Needs torch,
torchvision and pytorch_wavelets as in requirements.txt.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from pytorch_wavelets import DWTForward

import detection_reference as reference
import published
import released
from sketch import sketch

torch.set_default_dtype(torch.float32)
SIZE = (2, 64, 96)
STEPS, LEVELS, CHANNELS, TOKENS = 10, 5, 256, 6


def rate(step: int) -> float:
    """mmdet's linear warm-up."""
    return 0.02 * (1 - (1 - step / 1000) * (1 - 0.001))


def goals(step: int, attempts: list):
    return published.targets(f"steps/{step}/{attempts[step]}", [(SIZE[2], SIZE[1])] * SIZE[0], 80, 3)


def prefixed(name, shape):
    return published.start(f"teacher/{name}", shape)


def run(dtype, attempts):
    """`attempts` names each step's objects; those of the first run are found here, far from the kinks of the L1 loss."""
    released.FORWARD = DWTForward(J=3, mode="zero", wave="haar").to(dtype)
    teacher = reference.RetinaNet(published.CONFIGS["retinaNetR101"], prefixed).to(dtype).eval()
    student = published.network("retinaNetR50", dtype)
    tokens = [reference.tensor(f"{level}.tokens", (4, TOKENS, CHANNELS), -0.1, 0.1).to(dtype) for level in range(LEVELS)]
    parameters = {name: value for name, value in student.named_parameters() if value.requires_grad}
    for level in range(LEVELS):
        for name, shape in [(f"phi.{level}.weight", (CHANNELS, CHANNELS, 1, 1)), (f"phi.{level}.bias", (CHANNELS,))]:
            parameters[name] = published.start(name, shape).to(dtype).requires_grad_()
    before = {name: value.detach().clone() for name, value in parameters.items()}
    optimizer = torch.optim.SGD(parameters.values(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    losses = []
    for step in range(STEPS):
        images = published.pictures(f"steps/images{step}", SIZE, dtype)
        with torch.no_grad():
            target = teacher.neck(teacher.backbone(images))
            given = [teacher.bbox_head(level)[1] for level in target]
        pyramid = student.neck(student.backbone(images))
        outputs = [student.bbox_head(level) for level in pyramid]
        anchors = [a.to(dtype) for a in student.anchors(pyramid)]
        if step == len(attempts):
            attempts.append(-1)
            student.kink = 0.0
            while student.kink < published.KINK:
                attempts[step] += 1
                student.loss(outputs, anchors, [(b.to(dtype), labels) for b, labels in goals(step, attempts)])
        focal, box, _ = student.loss(outputs, anchors, [(b.to(dtype), labels) for b, labels in goals(step, attempts)])
        own = [F.conv2d(m, parameters[f"phi.{i}.weight"], parameters[f"phi.{i}.bias"]) for i, m in enumerate(pyramid)]
        parts = {
            "classification": focal, "box": box,
            "mse": sum(F.mse_loss(s, t) for s, t in zip(own, target)),
            "freekd": sum(released.released_loss(s, t, p) for s, t, p in zip(own, target, tokens)),
            "regression": sum(F.smooth_l1_loss(o[1], g) for o, g in zip(outputs, given))}
        total = focal + box + 5 * parts["mse"] + parts["freekd"] + parts["regression"]
        optimizer.zero_grad()
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), 35)
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
        losses.append({"loss": total.item(), **{name: part.item() for name, part in parts.items()}, "gradientNorm": norm.item(), "rate": rate(step)})
        print(dtype, step, {k: f"{v:.6g}" for k, v in losses[-1].items()}, flush=True)
    return losses, {name: value.detach() - before[name] for name, value in parameters.items()}, before


if __name__ == "__main__":
    attempts = []
    losses, changes, before = run(torch.float64, attempts)
    sizes = {name: (changes[name].norm() / before[name].norm()).item() for name in changes}
    del before
    losses32, changes32, _ = run(torch.float32, attempts)
    reference.Relu.BAND = published.BAND
    _, turned, _ = run(torch.float64, attempts)
    answer = {"size": SIZE, "tokens": TOKENS, "losses": losses,
              "targets": [[{"boxes": [float(f"{v:.9g}") for v in b.flatten().tolist()], "labels": l.tolist()} for b, l in
                           goals(step, attempts)] for step in range(STEPS)],
              "changes": {name: sketch(name, change, changes32[name], turned[name]) for name, change in changes.items()}}
    floors = sorted(((v[1], k) for k, v in answer["changes"].items()), reverse=True)
    print("objects", attempts)
    print("floor:", [f"{v:.1e} {k}" for v, k in floors[:6]], "median", f"{floors[len(floors) // 2][0]:.1e}")
    print("relative change of weights:", min(sizes.values()), max(sizes.values()))
    print("losses in float32 off by", max(abs(a[k] / b[k] - 1) for a, b in zip(losses32, losses) for k in b))
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(answer, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size // 1024} kB")
