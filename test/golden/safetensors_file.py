"""Writes test/golden/safetensors_file.json: small files made by the reference implementation, as base64, with their values.

    python test/golden/safetensors_file.py

Needs torch, numpy and safetensors (0.8) in the versions of test/golden/requirements.txt.
"""
import base64
import json
from pathlib import Path

import torch
from safetensors.torch import save

FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 65504.0, 6.1e-5, 5.96e-8, 3.0e-8, 2.9e-8, 1.0009765625, 1.00048828125, 2049.0, 2051.0, -1e-9]
INTEGERS = [0, 1, -1, 100, -128, 127]


def halves() -> dict:
    """float32 bit patterns and the halves PyTorch rounds them to: ties, subnormals and the edges of the range."""
    generator = torch.Generator().manual_seed(3)
    bits = torch.randint(0, 0x47700000, (400,), generator=generator, dtype=torch.int32)
    small = torch.randint(0x32800000, 0x39000000, (400,), generator=generator, dtype=torch.int32)
    ties = (torch.randint(0x32800000, 0x47700000, (400,), generator=generator, dtype=torch.int32) & ~0x1FFF) | 0x1000
    every = torch.cat([bits, small, ties])
    rounded = every.view(torch.float32).half().view(torch.int16).to(torch.int32) & 0xFFFF
    return {"float32": every.tolist(), "half": rounded.tolist()}


def main() -> None:
    tensors = {
        "z.f32": torch.tensor(FLOATS).reshape(3, 5),
        "a.f64": torch.tensor(FLOATS, dtype=torch.float64),
        "f16": torch.tensor(FLOATS).half(),
        "bf16": torch.tensor(FLOATS).bfloat16(),
        "i64": torch.tensor(INTEGERS + [2**60 + 1], dtype=torch.int64),
        "i32": torch.tensor(INTEGERS, dtype=torch.int32).reshape(2, 3),
        "i16": torch.tensor(INTEGERS, dtype=torch.int16),
        "i8": torch.tensor(INTEGERS, dtype=torch.int8),
        "u8": torch.tensor([0, 1, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(7.25),
        "empty": torch.zeros(0, 4),
    }
    values = {name: [str(v) for v in t.flatten().tolist()] if t.dtype == torch.int64 else [float(v) for v in t.flatten().tolist()]
              for name, t in tensors.items()}
    shapes = {name: list(t.shape) for name, t in tensors.items()}
    written_here = {name: tensors[name] for name in ["z.f32", "a.f64", "i64", "i32", "i16", "i8", "u8", "scalar", "empty"]}
    result = {
        "file": base64.b64encode(save(tensors, {"step": "12"})).decode(),
        "shapes": shapes,
        "values": values,
        "plain": base64.b64encode(save(written_here, {"note": "h\u00e9"})).decode(),
        "half": base64.b64encode(save({"x": torch.tensor(FLOATS).half()})).decode(),
        "halves": halves(),
    }
    Path(__file__).with_name("safetensors_file.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
