"""Golden answers of lib/freekd, profile `released`: python test/golden/released.py

The loss, the prompted feature and the dissimilarity that the released code of FreeKD computes, in its own expanded
form: T masks on an axis of their own, both features transformed, the three orientations of a level on one axis.
Float64. Wants torch 2.15.0, pytorch_wavelets 1.3.0, PyWavelets 1.9.0, numpy 2.4.6.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from pytorch_wavelets import DWTForward, DWTInverse

from freekd_inputs import feature, rounded, seed_of_student, summary, tensor

TRANSFORM = ("haar", "zero", 3)
FORWARD = DWTForward(J=3, mode="zero", wave="haar")
INVERSE = DWTInverse(mode="zero", wave="haar")


def predict(x, tokens):
    """[N, C, H, W], [T, C] -> [N, T, H, W]."""
    return torch.sigmoid(torch.einsum("tc,nchw->nthw", tokens, x))


def released_loss(student, teacher, tokens):
    """One pyramid level; the details come finest first, each [N, C, 3, H, W]."""
    _, high_t = FORWARD(teacher)
    _, high_s = FORWARD(student)
    total = 0
    for k in range(3):
        mask = predict(high_t[k].sum(2), tokens[k + 1])[:, :, None, None]  # [N, T, 1, 1, H, W]
        total = total + F.l1_loss(mask * high_s[k][:, None], mask * high_t[k][:, None])
    return total


def dice(mask):
    """[N, T, H, W] -> the mean over images and distinct pairs."""
    flat = mask.flatten(2)
    t = flat.shape[1]
    squares = (flat * flat).sum(-1) + 1e-12
    ratio = 2 * torch.einsum("nip,njp->nij", flat, flat) / (squares[:, None] + squares[:, :, None])
    return (ratio * (1 - torch.eye(t))).sum() / (flat.shape[0] * t * (t - 1))


def prompted(x, tokens):
    """The prompted feature, cropped to x's size, the four masks and the dissimilarity."""
    low, high = FORWARD(x)
    masks = [predict(low, tokens[0])] + [predict(high[k].sum(2), tokens[k + 1]) for k in range(3)]
    low = (low[:, None] * masks[0][:, :, None]).sum(1)
    high = [(high[k][:, None] * masks[k + 1][:, :, None, None]).sum(1) for k in range(3)]
    return INVERSE((low, high))[:, :, :x.shape[2], :x.shape[3]], masks, sum(dice(m) for m in masks)


def loss_case(index, sizes, tokens, channels):
    n, levels = 2, []
    for i, size in enumerate(sizes):
        teacher_seed = 700000 + 50000 * index + 5000 * i
        levels.append((teacher_seed, seed_of_student(n, size, channels, teacher_seed, TRANSFORM)))
    teacher = [feature(n, size, channels, t) for size, (t, _) in zip(sizes, levels)]
    student = [feature(n, size, channels, s, grad=True) for size, (_, s) in zip(sizes, levels)]
    prompts = [tensor((4, tokens, channels), t) for t, _ in levels]
    loss = sum(released_loss(s, t, p) for s, t, p in zip(student, teacher, prompts))
    loss.backward()
    mse = sum(F.mse_loss(s, t) for s, t in zip(student, teacher))
    smooth = sum(F.smooth_l1_loss(3 * s, t) for s, t in zip(student, teacher))
    return dict(sizes=sizes, batch=n, channels=channels, tokens=tokens, seeds=levels, loss=rounded(loss),
                studentGradients=[summary(s.grad) for s in student], featureMSE=rounded(mse), smoothL1=rounded(smooth))


def prompt_case(index, size, tokens, channels=6):
    n, seed = 2, 900000 + 10 * index
    x, p = feature(n, size, channels, seed), tensor((4, tokens, channels), seed + 1, grad=True)
    out, masks, dissimilarity = prompted(x, p)
    ((out * feature(n, size, channels, seed + 2)).sum() / 10 + dissimilarity).backward()
    return dict(size=size, batch=n, channels=channels, tokens=tokens, seed=seed, prompted=summary(out), masks=[summary(m) for m in masks],
                dissimilarity=rounded(dissimilarity), tokensGradient=summary(p.grad))


def main():
    result = {
        "losses": [
            loss_case(0, [[25, 38], [13, 19], [7, 10], [3, 5], [1, 2]], 6, 6),
            loss_case(1, [[24, 32], [12, 16], [6, 8]], 2, 8),
            loss_case(2, [[13, 19]], 6, 5),
        ],
        "prompts": [prompt_case(0, [25, 38], 6), prompt_case(1, [16, 24], 2), prompt_case(2, [7, 10], 6), prompt_case(3, [3, 5], 2), prompt_case(4, [1, 2], 6)],
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
