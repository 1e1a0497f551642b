"""Golden answers for lib/segmentation and its kernels: PyTorch in float64, and mIoU by NumPy.

Run as `python test/golden/segmentation.py` with the versions of test/golden/requirements.txt (torch, numpy). Inputs come
from `numbers` of their names; gradients are [norm, product with the numbers named `<parameter>/probe`].
"""
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from detection_reference import hashes, listed, probed, tensor
from segmentation_reference import IGNORED, EncoderDecoder, intersect_and_union, mean_iou, resize, slide

torch.set_default_dtype(torch.float64)


def nhwc(name, shape):
    n, h, w, c = shape
    return tensor(name, shape).permute(0, 3, 1, 2).double()


def numbers_of(x):
    return listed(x.permute(0, 2, 3, 1), 6)


def kernel(name, f, shape, filter_shape=None):
    """y and the gradients of sum(y r) by x and, if any, a filter."""
    x = nhwc(f"{name}/x", shape).requires_grad_()
    leaves = [x]
    if filter_shape:
        leaves.append(tensor(f"{name}/filter", filter_shape).double().permute(3, 2, 0, 1).requires_grad_())
    y = f(*leaves)
    r = nhwc(f"{name}/r", [y.shape[0], y.shape[2], y.shape[3], y.shape[1]])
    (y * r).sum().backward()
    gradients = [numbers_of(x.grad)] + ([listed(leaves[1].grad.permute(2, 3, 1, 0))] if filter_shape else [])
    return {"name": name, "shape": shape, "y": numbers_of(y), "gradients": gradients}


def kernels():
    resizes = []
    for align in (False, True):
        for i, (h, w, H, W) in enumerate(((5, 7, 13, 9), (8, 6, 3, 4), (4, 4, 32, 32), (1, 1, 5, 6), (6, 5, 1, 1))):
            name = f"resize{i}/{align}"
            case = kernel(name, lambda x: resize(x, (H, W), align), [1, h, w, 2])
            resizes.append({**case, "size": [H, W], "alignCorners": align})
    pools = [{**kernel(f"pool{parts}", lambda x: F.adaptive_avg_pool2d(x, parts), [2, 7, 8, 3]), "parts": parts} for parts in (1, 2, 3, 6)]
    convs = []
    for d, h, w, cin, cout in ((2, 9, 11, 5, 4), (4, 10, 8, 3, 6), (2, 32, 34, 32, 32), (4, 6, 5, 32, 33), (12, 9, 14, 4, 4), (6, 8, 5, 3, 3)):
        f = lambda x, filter: F.conv2d(x, filter, padding=d, dilation=d)
        name = f"dilated{d}x{h}"
        big = cin == 32 and h == 32
        case = kernel(name, f, [1 if big else 2, h, w, cin], [3, 3, cin, cout])
        if big:  # enough tiles for the fast kernels: sums in place of all numbers
            case["y"], case["gradients"] = case["y"][:64], [g[:64] for g in case["gradients"]]
        convs.append({**case, "dilation": d, "filter": [3, 3, cin, cout]})
    return {"resize": resizes, "pool": pools, "conv": convs}


def config(kind, head, align_corners, average, auxiliary):
    widths, blocks = [8, 12, 16, 20], [1, 2, 2, 2]
    backbone = {"block": kind, "blocks": blocks, "widths": widths, "stem": {"kernel": 7, "channels": 16, "pool": True, "deep": True},
                "dilations": [1, 1, 2, 4], "norm": "batch", "frozenStages": -1, "levels": [4, 5]}
    return {"kind": "segmenter", "classes": 5, "backbone": backbone, "head": head, "dropout": 0, "alignCorners": align_corners,
            "imitated": "features", "average": average, **({"auxiliary": auxiliary} if auxiliary else {})}


