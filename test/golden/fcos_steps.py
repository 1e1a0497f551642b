"""Writes test/golden/fcos_steps.json: ten steps of the authors' FCOS R101 -> R50 run in plain PyTorch.

    python test/golden/fcos_steps.py

As distillation_steps.py, whose words hold here too, with what is FCOS's own: backbones in caffe's style whose norms never
learn, a student that starts with the teacher's neck and head, 5 times FreeKD and 10 times the feature MSE, biases with
twice the rate and no decay, and the first ten steps of a warm-up of 500 from a third.
Its steps are large, so that float32 drifts: beside each step's losses stands how far, as for the changes.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from pytorch_wavelets import DWTForward

import detection_reference as reference
import published
import released
from fcos_reference import Fcos, fcos_start
from sketch import sketch

torch.set_default_dtype(torch.float32)
SIZE = (2, 64, 96)
STEPS, LEVELS, CHANNELS, TOKENS = 10, 5, 256, 6
FOCAL = {"alpha": 0.25, "gamma": 2}
PLAIN = {
    "classes": 80, "backbone": {**published.R101, "style": "caffe"},
    "neck": {"channels": 256, "extraLevels": 2, "addExtraConvs": "on_output", "reluBeforeExtraConvs": True},
    "head": {"convs": 4, "channels": 256, "norm": {"groups": 32}, "convBias": False, "centernessOn": "classification", "distance": "exp"},
    "assign": {"ranges": [[-1, 64], [64, 128], [128, 256], [256, 512], [512, 1e8]], "centerRadius": 0}, "loss": {"focal": FOCAL, "box": "iou"}}
TRICKED = {**PLAIN, "backbone": {**published.R50, "style": "caffe"}, "head": {**PLAIN["head"], "convBias": True, "distance": "stride"},
           "assign": {**PLAIN["assign"], "centerRadius": 1.5}, "loss": {"focal": FOCAL, "box": "giou"}}


def rate(step: int) -> float:
    """mmdet's linear warm-up."""
    return 0.01 * (1 - (1 - step / 500) * (1 - 1 / 3))


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


def goals(step: int, attempt: int, count: int = 3):
    """Objects of 12 pixels up to the whole picture."""
    result = []
    for i in range(SIZE[0]):
        name, whole = f"fcos/{step}/{attempt}", torch.tensor([SIZE[2], SIZE[1]], dtype=torch.float32)
        side = 12 + reference.tensor(f"{name}/side{i}", (count, 2), 0, 1) * (whole - 12)
        corner = reference.tensor(f"{name}/corner{i}", (count, 2), 0, 1) * (whole - side)
        labels = torch.from_numpy((reference.hashes(f"{name}/labels{i}", count) % 80).astype("int64"))
        result.append((torch.cat([corner, corner + side], 1), labels))
    return result


def run(dtype, attempts):
    """`attempts` names each step's objects; those of the first run are found here, far from the kinks of the box loss."""
    released.FORWARD = DWTForward(J=3, mode="zero", wave="haar").to(dtype)
    teacher, student = Fcos(PLAIN, teacher_start).to(dtype).eval(), Fcos(TRICKED, student_start).to(dtype).eval()
    tokens = [reference.tensor(f"{level}.tokens", (4, TOKENS, CHANNELS), -0.1, 0.1).to(dtype) for level in range(LEVELS)]
    for name, value in student.named_parameters():
        value.requires_grad_(trained(name))
    parameters = {name: value for name, value in student.named_parameters() if value.requires_grad}
    for level in range(LEVELS):
        for name, shape in [(f"phi.{level}.weight", (CHANNELS, CHANNELS, 1, 1)), (f"phi.{level}.bias", (CHANNELS,))]:
            parameters[name] = published.start(name, shape).to(dtype).requires_grad_()
    before = {name: value.detach().clone() for name, value in parameters.items()}
    groups = [{"params": [value for name, value in parameters.items() if is_bias(name)], "weight_decay": 0},
              {"params": [value for name, value in parameters.items() if not is_bias(name)], "weight_decay": 1e-4}]
    optimizer = torch.optim.SGD(groups, lr=0.01, momentum=0.9)
    losses = []
    for step in range(STEPS):
        images = published.pictures(f"steps/images{step}", SIZE, dtype)
        with torch.no_grad():
            target = teacher.neck(teacher.backbone(images))
        pyramid = student.neck(student.backbone(images))
        outputs = student.bbox_head(pyramid)
        if step == len(attempts):
            attempts.append(-1)
            student.kink = 0.0
            while student.kink < published.KINK:
                attempts[step] += 1
                student.loss(outputs, goals(step, attempts[step]))
        focal, box, centre, _ = student.loss(outputs, goals(step, attempts[step]))
        own = [F.conv2d(m, parameters[f"phi.{i}.weight"], parameters[f"phi.{i}.bias"]) for i, m in enumerate(pyramid)]
        parts = {
            "classification": focal, "box": box, "centerness": centre,
            "mse": sum(F.mse_loss(s, t) for s, t in zip(own, target)),
            "freekd": sum(released.released_loss(s, t, p) for s, t, p in zip(own, target, tokens))}
        total = focal + box + centre + 10 * parts["mse"] + 5 * parts["freekd"]
        optimizer.zero_grad()
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), 35)
        optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["lr"] = 2 * rate(step), rate(step)
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
    turned_losses, turned, _ = run(torch.float64, attempts)
    for exact, *others in zip(losses, losses32, turned_losses):
        exact["floor"] = float(f"{max(abs(other[k] / exact[k] - 1) for other in others for k in other):.1g}")
    answer = {"size": SIZE, "tokens": TOKENS, "losses": losses,
              "targets": [[{"boxes": [float(f"{v:.9g}") for v in b.flatten().tolist()], "labels": l.tolist()} for b, l in
                           goals(step, attempts[step])] for step in range(STEPS)],
              "changes": {name: sketch(name, change, changes32[name], turned[name]) for name, change in changes.items()}}
    floors = sorted(((v[1], k) for k, v in answer["changes"].items()), reverse=True)
    print("objects", attempts)
    print("floor:", [f"{v:.1e} {k}" for v, k in floors[:6]], "median", f"{floors[len(floors) // 2][0]:.1e}")
    print("relative change of weights:", min(sizes.values()), max(sizes.values()))
    print("losses in float32 off by", max(abs(a[k] / b[k] - 1) for a, b in zip(losses32, losses) for k in a))
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(answer, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size // 1024} kB")
