"""RoIAlign of 2 x 512 RoIs on four levels and a 3x3 deformable convolution, forward and backward, by torchvision.ops."""
import numpy as np
import torch
from torchvision.ops import deform_conv2d, roi_align

from detector import reference

BATCH, CHANNELS, ROIS, WIDTH, HEIGHT = 2, 256, 512, 672, 512
STRIDES = (4, 8, 16, 32)


def nchw(key, shape, low=-1.0, high=1.0):
    return reference.tensor(f"bench/{key}", shape, low, high).permute(0, 3, 1, 2).contiguous()


def boxes():
    """2 x 512 boxes [R, 5], and each one's level as Faster R-CNN chooses it."""
    count = BATCH * ROIS
    x, y = reference.numbers("bench/rois.x", count, 0, 300), reference.numbers("bench/rois.y", count, 0, 200)
    w, h = reference.numbers("bench/rois.w", count, 16, 600), reference.numbers("bench/rois.h", count, 16, 500)
    right, bottom = np.minimum(x + w, np.float32(WIDTH)), np.minimum(y + h, np.float32(HEIGHT))
    sides = np.sqrt((right.astype(float) - x) * (bottom.astype(float) - y))
    level = np.clip(np.floor(np.log2(sides / 56 + 1e-6)), 0, 3).astype(int)
    image = (np.arange(count) % BATCH).astype(np.float32)
    return torch.from_numpy(np.stack([image, x, y, right, bottom], 1)), torch.from_numpy(level)


def prepare(name: str):
    if name == "roi-align":
        rois, level = boxes()
        leaves = [nchw(f"map.{s}", (BATCH, HEIGHT // s, WIDTH // s, CHANNELS)).requires_grad_() for s in STRIDES]
        r = nchw("rois.r", (BATCH * ROIS, 7, 7, CHANNELS))
        own = [(level == i).nonzero()[:, 0] for i in range(len(STRIDES))]

        def f():
            y = torch.zeros(BATCH * ROIS, CHANNELS, 7, 7)
            for x, of, stride in zip(leaves, own, STRIDES):
                y = y.index_put((of,), roi_align(x, rois[of], (7, 7), 1 / stride, 0, True))
            return y
    else:
        size = (BATCH, HEIGHT // 8, WIDTH // 8)
        filter = reference.tensor("bench/deform.filter", (3, 3, CHANNELS, CHANNELS), -0.05, 0.05)
        leaves = [nchw("deform.x", (*size, CHANNELS)).requires_grad_(), nchw("deform.offset", (*size, 18), -2, 2).requires_grad_(),
                  filter.permute(3, 2, 0, 1).contiguous().requires_grad_()]
        r = nchw("deform.r", (*size, CHANNELS))
        f = lambda: deform_conv2d(*leaves, padding=1)

    def run():
        value = (f() * r).sum()
        return [value.item(), *(g.abs().sum().item() for g in torch.autograd.grad(value, leaves))]

    return run
