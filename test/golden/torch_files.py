"""Golden files for lib/weights/torch: small checkpoints as torch.save writes them, old and new, what torch.load finds in them, and hostile pickles.

    python test/golden/torch_files.py > test/golden/torch_files.json
"""
import argparse
import base64
import collections
import datetime
import decimal
import enum
import functools
import io
import json
import os
import pathlib
import pickle
import struct
import sys
import tarfile
import tempfile
import types
import uuid
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
    elif isinstance(value, torch.nn.Module):
        flatten(value.state_dict(), name, out)
    elif isinstance(value, dict):
        for key, item in value.items():
            flatten(item, f"{name}.{key}" if name else str(key), out)
    elif isinstance(value, (list, tuple, collections.deque)):
        for i, item in enumerate(value):
            flatten(item, f"{name}.{i}" if name else str(i), out)
    elif type(value).__module__ in foreign:
        attributes = {**vars(value), **{slot: getattr(value, slot) for slot in getattr(value, "__slots__", ()) if slot != "__dict__"}}
        flatten({key: item for key, item in attributes.items() if item is not value}, name, out)
    return out


def expected(data: bytes):
    """What torch itself reads; infinities, and integers beyond a double, as text."""
    with tempfile.NamedTemporaryFile() as file:  # torch looks for a tar in real files only
        Path(file.name).write_bytes(data)
        loaded = torch.load(file.name, weights_only=False)
    number = lambda x: str(x) if isinstance(x, int) and abs(x) > 2**53 or x in (float("inf"), float("-inf")) or x != x else x
    plain = lambda t: torch.view_as_real(t.resolve_conj()) if t.is_complex() else t.float() if t.dtype.is_floating_point and t.dtype != torch.float64 else t
    return {
        name: {"shape": list(t.shape), "dtype": str(t.dtype).split(".")[1], "data": [number(x) for x in plain(t).flatten().tolist()]}
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


foreign: dict[str, types.ModuleType] = {}  # modules of other projects, which need not be installed


def foreign_class(module: str, name: str, *bases, **fields):
    """A class of another project, by the name under which it stands in pickles."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        path = ".".join(parts[:end])
        foreign[path] = sys.modules.setdefault(path, types.ModuleType(path))
    made = type(name, bases, {"__module__": module, **fields})
    setattr(foreign[module], name, made)
    return made


def with_attributes(cls, **attributes):
    value = cls()
    value.__dict__.update(attributes)
    return value


def people() -> dict[str, bytes]:
    """What stands beside tensors in people's checkpoints, one file a kind."""
    torch.manual_seed(1)
    w = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    state = lambda: collections.OrderedDict(w=w, b=torch.ones(3))

    history = foreign_class("mmengine.logging.history_buffer", "HistoryBuffer")
    config = foreign_class("mmengine.config.config", "ConfigDict", dict)
    attribute_dict = foreign_class("pytorch_lightning.utilities.parsing", "AttributeDict", dict)
    omega = foreign_class("omegaconf.dictconfig", "DictConfig")
    slotted = foreign_class("anywhere.slots", "Slotted", __slots__=("tensor", "__dict__"))
    kind = enum.Enum("Kind", {"A": 1}, module=foreign_class("anywhere.kinds", "Unused").__module__)
    foreign["anywhere.kinds"].Kind = kind
    point = collections.namedtuple("Point", ["x", "y"], module="anywhere.kinds")
    foreign["anywhere.kinds"].Point = point
    task = foreign_class("ultralytics.nn.tasks", "DetectionModel", torch.nn.Module)

    slots = slotted()
    slots.tensor, slots.other = torch.full((2,), 3.0), torch.full((1,), 4.0)
    node = with_attributes(omega, _metadata={"key": None}, _content={"lr": 0.1})
    node.__dict__["_parent"] = node
    module = task()
    module.model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))
    module.stem = module.model[0]  # a part with two names
    module.names, module.yaml = {0: "cat"}, {"nc": 1}
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [8, 8, 11])
    buffers = torch.nn.Module()
    buffers.p, buffers.b = torch.nn.Parameter(w.clone()), torch.nn.Buffer(torch.ones(2))
    marked = torch.nn.Parameter(w.clone())
    marked.note = "an attribute"
    subclass = foreign_class("anywhere.tensors", "Named", torch.Tensor)

    values = {
        "mmengine": {"state_dict": state(), "message_hub": {"log_scalars": {"train/loss": with_attributes(history, _log_history=np.array([1.5, 1.2]), _count_history=np.array([1, 1]), _max_length=10)}}, "meta": {"cfg": config(model=config(type="RetinaNet")), "time": datetime.datetime(2024, 1, 2)}},
        "lightning": {"state_dict": state(), "hyper_parameters": attribute_dict(lr=0.1, path=pathlib.PurePosixPath("a/b")), "callbacks": {"EarlyStopping": {"best_score": torch.tensor(0.5)}}, "config": node},
        "timm": {"arch": "resnet50", "state_dict": state(), "args": argparse.Namespace(lr=0.1, device=torch.device("cpu"), dtype=torch.float16)},
        "optimizer": {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "lr_scheduler": scheduler.state_dict()},
        "module": {"epoch": -1, "model": module},
        "buffers": {"state_dict": buffers.state_dict(), "live": [buffers.p, buffers.b, marked], "subclass": w.as_subclass(subclass)},
        "python": {
            "w": w, "default": collections.defaultdict(dict, {1: {2: torch.ones(1)}, None: torch.zeros(1), False: torch.ones(1)}), "counter": collections.Counter("aab"), "partial": functools.partial(round, ndigits=2), "size": w.size(), "layout": torch.strided,
            "path": pathlib.PurePosixPath("/a"), "day": datetime.date(2024, 1, 2), "delta": datetime.timedelta(1), "decimal": decimal.Decimal("1.5"), "uuid": uuid.UUID(int=1), "enum": kind.A, "slice": slice(1, 2), "range": range(3),
            "set": {1, 2}, "frozen": frozenset([1]), "complex": 1 + 2j, "bytes": b"\x00\xff", "bytearray": bytearray(b"\x01"), "point": point(torch.zeros(1), 2), "deque": collections.deque([torch.ones(2)], 3), "type": int, "ellipsis": ..., "slots": slots,
            "scalar": np.float64(0.5), "array": np.arange(3), "fortran": np.asfortranarray(np.ones((2, 3))), "objects": np.array([None, "x"], dtype=object), "dtype": np.dtype("float32"), "big": 2**200, "text": "\u00e9\U0001f600", "state": torch.get_rng_state()[:8].clone(),
        },
        "types": {
            **{name: torch.tensor([0, 1, 2, 200], dtype=getattr(torch, name)) for name in ("uint16", "uint32", "uint64")},
            **{name: torch.arange(256, dtype=torch.uint8).view(getattr(torch, name)) for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")},
            "complex64": torch.tensor([[1 + 2j, -3.5j], [0, 1]]).t(), "complex128": torch.tensor([1 + 2j], dtype=torch.complex128), "part": torch.tensor([1, 2, 3], dtype=torch.uint16)[1:],
        },
    }
    files = {name: saved(value) for name, value in values.items()}
    files["python, legacy"] = saved(values["python"], _use_new_zipfile_serialization=False)
    for protocol in (1, 3, 4, 5):
        files[f"python, protocol {protocol}"] = saved({key: item for key, item in values["python"].items() if key not in ("slots", "layout")}, pickle_protocol=protocol)
    files["legacy, protocol 1"] = saved(state(), _use_new_zipfile_serialization=False, pickle_protocol=1)
    return files


def without_numbers() -> dict[str, bytes]:
    """Tensors that PyTorch does not keep as numbers in a row: each throws by name, `w` beside them is read."""
    quantised = torch.quantize_per_tensor(torch.tensor([0.5, 1.0]), 0.1, 10, torch.qint8)
    sparse = torch.eye(3).to_sparse()
    return {name: saved({"w": torch.ones(2), "x": x}) for name, x in {"quantised": quantised, "sparse": sparse, "sparse CSR": torch.eye(3).to_sparse_csr(), "meta": torch.empty(2, device="meta"), "conjugated": torch.tensor([1j]).conj(), "negated": torch.tensor([1j]).conj().imag}.items()}


def arrays() -> dict[str, dict]:
    """Files of detectron2: arrays of numpy, written by pickle.dump."""
    value = {"model": {"conv.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "half": np.array([0.5], np.float16), "long": np.array([3])}, "__author__": "x"}
    result = {}
    for protocol in (2, 4, 5):
        result[f"protocol {protocol}"] = pickle.dumps(value, protocol)
    return {"files": {name: base64.b64encode(data).decode() for name, data in result.items()}, "values": {f"model.{name}": {"shape": list(x.shape), "data": x.astype(float).flatten().tolist()} for name, x in value["model"].items()}}


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def hostile() -> dict[str, bytes]:
    import importlib, marshal, operator, runpy, subprocess, webbrowser

    touch = "touch freekd-hostile"
    calls = {
        "posix.system": Call(os.system, touch), "__builtin__.eval": Call(eval, "1"), "__builtin__.getattr": Call(getattr, {}, "x"), "__builtin__.exec": Call(exec, "1"), "__builtin__.__import__": Call(__import__, "os"),
        "commands.check_call": Call(subprocess.check_call, touch), "runpy.run_path": Call(runpy.run_path, "x"), "webbrowser.open": Call(webbrowser.open, "x"), "importlib.import_module": Call(importlib.import_module, "os"),
        "marshal.loads": Call(marshal.loads, b""), "operator.attrgetter": Call(operator.attrgetter, "x"), "posix.system, partial": Call(functools.partial(os.system, touch)),
    }
    files = {f"{name}, {kind}": saved({"a": call}, **options) for name, call in calls.items() for kind, options in (("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False}))}
    return files


if __name__ == "__main__":
    value = checkpoint()
    files = {"zip": saved(value), "legacy": saved(value, _use_new_zipfile_serialization=False), "legacy, protocol 4": saved(value, _use_new_zipfile_serialization=False, pickle_protocol=4), "tar": tar(), "state dict": saved(torch.nn.Linear(2, 3).state_dict())}
    encode = lambda data: base64.b64encode(data).decode()
    out = {
        "torch": torch.__version__,
        "files": {name: {"base64": encode(data), "tensors": expected(data)} for name, data in files.items()},
        "people": {name: {"base64": encode(data), "tensors": expected(data)} for name, data in people().items()},
        "withoutNumbers": {name: encode(data) for name, data in without_numbers().items()},
        "arrays": arrays(),
        "hostile": {name: encode(data) for name, data in hostile().items()},
    }
    json.dump(out, sys.stdout)
    print()
