"""Golden file for the import of the authors' prompt: a small checkpoint with the names and shapes of their modules, and what its tokens do to a feature.

The names are those of Gumpest/FreeKD (mmrazor/models/losses/freekd.py): one module a pyramid level with `mask_token` [4, T, C], and `prob.*`, which
nothing uses; in a file they stand below `state_dict`, behind whatever the trainer put before them.

    python test/golden/prompt_checkpoint.py > test/golden/prompt_checkpoint.json
"""
import base64
import io
import json
import sys

import torch
from pytorch_wavelets import DWTForward, DWTInverse

LEVELS, TOKENS, CHANNELS = 2, 3, 4


def checkpoint():
    torch.manual_seed(0)
    state = {}
    for level in range(LEVELS):
        name = f"losses.0.mask_modules.{level}"
        state[f"{name}.mask_token"] = torch.randn(4, TOKENS, CHANNELS)
        state[f"{name}.prob.0.weight"] = torch.randn(CHANNELS, CHANNELS, 3, 3)
        state[f"{name}.prob.0.bias"] = torch.zeros(CHANNELS)
        state[f"{name}.prob.2.weight"] = torch.randn(TOKENS, CHANNELS, 1, 1)
        state[f"{name}.prob.2.bias"] = torch.zeros(TOKENS)
    return {"meta": {"epoch": 1}, "state_dict": state}


def prompted(tokens, x):
    """Each band times the sum of its masks; the three orientations of a level share one, predicted from their sum."""
    low, details = DWTForward(J=3, mode="zero", wave="haar")(x)
    mask = lambda token, band: torch.einsum("tc,nchw->nthw", token, band).sigmoid().sum(1)
    low = low * mask(tokens[0], low)[:, None]
    details = [band * mask(token, band.sum(2))[:, None, None] for token, band in zip(tokens[1:], details)]
    return DWTInverse(mode="zero", wave="haar")((low, details))


if __name__ == "__main__":
    value = checkpoint()
    buffer = io.BytesIO()
    torch.save(value, buffer)
    x = torch.randn(1, CHANNELS, 8, 8)
    flat = lambda t: t.permute(0, 2, 3, 1).flatten().tolist()
    tokens = [value["state_dict"][f"losses.0.mask_modules.{level}.mask_token"] for level in range(LEVELS)]
    json.dump({"file": base64.b64encode(buffer.getvalue()).decode(), "x": flat(x), "prompted": [flat(prompted(t, x)) for t in tokens]}, sys.stdout)
    print()
