"""Writes test/golden/imitations.json, the answers that test/distill/imitations holds the distillation losses against.

    python test/golden/imitations.py

Plain PyTorch copies of CWD and PKD (mmrazor), MGD (yzd-v/MGD), FGD (yzd-v/FGD), CanKD (tori-hotaru/CanKD) and MasKD (hunto/MasKD).
Two pictures, two levels, double precision.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from detection_reference import tensor

SHAPES = [[2, 6, 5, 6], [2, 3, 4, 6]]  # [N, H, W, C] a level


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


def fgd(s, t, boxes, sizes, block, beta, gamma, lam, tau):
    n, c, h, w = t.shape
    fg, bg = torch.zeros(n, h, w).double(), torch.ones(n, h, w).double()
    for i, (own, (height, width)) in enumerate(zip(boxes, sizes)):
        for x1, y1, x2, y2 in torch.tensor(own):
            left, right = (x1 / width * w).floor().int(), (x2 / width * w).ceil().int()
            top, bottom = (y1 / height * h).floor().int(), (y2 / height * h).ceil().int()
            area = (bottom + 1 - top) * (right + 1 - left)
            part = fg[i, top:bottom + 1, left:right + 1]
            part[:] = torch.maximum(part, 1 / area.double())
        bg[i] = (fg[i] == 0).double()
        bg[i] /= bg[i].sum().clamp(min=1)

    def attention(x):
        spatial = h * w * F.softmax((x.abs().mean(1) / tau).flatten(1), 1).view(n, 1, h, w)
        return spatial, c * F.softmax(x.abs().mean((2, 3)) / tau, 1).view(n, c, 1, 1)

    def with_context(x, part):
        share = F.softmax(torch.einsum("nchw,c->nhw", x, part("pool.weight")[:, 0]).flatten(1), 1)
        hidden = torch.einsum("ncp,np->nc", x.flatten(2), share) @ part("hidden.weight") + part("hidden.bias")
        hidden = F.relu(F.layer_norm(hidden, hidden.shape[1:], part("norm.weight"), part("norm.bias")))
        return x + (hidden @ part("out.weight") + part("out.bias")).view(n, c, 1, 1)

    (spatial_s, channel_s), (spatial_t, channel_t) = attention(s), attention(t)
    squares = spatial_t * channel_t * (s - t) ** 2
    total = (fg[:, None] * squares).sum() + beta * (bg[:, None] * squares).sum()
    total = total + gamma * ((spatial_s - spatial_t).abs().sum() + (channel_s - channel_t).abs().sum())
    contexts = with_context(s, lambda p: block(f"student.{p}")) - with_context(t, lambda p: block(f"teacher.{p}"))
    return (total + lam * contexts.square().sum()) / n


def cankd(s, t, part):
    """The HW x HW / 4 matrix written out."""
    n, c, h, w = t.shape
    conv = lambda name, x: F.conv2d(x, part(f"{name}.weight"), part(f"{name}.bias"))
    pooled = lambda name: F.max_pool2d(conv(name, t), (min(2, h), min(2, w))).flatten(2)  # [N, C / 2, keys]
    keys, values = pooled("key"), pooled("value")
    affinity = conv("query", s).flatten(2).transpose(1, 2) @ keys / keys.shape[2]  # [N, HW, keys]
    attended = (affinity @ values.transpose(1, 2)).transpose(1, 2).reshape(n, -1, h, w)
    out = torch.einsum("nkhw,kc->nchw", attended, part("out.weight"))
    z = s + F.batch_norm(out, None, None, part("norm.weight"), None, training=True)
    return F.mse_loss(F.instance_norm(z), F.instance_norm(t)) / 2


def maskd_masks(x, part):
    """[N, T, H, W]"""
    return torch.sigmoid(torch.einsum("tc,nchw->nthw", part("tokens"), x))


def maskd_shares(x, part):
    """[N, T], by the convolution of the whole map."""
    pooled = F.adaptive_avg_pool2d(F.conv2d(x, part("conv.weight"), part("conv.bias"), padding=1), 1).flatten(1)
    return F.softmax(pooled @ part("share.weight") + part("share.bias"), 1)


def maskd_stage1(x, along, part):
    """Something that depends on the masked map, and Dice over distinct pairs."""
    masks, shares = maskd_masks(x, part), maskd_shares(x, part)
    masked = (x[:, None] * masks[:, :, None] * shares[:, :, None, None, None]).sum(1)
    m = masks.flatten(2)
    t = m.shape[1]
    dice = sum((2 * (m[:, i] * m[:, j]).sum(-1) / (m[:, i].square().sum(-1) + m[:, j].square().sum(-1))).mean()
               for i in range(t) for j in range(t) if i != j) / (t * (t - 1))
    return (masked * along).sum() / 10 + dice


def maskd(s, t, part, refined):
    m = maskd_masks(t, part)
    if refined:
        m = m * maskd_masks(s.detach(), part)
    difference = (m[:, :, None] * s[:, None] - m[:, :, None] * t[:, None]) ** 2  # [N, T, C, H, W]
    return ((difference.sum((3, 4)) / m.sum((2, 3))[..., None]).mean(-1) * maskd_shares(t, part)).sum(-1).mean()


def listed(x):
    return [float(f"{v:.8g}") for v in x.detach().flatten().tolist()]


def answer(loss, learned=None):
    for p in (learned or {}).values():
        p.grad = None
    students = [m.requires_grad_() for m in maps("student")]
    value = sum(loss(s, t, i) for i, (s, t) in enumerate(zip(students, maps("teacher"))))
    value.backward()
    gradients = {name: listed(p.grad.permute(2, 3, 1, 0) if p.dim() == 4 else p.grad) for name, p in (learned or {}).items()}
    return {"value": value.item(), "student": [listed(s.grad.permute(0, 2, 3, 1)) for s in students], "parameters": gradients}


def learned(name, shapes):
    """Parameters `name.LEVEL.PART` of each level; the shape of a convolution is in our order, HWIO."""
    parts = {}
    for level in range(len(SHAPES)):
        for part, shape in shapes.items():
            key = f"{name}.{level}.{part}"
            value = tensor(key, shape, -.3, .3).double()
            parts[key] = (value.permute(3, 2, 0, 1) if len(shape) == 4 else value).contiguous().requires_grad_()
    return parts


C = SHAPES[0][3]
parts = learned("generation", {f"{k}.{p}": s for k in (0, 1) for p, s in (("weight", [3, 3, C, C]), ("bias", [C]))})
gc_block = {"pool.weight": [C, 1], "hidden.weight": [C, C // 2], "hidden.bias": [C // 2], "norm.weight": [C // 2], "norm.bias": [C // 2],
            "out.weight": [C // 2, C], "out.bias": [C]}
contexts = learned("context", {f"{side}.{p}": s for side in ("student", "teacher") for p, s in gc_block.items()})
attention = learned("attention", {
    **{f"{k}.{p}": s for k in ("query", "key", "value") for p, s in (("weight", [1, 1, C, C // 2]), ("bias", [C // 2]))},
    "out.weight": [C // 2, C], "norm.weight": [C]})
tokens = learned("masks", {"tokens": [3, C], "conv.weight": [3, 3, C, C], "conv.bias": [C], "share.weight": [C, 3], "share.bias": [3]})
# One box reaches over the picture's edge, two meet, one covers less than a cell; a picture is smaller than its padded input.
BOXES = [[[3, 4, 25, 21], [20, 10, 41.5, 30], [30, 2, 31, 3]], [[0, 0, 9.5, 50]]]
SIZES = [[48, 40], [37, 40]]  # height, width
masks = [(tensor(f"mask/{i}", [*shape[:3], 1], 0, 1) > .65).double().permute(0, 3, 1, 2) for i, shape in enumerate(SHAPES)]
layers = [[[parts[f"generation.{i}.{k}.{p}"] for p in ("weight", "bias")] for k in (0, 1)] for i in range(len(SHAPES))]
answers = {
    "shapes": SHAPES,
    "cwd": answer(lambda s, t, i: cwd(s, t, 1)),
    "cwdWarm": answer(lambda s, t, i: cwd(s, t, 2.5)),
    "pkd": answer(lambda s, t, i: pkd(s, t)),
    "mgd": answer(lambda s, t, i: mgd(s, t, masks[i], layers[i]), parts),
    "boxes": BOXES,
    "sizes": SIZES,
    "fgd": answer(lambda s, t, i: fgd(s, t, BOXES, SIZES, lambda p: contexts[f"context.{i}.{p}"], .5, .7, .3, .5), contexts),
    "fgdPublished": answer(lambda s, t, i: fgd(s, t, BOXES, SIZES, lambda p: contexts[f"context.{i}.{p}"], .5, .5, .005, .5)),
    "cankd": answer(lambda s, t, i: cankd(s, t, lambda p: attention[f"attention.{i}.{p}"]), attention),
    "maskdStage1": answer(lambda s, t, i: maskd_stage1(s, t, lambda p: tokens[f"masks.{i}.{p}"]), tokens),
    "maskd": answer(lambda s, t, i: maskd(s, t, lambda p: tokens[f"masks.{i}.{p}"], False)),
    "maskdRefined": answer(lambda s, t, i: maskd(s, t, lambda p: tokens[f"masks.{i}.{p}"], True)),
}
Path(__file__).with_suffix(".json").write_text(json.dumps(answers) + "\n")