def labels_of(name, n, h, w, classes):
    """Label maps of blocks of 8 x 8 pixels, some of them ignored."""
    raw = hashes(name, n * (h // 8 + 1) * (w // 8 + 1)).reshape(n, h // 8 + 1, w // 8 + 1) % np.uint64(classes + 1)
    small = np.where(raw == classes, IGNORED, raw).astype(np.uint8)
    return np.repeat(np.repeat(small, 8, 1), 8, 2)[:, :h, :w]


def network(name, c, size, training):
    n, h, w = size
    model = EncoderDecoder(c)
    model.train(training)
    images = tensor(f"{name}/images", (n, h, w, 3), -2, 2).permute(0, 3, 1, 2).double()
    labels = torch.from_numpy(labels_of(f"{name}/labels", n, h, w, c["classes"])).long()
    maps, logits, auxiliary = model(images)
    losses = model.losses(logits, auxiliary, labels)
    sum(losses.values()).backward()
    state = {k: listed(v) for k, v in model.state_dict().items() if "running" in k and ("stem" in k or "head" in k)}
    return {
        "name": name, "config": c, "size": size, "training": training,
        "logits": numbers_of(logits[:1]), "layer4": listed(torch.stack([maps[3].norm(), maps[3].sum()])),
        "losses": {k: listed(v.reshape(1), 9)[0] for k, v in losses.items()},
        "gradients": {k: probed(k, v.grad) for k, v in model.named_parameters() if v.grad is not None},
        "running": state if training else {},
    }


def sliding():
    c = config("basic", {"kind": "psp", "channels": 8, "scales": [1, 2, 3, 6]}, False, "all", None)
    model = EncoderDecoder(c).eval()
    images = tensor("slide/images", (1, 40, 56, 3), -2, 2).permute(0, 3, 1, 2).double()
    of = lambda x: resize(model(x)[1], x.shape[2:], False)
    with torch.no_grad():
        whole, slid = of(images), slide(of, images, 5, (24, 32), (16, 20))
    return {"config": c, "size": [40, 56], "crop": [24, 32], "stride": [16, 20],
            **{k: {"sample": listed(v.permute(0, 2, 3, 1).flatten()[::17]), "classes": v.argmax(1).flatten().tolist()}
               for k, v in {"whole": whole, "slide": slid}.items()}}


def scores():
    cases = []
    for name, classes, shapes in (("nineteen", 19, [(48, 64), (31, 17)]), ("five", 5, [(20, 20)]), ("thirteen", 13, [(64, 64)] * 3)):
        pairs = []
        for i, (h, w) in enumerate(shapes):
            label = labels_of(f"{name}/{i}/label", 1, h, w, classes - 1)[0]  # the last class occurs in predictions alone, or nowhere
            raw = hashes(f"{name}/{i}/noise", h * w).reshape(h, w)
            other = (raw >> np.uint64(8)) % np.uint64(classes if name == "nineteen" else classes - 1)
            predicted = np.where(raw % np.uint64(4) == 0, other, np.where(label == IGNORED, 0, label)).astype(np.uint8)
            pairs.append((predicted, label))
        expected = mean_iou(pairs, classes)
        none = lambda v: [None if math.isnan(x) else float(x) for x in v]
        cases.append({"name": name, "classes": classes, "shapes": shapes,
                      "intersect": sum(intersect_and_union(p, l, classes)[0] for p, l in pairs).tolist(),
                      "aAcc": float(expected["aAcc"]), "mIoU": float(expected["mIoU"]), "mAcc": float(expected["mAcc"]),
                      "IoU": none(expected["IoU"]), "Acc": none(expected["Acc"])})
    return cases


PSP, ASPP = {"kind": "psp", "channels": 8, "scales": [1, 2, 3, 6]}, {"kind": "aspp", "channels": 8, "dilations": [1, 2, 3, 6]}
AUXILIARY = {"channels": 6, "weight": 0.4}
answers = {
    "kernels": kernels(),
    "networks": [
        network("psp", config("basic", PSP, False, "all", AUXILIARY), [4, 40, 48], True),
        network("aspp", config("bottleneck", ASPP, True, "labelled", AUXILIARY), [4, 48, 40], True),
        network("psp-evaluation", config("bottleneck", PSP, True, "all", None), [2, 40, 48], False),
        network("aspp-evaluation", config("basic", ASPP, False, "labelled", None), [1, 41, 51], False),
    ],
    "slide": sliding(),
    "scores": scores(),
}
Path(__file__).with_name("segmentation.json").write_text(json.dumps(answers) + "\n")
