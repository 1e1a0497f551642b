"""Holds what is exported for Python against what wrote it, and records by how much they differ and of which modules that was.

    npx tsx test/export/write.ts FOLDER && python test/golden/export_modules.py FOLDER
"""
import hashlib
import importlib
import json
import sys
from pathlib import Path

import torch

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
expected = json.loads((folder / "expected.json").read_text())
pixels = lambda p: torch.tensor(p["data"], dtype=torch.uint8).reshape(p["height"], p["width"], 3)
picture = pixels({**expected["size"], "data": expected["picture"]})
MOST = 1e-4


def largest(found, wanted):
    return (found - wanted).abs().max().item() if wanted.numel() else 0.0


def of_outputs(model, levels):
    """The largest difference of the head's outputs, which are [N, C, H, W] here and [N, H, W, C] there."""
    with torch.no_grad():
        outputs = model(model.images(picture))
    outputs = outputs[1] if isinstance(outputs, tuple) else outputs
    pairs = [(found.permute(0, 2, 3, 1), torch.tensor(own["data"]).reshape(own["shape"]))
             for level, owns in zip(outputs, levels) for found, own in zip(level, owns, strict=True)]
    return max(largest(found, own) for found, own in pairs)


def of_detections(model, found):
    """The largest difference of scores, and of boxes in the picture's longer side; objects of all but equal scores may change places."""
    most = {"score": 0.0, "box": 0.0}
    count = 0
    for shown, wanted in zip(expected["pictures"], found, strict=True):
        own = model.detect(pixels(shown))
        assert sorted(own["names"]) == sorted(one["name"] for one in wanted), (len(own["names"]), len(wanted))
        boxes = torch.tensor([one["bbox"] for one in wanted])
        boxes = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        most["score"] = max(most["score"], largest(own["scores"], torch.tensor([one["score"] for one in wanted])))
        apart = (own["boxes"][:, None] - boxes).abs().amax(2) / max(shown["width"], shown["height"])
        other = torch.tensor([[a != one["name"] for one in wanted] for a in own["names"]])
        near = (own["scores"][:, None] - torch.tensor([one["score"] for one in wanted])).abs() < MOST
        twins = apart.masked_fill(other | ~near, 1).min(1)
        assert len(set(twins.indices.tolist())) == len(wanted)
        most["box"] = max(most["box"], twins.values.max().item())
        count += len(wanted)
    return most, count


answers = {"torch": torch.__version__.split("+")[0], "modules": {}, "detectors": {}}
for one in expected["detectors"]:
    module = importlib.import_module(one["module"])
    answers["modules"][one["module"]] = hashlib.sha256((folder / f"{one['module']}.py").read_bytes()).hexdigest()
    row = {"outputs": 0.0, "score": 0.0, "box": 0.0, "objects": 0}
    for case in one["cases"]:
        for ending in ("safetensors", "pt"):
            model = module.load(folder / f"{case['stem']}.{ending}")
            row["outputs"] = max(row["outputs"], of_outputs(model, one["outputs"]))
            most, count = of_detections(model, case["found"])
            row = {**row, "score": max(row["score"], most["score"]), "box": max(row["box"], most["box"]), "objects": row["objects"] + count}
    print(one["name"], row)
    assert row["outputs"] <= MOST and row["score"] <= MOST and row["box"] <= MOST / 10, row
    answers["detectors"][one["name"]] = row

path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(answers, indent=1) + "\n")
