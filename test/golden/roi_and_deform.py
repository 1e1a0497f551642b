"""Golden answers for RoIAlign and deformable convolution: torchvision.ops in float64, values and all gradients.

Run as `python test/golden/roi_and_deform.py` with the versions of test/golden/requirements.txt. Inputs come from
`numbers` of detection_reference.py, which test/detection/golden.ts repeats; each gradient is that of sum(y * r) for
numbers r. torchvision's gradients are checked by central differences before they are written.
"""
import json
import math
from pathlib import Path

import torch
from torchvision.ops import deform_conv2d, roi_align

from detection_reference import tensor

STEP = 1e-6


def nhwc(name, shape, low=-1.0, high=1.0):
    """Numbers that are [N, H, W, C] in order, returned as a float64 leaf [N, C, H, W]."""
    return tensor(name, shape, low, high).double().permute(0, 3, 1, 2).contiguous().requires_grad_()


def flat(x, order=(0, 2, 3, 1)):
    return [float(f"{v:.9g}") for v in x.detach().permute(order).flatten().tolist()]


def check(f, leaves, gradients):
    """Three numbers of each gradient against (f(x + step) - f(x - step)) / 2 step."""
    for leaf, gradient in zip(leaves, gradients):
        for k in range(3):
            i = (7919 * k + 5) % leaf.numel()
            with torch.no_grad():
                values = leaf.view(-1)
                start = values[i].item()
                at = []
                for sign in (1, -1):
                    values[i] = start + sign * STEP
                    at.append(f().item())
                values[i] = start
            numeric = (at[0] - at[1]) / (2 * STEP)
            assert abs(numeric - gradient.flatten()[i].item()) < 1e-6 * max(1, abs(numeric)), (i, numeric)


def rois(key, count, images, size):
    """Boxes within `size` and over its edge, the last two a point and one larger than the picture."""
    h, w = size
    corner = tensor(f"{key}/corner", (count, 2), -0.2, 0.9).double() * torch.tensor([w, h])
    side = tensor(f"{key}/side", (count, 2), 0.02, 0.7).double() * torch.tensor([w, h])
    image = tensor(f"{key}/image", (count, 1), 0, images).floor().double()
    boxes = torch.cat([image, corner, corner + side], 1)
    boxes[-2, 3:] = boxes[-2, 1:3]
    boxes[-1, 1:] = torch.tensor([-0.3 * w, -0.4 * h, 1.4 * w, 1.3 * h])
    return boxes.float()  # what our side gets; exact in float64


def roi_case(i, images, channels, sizes, scales, count, size, samples=0, aligned=True):
    key = f"roi{i}"
    maps = [nhwc(f"{key}/x{l}", (images, h, w, channels)) for l, (h, w) in enumerate(sizes)]
    h, w = sizes[0]
    boxes = rois(key, count, images, (h / scales[0], w / scales[0]))
    level = tensor(f"{key}/level", (count,), 0, len(sizes)).floor().long()
    r = tensor(f"{key}/r", (count, *size, channels)).double().permute(0, 3, 1, 2)

    def run():
        y = torch.zeros(count, channels, *size, dtype=torch.float64)
        for l, scale in enumerate(scales):
            own = (level == l).nonzero()[:, 0]
            y = y.index_put((own,), roi_align(maps[l], boxes[own].double(), size, scale, samples, aligned))
        return y

    loss = lambda: (run() * r).sum()
    gradients = torch.autograd.grad(loss(), maps)
    check(loss, maps, gradients)
    return {"images": images, "channels": channels, "sizes": sizes, "scales": scales, "size": size,
            **({"samples": samples} if samples else {}), **({} if aligned else {"aligned": aligned}), "rois": boxes.flatten().tolist(), "level": level.tolist(), "y": flat(run()),
            "gradients": [flat(g) for g in gradients]}


def margin(offset):
    """Keeps places a thousandth away from the pixels' centres, where the gradient jumps."""
    near = (offset - offset.round()).abs() < 1e-3
    return torch.where(near, offset.round() + 2e-3, offset).float().double()


def deform_case(i, n, size, inputs, outputs, kernel, stride=1, padding=0, dilation=1, groups=1, parts=1):
    key = f"deform{i}"
    (h, w), (kh, kw) = size, kernel
    oh, ow = ((s + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for s, k in zip(size, kernel))
    x = nhwc(f"{key}/x", (n, h, w, inputs))
    offset = nhwc(f"{key}/offset", (n, oh, ow, 2 * parts * kh * kw), -2.5, 2.5)
    offset = margin(offset.detach()).requires_grad_()
    filter = tensor(f"{key}/filter", (kh, kw, inputs // groups, outputs)).double()
    filter = filter.permute(3, 2, 0, 1).contiguous().requires_grad_()
    r = tensor(f"{key}/r", (n, oh, ow, outputs)).double().permute(0, 3, 1, 2)
    run = lambda: deform_conv2d(x, offset, filter, None, stride, padding, dilation)
    loss = lambda: (run() * r).sum()
    leaves = [x, offset, filter]
    gradients = torch.autograd.grad(loss(), leaves)
    check(loss, leaves, gradients)
    return {"n": n, "size": size, "inputs": inputs, "outputs": outputs, "kernel": kernel, "out": [oh, ow],
            "options": {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
                        "deformableGroups": parts},
            "offset": flat(offset), "y": flat(run()),
            "gradients": [flat(gradients[0]), flat(gradients[1]), flat(gradients[2], (2, 3, 1, 0))]}


golden = {
    "roiAlign": [
        roi_case(0, 2, 3, [(9, 12)], [0.25], 6, (3, 3)),
        roi_case(1, 2, 5, [(16, 12), (8, 6), (4, 3), (2, 2)], [1 / 4, 1 / 8, 1 / 16, 1 / 32], 9, (2, 3)),
        roi_case(2, 1, 2, [(1, 1), (5, 1)], [1 / 8, 1 / 2], 4, (7, 7)),
        roi_case(3, 2, 3, [(16, 12), (8, 6)], [1 / 4, 1 / 8], 8, (3, 2), samples=2, aligned=False),  # torchvision's detectors
        roi_case(4, 1, 2, [(9, 12)], [0.25], 6, (4, 5), aligned=False),
        roi_case(5, 1, 2, [(9, 12)], [0.25], 6, (2, 3), samples=3),
    ],
    "deformConv2d": [
        deform_case(0, 2, (5, 6), 3, 4, (3, 3), padding=1),
        deform_case(1, 1, (7, 6), 4, 6, (3, 3), stride=2, padding=1, groups=2, parts=2),
        deform_case(2, 1, (7, 8), 6, 4, (3, 2), dilation=2, padding=2, groups=2, parts=3),
        deform_case(3, 2, (4, 4), 2, 3, (1, 1)),
    ],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden))
