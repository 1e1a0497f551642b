"""Inputs and summaries shared by freekd.py and released.py; test/freekd/inputs.ts computes the same in TypeScript.

Values come from a small integer hash, so no array is stored; a result array is stored as its sum, its largest
magnitude, its projection on a hash vector and a few samples.

pytorch_wavelets' DWTForward and DWTInverse have a backward of their own that is the adjoint only for zero padding and
orthogonal wavelets. Here autograd differentiates their filter banks instead; the values are checked to be the same.
"""
import numpy as np
import torch
from pytorch_wavelets import DWTForward, DWTInverse
from pytorch_wavelets.dwt.lowlevel import afb1d, sfb1d

torch.set_default_dtype(torch.float64)
PROJECTION_SEED = 977
MARGIN = 1e-4


def hashed(shape, seed):
    """Values in [-1, 1) with 24 bits, exact in float32, from the row-major index and a seed."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint32)
    h = i + np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x21F0AAAD)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x735A2D97)
    h ^= h >> np.uint32(15)
    return ((h >> np.uint32(8)).astype(np.float64) / 2**23 - 1).reshape(shape)


def tensor(shape, seed, scale=1.0, grad=False):
    return torch.tensor(hashed(shape, seed) * scale, requires_grad=grad)


def feature(n, size, c, seed, grad=False):
    """A feature that is hashed as [N, H, W, C] and returned as [N, C, H, W]."""
    values = hashed((n, *size, c), seed).transpose(0, 3, 1, 2)
    return torch.tensor(np.ascontiguousarray(values), requires_grad=grad)


def bands_of(x, wavelet, mode, level):
    """[N, C, H, W] -> LL, then (H, V, D) coarsest first."""
    module = DWTForward(J=level, wave=wavelet, mode=mode)
    low, high = x, []
    for _ in range(level):
        rows = afb1d(low, module.h0_row, module.h1_row, mode, 3)
        four = afb1d(rows, module.h0_col, module.h1_col, mode, 2).reshape(len(x), x.shape[1], 4, -1, rows.shape[3])
        low, high = four[:, :, 0], high + [four[:, :, 1:]]
    own_low, own_high = module(x.detach())
    assert torch.allclose(low, own_low) and all(torch.allclose(h, own) for h, own in zip(high, own_high))
    return [low] + [h[:, :, k] for h in reversed(high) for k in range(3)]


def inverse(bands, wavelet, mode, size):
    """The inverse of bands_of, cropped to `size`."""
    level = (len(bands) - 1) // 3
    module = DWTInverse(wave=wavelet, mode=mode)
    x = bands[0]
    for i in range(level):
        h, v, d = bands[3 * i + 1:3 * i + 4]
        x = x[:, :, :h.shape[2], :h.shape[3]]
        low, high = (sfb1d(a, b, module.g0_col, module.g1_col, mode, 2) for a, b in ((x, h), (v, d)))
        x = sfb1d(low, high, module.g0_row, module.g1_row, mode, 3)
    high = [torch.stack(bands[3 * i + 1:3 * i + 4], 2).detach() for i in reversed(range(level))]
    assert torch.allclose(x, module((bands[0].detach(), high)))
    return x[:, :, :size[0], :size[1]]


def seed_of_student(n, size, c, teacher_seed, transform):
    """The first seed above the teacher's for which no coefficient of the difference is closer to 0 than MARGIN."""
    for seed in range(teacher_seed + 1, teacher_seed + 2000):
        difference = feature(n, size, c, teacher_seed) - feature(n, size, c, seed)
        if all(band.abs().min() > MARGIN for band in bands_of(difference, *transform)):
            return seed
    raise RuntimeError("no seed keeps the differences away from 0")


def rounded(value):
    return float(f"{float(torch.as_tensor(value).detach()):.9g}")


def summary(array):
    """What is stored of an array; a rank-4 torch tensor is [N, C, H, W] and summarised as [N, H, W, C]."""
    values = array.detach().numpy()
    if values.ndim == 4:
        values = values.transpose(0, 2, 3, 1)
    flat = values.ravel()
    at = sorted({(k * 7919) % flat.size for k in range(6)})
    return {
        "shape": list(values.shape),
        "sum": rounded(flat.sum()),
        "max": rounded(np.abs(flat).max()),
        "projection": rounded((flat * hashed(flat.shape, PROJECTION_SEED)).sum()),
        "samples": [[i, rounded(flat[i])] for i in at],
    }


def usable_level(size, level):
    """At most the level at which the smaller side is still >= 2 at the coarsest band."""
    used, side = 0, min(size)
    while used < level and -(-side // 2 ** (used + 1)) >= 2:
        used += 1
    return used
