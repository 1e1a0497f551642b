"""Golden files for lib/weights/torch: small checkpoints as torch.save writes them, old and new, what torch.load finds in them, and hostile pickles.

    python test/golden/torch_files.py > test/golden/torch_files.json
"""
import base64
import collections
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch


def checkpoint():
    torch.manual_seed(0)
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    values = {
        "float": torch.randn(2, 3),
        "double": torch.randn(3, dtype=torch.float64),
        "half": torch.tensor([0.5, -2.0, 65504.0, 6e-8, float("inf")], dtype=torch.float16),
        "bfloat16": torch.tensor([1.0, 3.140625, -1e30], dtype=torch.bfloat16),
        "long": torch.tensor([2**53 + 1, -5]),
        "int": torch.tensor([[1, -2]], dtype=torch.int32),
        "short": torch.tensor([300, -300], dtype=torch.int16),
        "char": torch.tensor([-128, 127], dtype=torch.int8),
        "byte": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(7.0),
        "empty": torch.zeros(0, 3),
        "transposed": base.permute(2, 0, 1),
        "slice": base[:, 1:, ::2],
        "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 3),
        "shared": base[1],
        "parameter": torch.nn.Parameter(torch.randn(2)),
    }
    state = collections.OrderedDict((f"layer.{name}", value) for name, value in values.items())
    state._metadata = {"version": 1}
    meta = {"epoch": 12, "time": "now", "CLASSES": ("person", "car"), "best": np.float64(0.5), "big": 2**70, "none": None, "rate": 1e-3}
    optimizer = {"state": {0: {"step": 3, "momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}
    return {"meta": meta, "state_dict": state, "optimizer": optimizer, "list": [torch.zeros(1), (torch.ones(2),)]}


def flatten(value, name="", out=None):
    out = {} if out is None else out
    if isinstance(value, torch.Tensor):
        out[name] = value.detach()
    elif isinstance(value, dict):
        for key, item in value.items():
            flatten(item, f"{name}.{key}" if name else str(key), out)
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            flatten(item, f"{name}.{i}" if name else str(i), out)
    return out


def expected(data: bytes):
    """What torch itself reads; infinities, and integers beyond a double, as text."""
    with tempfile.NamedTemporaryFile() as file:  # torch looks for a tar in real files only
        Path(file.name).write_bytes(data)
        loaded = torch.load(file.name, weights_only=False)
    number = lambda x: str(x) if isinstance(x, int) and abs(x) > 2**53 or x in (float("inf"), float("-inf")) else x
    return {
        name: {"shape": list(t.shape), "dtype": str(t.dtype).split(".")[1], "data": [number(x) for x in (t.float() if t.dtype.is_floating_point and t.dtype != torch.float64 else t).flatten().tolist()]}
        for name, t in flatten(loaded).items()
    }


def saved(value, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def tar() -> bytes:
    """The format before PyTorch 0.1.10, which no later version writes but all read."""
    storage = torch.arange(6, dtype=torch.float32)
    storages, tensors = io.BytesIO(), io.BytesIO()
    pickle.dump(1, storages, 2)
    pickle.dump((101, "cpu", torch.FloatStorage), storages, 2)
    storages.write(struct.pack("<q", 6) + storage.numpy().tobytes())
    pickle.dump([(102, 101, 2, 4)], storages, 2)  # elements 2 to 5 are storage 102
    pickle.dump(2, tensors, 2)
    for key, root, shape, strides, offset in ((1, 101, (2, 3), (3, 1), 0), (2, 102, (2,), (2,), 1)):
        pickle.dump((key, root, torch.FloatTensor), tensors, 2)
        tensors.write(struct.pack("<ii", len(shape), 0) + struct.pack(f"<{2 * len(shape)}q", *shape, *strides) + struct.pack("<q", offset))

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return str(value.number) if isinstance(value, Reference) else None

    class Reference:
        def __init__(self, number):
            self.number = number

    objects = io.BytesIO()
    Pickler(objects, 2).dump({"whole": Reference(1), "part": Reference(2)})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        for name, content in (("sys_info", io.BytesIO(pickle.dumps({"little_endian": True}, 2))), ("storages", storages), ("tensors", tensors), ("pickle", objects)):
            info = tarfile.TarInfo(name)
            info.size = len(content.getvalue())
            archive.addfile(info, io.BytesIO(content.getvalue()))
    return buffer.getvalue()


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def hostile() -> dict[str, bytes]:
    calls = {"posix.system": Call(os.system, "touch freekd-hostile"), "__builtin__.eval": Call(eval, "1"), "__builtin__.getattr": Call(getattr, {}, "x")}
    files = {f"{name}, {kind}": saved({"a": call}, **options) for name, call in calls.items() for kind, options in (("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False}))}
    return files


if __name__ == "__main__":
    value = checkpoint()
    files = {"zip": saved(value), "legacy": saved(value, _use_new_zipfile_serialization=False), "legacy, protocol 4": saved(value, _use_new_zipfile_serialization=False, pickle_protocol=4), "tar": tar(), "state dict": saved(torch.nn.Linear(2, 3).state_dict())}
    encode = lambda data: base64.b64encode(data).decode()
    out = {
        "torch": torch.__version__,
        "files": {name: {"base64": encode(data), "tensors": expected(data)} for name, data in files.items()},
        "hostile": {name: encode(data) for name, data in hostile().items()},
    }
    json.dump(out, sys.stdout)
    print()
