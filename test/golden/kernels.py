"""Golden answers for lib/kernels: values and gradients of PyTorch's convolution, normalization and pooling.

Run as `python test/golden/kernels.py` with the versions of test/golden/requirements.txt (torch). Tensors are written
in NHWC and filters in HWIO order; each gradient is that of sum(y * r) for a fixed random r.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(7)


def write(tensor):
    tensor = tensor.detach()
    if tensor.ndim == 4:
        tensor = tensor.permute(0, 2, 3, 1)
    return {"shape": list(tensor.shape), "data": [round(v, 6) for v in tensor.flatten().tolist()]}


def write_filter(tensor):
    tensor = tensor.detach().permute(2, 3, 1, 0)
    return {"shape": list(tensor.shape), "data": [round(v, 6) for v in tensor.flatten().tolist()]}


def case(f, inputs, options, filters=()):
    """One case: named inputs, y, r and the gradient of every input."""
    leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
    y = f(**leaves)
    r = torch.randn_like(y)
    (y * r).sum().backward()
    form = lambda name: write_filter if name in filters else write
    return {
        "options": options,
        "inputs": {name: form(name)(value) for name, value in leaves.items()},
        "y": write(y), "r": write(r),
        "gradients": {name: form(name)(value.grad) for name, value in leaves.items()},
    }


def conv(h, w, cin, cout, k, stride, padding, groups=1, n=2):
    inputs = {"x": torch.randn(n, cin, h, w), "filter": torch.randn(cout, cin // groups, k, k), "bias": torch.randn(cout)}
    options = {"stride": stride, "padding": padding, "groups": groups}
    return case(lambda x, filter, bias: F.conv2d(x, filter, bias, stride, padding, groups=groups), inputs, options, ["filter"])


def norm_inputs(c):
    return {"x": torch.randn(3, c, 5, 4) * 2 + 1, "gamma": torch.randn(c), "beta": torch.randn(c)}


def training(relu):
    mean, variance = torch.zeros(4), torch.ones(4)

    def f(x, gamma, beta):
        y = F.batch_norm(x, mean, variance, gamma, beta, training=True, momentum=1.0)
        return F.relu(y) if relu else y

    result = case(f, norm_inputs(4), {"relu": relu})
    # With momentum 1 the running statistics are the batch's.
    return {**result, "mean": write(mean), "variance": write(variance)}


def frozen(relu):
    mean, variance = torch.randn(4), torch.rand(4) + 0.5

    def f(x, gamma, beta):
        y = F.batch_norm(x, mean, variance, gamma, beta, training=False)
        return F.relu(y) if relu else y

    return {**case(f, norm_inputs(4), {"relu": relu}), "mean": write(mean), "variance": write(variance)}


def relu6():
    # Both ends among them, where the gradient is 0.
    return case(lambda x: F.relu6(x), {"x": torch.cat([torch.tensor([0.0, 6.0]), torch.randn(46) * 5]).reshape(2, 6, 4, 1)}, {})


def group(groups, relu):
    def f(x, gamma, beta):
        y = F.group_norm(x, groups, gamma, beta)
        return F.relu(y) if relu else y

    return case(f, norm_inputs(6), {"groups": groups, "relu": relu})


def pool(h, w, size, stride, padding):
    options = {"size": size, "stride": stride, "padding": padding}
    # Below zero, where padding with zeros would show.
    return case(lambda x: F.max_pool2d(x, size, stride, padding), {"x": torch.randn(2, 3, h, w) - 4}, options)


def upsample(h, w, size):
    return case(lambda x: F.interpolate(x, size, mode="nearest"), {"x": torch.randn(2, 3, h, w)}, {"size": list(size)})


golden = {
    "conv2d": [conv(7, 6, 3, 4, 3, 1, 1), conv(7, 6, 5, 4, 3, 2, 1), conv(8, 8, 5, 4, 3, 2, 1), conv(10, 9, 3, 4, 7, 2, 3),
               conv(5, 4, 3, 2, 1, 1, 0), conv(5, 4, 5, 2, 1, 2, 0), conv(6, 6, 3, 2, 3, 1, 0), conv(5, 5, 3, 2, 3, 1, 2)],
    "batchNorm": [frozen(False), frozen(True)],
    "batchNormTraining": [training(False), training(True)],
    "groupNorm": [group(2, False), group(3, True), group(6, False)],
    "maxPool": [pool(8, 8, 3, 2, 1), pool(7, 6, 3, 2, 1), pool(6, 6, 2, 2, 0), pool(7, 5, 1, 2, 0)],
    "upsampleNearest": [upsample(3, 4, (6, 8)), upsample(3, 4, (5, 7))],
    "groupedConv2d": [conv(7, 6, 8, 8, 3, 1, 1, 4), conv(7, 6, 8, 12, 3, 2, 1, 4), conv(6, 5, 6, 4, 1, 1, 0, 2), conv(5, 6, 6, 6, 3, 2, 1, 6, n=1),
                      conv(5, 4, 4, 6, 3, 1, 0, 2, n=1),
                      conv(7, 6, 8, 8, 3, 1, 1, 8), conv(7, 6, 5, 5, 3, 2, 1, 5), conv(6, 5, 4, 4, 3, 1, 0, 4)],
    "relu6": [relu6()],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden))
