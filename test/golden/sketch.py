"""A tensor in 18 numbers, from which the relative L2 error of another one can be estimated; test/detection/sketch.ts reads them.

Every entry, in row-major NHWC or HWIO order, is added to one of 16 sums with one of two signs, both taken from the hash
of a name and the entry's index. The sums of a - b are the differences of the sums, and the sum of their squares has
|a - b|^2 as its mean with a deviation of about a third of it, whatever a - b is (a "count sketch"; Charikar, Chen,
Farach-Colton, 2002). Sums of 16 squares fall below a quarter of their mean once in a thousand, so an error that is
twice the limit is missed in one tensor of a thousand, and one that is three times the limit in one of a million.
"""
import numpy as np
import torch

from detection_reference import hashes

SUMS = 16


def ordered(x: torch.Tensor, filters: bool) -> np.ndarray:
    """As our side stores it: NCHW as NHWC, OIHW as HWIO."""
    if x.dim() == 4:
        x = x.permute(2, 3, 1, 0) if filters else x.permute(0, 2, 3, 1)
    return x.detach().double().contiguous().flatten().numpy()


def sums(name: str, x: np.ndarray) -> np.ndarray:
    h = hashes(f"{name}/sketch", x.size)
    sign = 1.0 - 2.0 * (h >> np.uint64(31)).astype(np.float64)
    return np.bincount((h & np.uint64(SUMS - 1)).astype(np.int64), weights=x * sign, minlength=SUMS)


def sketch(name: str, exact: torch.Tensor, *others: torch.Tensor, filters: bool = True) -> list:
    """[norm, floor, 16 sums]; the floor is the largest relative L2 error of the others: what a float32 program can be held to."""
    a = ordered(exact, filters)
    norm = float(np.linalg.norm(a))
    floor = max(float(np.linalg.norm(a - ordered(other, filters))) for other in others) / max(norm, 1e-300)
    return [float(f"{v:.8g}") for v in [norm, floor, *sums(name, a)]]
