"""Writes wavelet.json (PyWavelets) and wavelet_haar.json (pytorch_wavelets), the answers test/wavelet compares with.

    python test/golden/wavelet.py

Needs numpy, PyWavelets, torch and pytorch_wavelets (see requirements.txt). Inputs are not stored: both languages make
them with the same integer hash. Large outputs are stored as projections, sums weighted by other hashed numbers.
"""
import json
import pathlib
import warnings
from importlib.metadata import version

import numpy as np
import pywt
import torch
from pytorch_wavelets import DWTForward

FOLDER = pathlib.Path(__file__).parent


def hashed(shape, seed):
    """Numbers in [-1, 1), float32 values in a float64 array."""
    h = (np.arange(1, np.prod(shape) + 1, dtype=np.uint64) * 2654435761 + seed * 374761393) % 2**32
    h = ((h ^ (h >> 15)) * 2246822519) % 2**32
    h = ((h ^ (h >> 13)) * 3266489917) % 2**32
    return ((h ^ (h >> 16)) / 2.0**31 - 1).astype(np.float32).astype(np.float64).reshape(shape)


def significant(x, digits=8):
    return float(f'{x:.{digits}g}')


def bands(coefficients):
    return [coefficients[0], *(band for details in coefficients[1:] for band in details)]


def projections(arrays):
    return [significant(np.sum(a * hashed(a.shape, 100 + i))) for i, a in enumerate(arrays)]


def decompose(x, wavelet, mode, level):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # levels past the useful maximum are meant
        return pywt.wavedec2(x, wavelet, mode, level, axes=(1, 2))


def projected_case(wavelet, mode, seed):
    """Random size and level; analysis of a hashed picture and synthesis of hashed (inconsistent) coefficients."""
    rng = np.random.default_rng(seed)
    while True:
        height, width = (int(rng.integers(1, (9, 42)[rng.integers(2)])) for _ in range(2))
        level = int(rng.integers(0, 5))
        x = hashed((2, height, width, 2), seed)
        try:
            coefficients = decompose(x, wavelet, mode, level)
        except ValueError:  # PyWavelets has no (anti)reflection of a single number
            continue
        break
    arrays = bands(coefficients)
    made = [hashed(a.shape, 200 + i) for i, a in enumerate(arrays)]
    details = [tuple(made[1 + 3 * i:4 + 3 * i]) for i in range(level)]
    y = pywt.waverec2([made[0], *details], wavelet, mode, axes=(1, 2))
    return {'wavelet': wavelet, 'mode': mode, 'size': [height, width], 'level': level, 'seed': seed,
            'largest': significant(max(np.abs(a).max() for a in arrays), 4), 'projections': projections(arrays),
            'inverse': {'size': list(y.shape[1:3]), 'largest': significant(np.abs(y).max(), 4), 'projection': projections([y])[0]}}


def direct_case(wavelet, mode, size, level):
    coefficients = decompose(hashed((1, *size, 1), 7), wavelet, mode, level)
    return {'wavelet': wavelet, 'mode': mode, 'size': size, 'level': level,
            'bands': [[[round(float(v), 7) for v in row] for row in band[0, :, :, 0]] for band in bands(coefficients)]}


def haar_case(shape, seed):
    """Three Haar levels with zero padding in pytorch_wavelets, and the gradient of the sum of absolute coefficients."""
    n, height, width, channels = shape
    x = torch.tensor(hashed(shape, seed), dtype=torch.float64).permute(0, 3, 1, 2).requires_grad_()
    torch.set_default_dtype(torch.float64)
    approximation, details = DWTForward(J=3, mode='zero', wave='haar')(x)
    arrays = [approximation, *(d[:, :, i] for d in reversed(details) for i in range(3))]
    loss = sum(a.abs().sum() for a in arrays)
    loss.backward()
    # A coefficient may be zero in every precision (a padded difference); none may be so small that float32 turns its sign.
    sizes = torch.cat([a.detach().abs().ravel() for a in arrays])
    smallest = float(sizes[sizes > 1e-12].min())
    assert smallest > 1e-5, smallest
    last = [a.detach().permute(0, 2, 3, 1).numpy() for a in (*arrays, x.grad)]
    return {'shape': shape, 'seed': seed, 'loss': significant(loss.item()), 'projections': projections(last[:-1]),
            'gradient': [round(float(v), 6) for v in last[-1].ravel()[:200]], 'gradientProjection': projections(last[-1:])[0]}


def write(name, value):
    lines = (json.dumps(v, separators=(',', ':')) for v in value['cases'])
    (FOLDER / name).write_text('{"source":%s,"cases":[\n%s\n]}\n' % (json.dumps(value['source']), ',\n'.join(lines)))


if __name__ == '__main__':
    names, modes = pywt.wavelist(kind='discrete'), pywt.Modes.modes
    cases = [projected_case(w, m, 1000 + 9 * i + j) for i, w in enumerate(names) for j, m in enumerate(modes)]
    cases += [direct_case(w, m, size, level) for m in modes
              for w, size, level in (('haar', [3, 5], 1), ('db2', [2, 5], 1), ('bior2.2', [5, 4], 2), ('rbio3.1', [3, 3], 1))]
    write('wavelet.json', {'source': f'PyWavelets {version("PyWavelets")} (pywt.__version__ is {pywt.__version__})', 'cases': cases})
    write('wavelet_haar.json', {'source': f'pytorch_wavelets {version("pytorch_wavelets")}, torch {version("torch")}', 'cases': [
        haar_case([2, 16, 24, 3], 1), haar_case([2, 13, 22, 2], 5), haar_case([1, 5, 7, 3], 3), haar_case([1, 1, 2, 4], 4)]})
