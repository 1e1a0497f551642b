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


def later() -> dict:
    """The types that the format took up later, and metadata that is null; every code of 8 bits, widened by PyTorch."""
    codes = torch.arange(256, dtype=torch.uint8)
    eights = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
    tensors = {name: codes.clone().view(getattr(torch, name)) for name in eights}
    tensors |= {"c64": torch.tensor([1 + 2j, -0.5j]), "u16": torch.tensor([0, 65535], dtype=torch.uint16), "u32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32), "u64": torch.tensor([0, 2**40], dtype=torch.uint64)}
    plain = lambda t: torch.view_as_real(t) if t.is_complex() else t.float() if t.dtype.is_floating_point else t
    text = lambda x: str(x) if x != x or abs(x) == float("inf") else x
    file = save(tensors)
    header = b'{"__metadata__":null,' + file[9 : 8 + int.from_bytes(file[:8], "little")]
    file = len(header).to_bytes(8, "little") + header + file[8 + int.from_bytes(file[:8], "little") :]
    return {"file": base64.b64encode(file).decode(), "values": {name: [text(x) for x in plain(t).flatten().tolist()] for name, t in tensors.items()}}


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
        "later": later(),
    }
    Path(__file__).with_name("safetensors_file.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
