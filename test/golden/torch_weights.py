"""Golden files for lib/weights/import: a ResNet of torchvision and the start of a RetinaNet of torchvision, as names and shapes; and a small file.

    python test/golden/torch_weights.py > test/golden/torch_weights.json
"""
import base64
import io
import json
import sys

import torch
import torchvision
from safetensors.torch import save


def names(state):
    return {name: list(value.shape) for name, value in state.items()}


if __name__ == "__main__":
    resnet = torchvision.models.resnet18(weights=None).state_dict()
    retinanet = torchvision.models.detection.retinanet_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    conv = torch.nn.Conv2d(3, 4, (3, 3))
    torch.manual_seed(0)
    with torch.no_grad():
        conv.weight.copy_(torch.randn(4, 3, 3, 3))
    x = torch.randn(1, 3, 5, 5)
    buffer = io.BytesIO()
    torch.save({"state_dict": {"backbone.conv1.weight": conv.weight, "backbone.bn1.num_batches_tracked": torch.tensor(3)}}, buffer)
    out = {
        "torchvision-resnet": names(resnet),
        "torchvision-retinanet": names(retinanet),
        "conv": {
            "file": base64.b64encode(buffer.getvalue()).decode(),
            "exported": base64.b64encode(save({"backbone.conv1.weight": conv.weight.detach()})).decode(),
            "x": x.permute(0, 2, 3, 1).flatten().tolist(),
            "y": torch.nn.functional.conv2d(x, conv.weight).permute(0, 2, 3, 1).flatten().tolist(),
        },
    }
    json.dump(out, sys.stdout)
    print()
