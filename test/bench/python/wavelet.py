"""Three levels of a wavelet transform, the inverse, and the gradient of both, by pytorch_wavelets."""
import torch
from pytorch_wavelets import DWTForward, DWTInverse

from detector import reference

SHAPE = (8, 64, 64, 64)
MODES = {"haar": "zero", "db4": "symmetric"}


def prepare(name: str):
    wave = name.split("-")[1]
    forward, inverse = DWTForward(J=3, wave=wave, mode=MODES[wave]), DWTInverse(wave=wave, mode=MODES[wave])
    nchw = lambda key: reference.tensor(key, SHAPE).permute(0, 3, 1, 2).contiguous()
    x, along = nchw("bench/x").requires_grad_(), nchw("bench/along")

    def run():
        low, high = forward(x)
        value = (inverse((low, high)) * along).sum() + low.square().sum()
        torch.autograd.grad(value, x)
        return [value.item()]

    return run
