"""Golden answers for lib/train: 20 steps of torch.optim on a weight and a bias, and clip_grad_norm_.

Run as `python test/golden/optimizer.py` with the versions of test/golden/requirements.txt (torch).
Weight decay is given to the weight only, as two parameter groups, but in sgd-all; in sgd-biases the bias has twice the rate.
"""
import json
from pathlib import Path

import torch

STEPS = 20
torch.manual_seed(3)
weight0, bias0 = torch.randn(3, 4), torch.randn(4)
gradients = [(torch.randn(3, 4) * (0.3 if i % 3 else 3.0), torch.randn(4)) for i in range(STEPS)]
rates = [0.01 * (1 + i % 4) for i in range(STEPS)]

KINDS = {
    "sgd": (torch.optim.SGD, dict(momentum=0.9), 0.05),
    "sgd-all": (torch.optim.SGD, dict(momentum=0.9), 0.05),
    "sgd-biases": (torch.optim.SGD, dict(momentum=0.9), 0.05),
    "sgd-plain": (torch.optim.SGD, dict(momentum=0.0), 0.05),
    "adam": (torch.optim.Adam, dict(betas=(0.9, 0.999), eps=1e-8), 0.05),
    "adam-epsilon": (torch.optim.Adam, dict(betas=(0.8, 0.95), eps=1e-2), 0.0),
    "adamw": (torch.optim.AdamW, dict(betas=(0.9, 0.999), eps=1e-8), 0.05),
}


def flat(tensor):
    return [round(v, 7) for v in tensor.flatten().tolist()]


def run(make, options, decay, everything=False, bias_rate=1):
    weight, bias = weight0.clone().requires_grad_(), bias0.clone().requires_grad_()
    optimizer = make([{"params": [weight], "weight_decay": decay}, {"params": [bias], "weight_decay": decay if everything else 0.0}], lr=0.1, **options)
    trace = []
    for (gw, gb), rate in zip(gradients, rates):
        weight.grad, bias.grad = gw.clone(), gb.clone()
        for group, factor in zip(optimizer.param_groups, (1, bias_rate)):
            group["lr"] = factor * rate
        optimizer.step()
        trace.append({"weight": flat(weight.detach()), "bias": flat(bias.detach())})
    return trace


def clip(max_norm):
    pair = [torch.zeros_like(weight0).requires_grad_(), torch.zeros_like(bias0).requires_grad_()]
    for p, g in zip(pair, gradients[0]):
        p.grad = g.clone()
    norm = torch.nn.utils.clip_grad_norm_(pair, max_norm)
    return {"maxNorm": max_norm, "norm": round(norm.item(), 6), "weight": flat(pair[0].grad), "bias": flat(pair[1].grad)}


golden = {
    "weight": flat(weight0), "bias": flat(bias0), "rates": rates,
    "gradients": [{"weight": flat(a), "bias": flat(b)} for a, b in gradients],
    "runs": {name: run(*kind, everything=name.endswith("-all"), bias_rate=2 if name.endswith("-biases") else 1) for name, kind in KINDS.items()},
    "clip": [clip(1.0), clip(1000.0)],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(golden))
