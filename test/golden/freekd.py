"""Golden answers of lib/freekd, profile `paper`: python test/golden/freekd.py

Every formula in its literal, expanded form (the T masks on an axis of their own, both features transformed), in float64.
Wants torch 2.15.0, pytorch_wavelets 1.3.0, PyWavelets 1.9.0, numpy 2.4.6.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from freekd_inputs import bands_of, feature, inverse, rounded, seed_of_student, summary, tensor, usable_level


def masks_of(bands, tokens, level):
    """sigma(P_b R_b^T), [N, T, H, W] a band; a clamped decomposition leaves out the coarsest details' tokens."""
    used = (len(bands) - 1) // 3
    rows = [0] + [b + 3 * (level - used) for b in range(1, len(bands))]
    return [torch.sigmoid(torch.einsum("tc,nchw->nthw", tokens[row], band)) for row, band in zip(rows, bands)]


PENALTIES = {
    "l1": torch.abs,
    "squared": torch.square,
    "log-squared": lambda d: torch.log(1 + d**2),
    "huber": lambda d: F.huber_loss(d, torch.zeros_like(d), reduction="none", delta=1.0),
}


def band_loss(teacher, student, transform, masks=None, weights=None, bands="all", reduction="mean", penalty=("l1", "l1"), factors=(1, 1)):
    """[N, C, H, W] features -> scalar, expanded over T; `penalty` and `factors` are those of LL and of the details."""
    sums, counts = [], []
    for b, (t, s) in enumerate(zip(bands_of(teacher, *transform), bands_of(student, *transform))):
        if bands == "high" and b == 0:
            continue
        m = torch.ones(t.shape[0], 1, *t.shape[2:]) if masks is None else masks[b]
        if penalty[b > 0] == "l1":
            term = (m[:, :, None] * t[:, None] - m[:, :, None] * s[:, None]).abs()  # [N, T, C, H, W]
        else:
            term = m[:, :, None] * PENALTIES[penalty[b > 0]](s - t)[:, None]
        if weights is not None:
            term = term * weights[:, None, :, None, None]
        sums.append(term.sum() * factors[b > 0])
        counts.append(t.numel())
    if reduction == "sum":
        return sum(sums)
    if reduction == "mean":
        return sum(sums) / sum(counts)
    return sum(s / c for s, c in zip(sums, counts)) / len(sums)


def loss_case(index, size, tokens=0, weighted=False, wavelet="haar", mode="zero", level=3, bands="all", reduction="mean", channels=6,
              penalty=("l1", "l1"), factors=(1, 1)):
    n, used = 2, usable_level(size, level)
    transform = (wavelet, mode, used)
    teacher_seed = 5000 + 2000 * index
    student_seed = seed_of_student(n, size, channels, teacher_seed, transform)
    teacher, student = feature(n, size, channels, teacher_seed), feature(n, size, channels, student_seed, grad=True)
    masks = None
    if tokens:
        masks = masks_of(bands_of(teacher, *transform), tensor((3 * level + 1, tokens, channels), teacher_seed), level)
    weights = (tensor((n, channels), teacher_seed, 0.5) + 1).requires_grad_() if weighted else None
    loss = band_loss(teacher, student, transform, masks, weights, bands, reduction, penalty, factors)
    loss.backward()
    case = dict(size=size, batch=n, channels=channels, tokens=tokens, weighted=weighted, wavelet=wavelet, mode=mode, level=level, used=used,
                bands=bands, reduction=reduction, teacherSeed=teacher_seed, studentSeed=student_seed,
                loss=rounded(loss), studentGradient=summary(student.grad))
    if (penalty, factors) != (("l1", "l1"), (1, 1)):
        case.update(penalty=dict(zip(("low", "high"), penalty)), bandWeights=dict(zip(("low", "high"), factors)))
    if weighted:
        case["weightsGradient"] = summary(weights.grad)
    return case


def similarity(m, n, kind):
    """One number for two masks of one image, flattened."""
    overlap = (m * n).sum()
    if kind == "jaccard":
        return overlap / (m.sum() + n.sum() - overlap)
    return 2 * overlap / ((m * m).sum() + (n * n).sum())


def dissimilarity(masks, kind, pairs):
    """Loops over bands, images and pairs."""
    values = []
    for mask in masks:
        for image in mask:
            t = image.shape[0]
            chosen = [(i, j) for i in range(t) for j in range(t) if pairs == "all" or i != j]
            values.append(sum(similarity(image[i], image[j], kind) for i, j in chosen) / len(chosen))
    return sum(values) / len(values)


def prompt_case(index, size, tokens, wavelet="haar", mode="zero", channels=6, level=3):
    n, used = 2, usable_level(size, level)
    seed = 200000 + 10 * index
    x, p = feature(n, size, channels, seed, grad=True), tensor((3 * level + 1, tokens, channels), seed + 1, grad=True)
    bands = bands_of(x, wavelet, mode, used)
    masks = masks_of(bands, p, level)
    masked = [(m[:, :, None] * b[:, None]).sum(1) for m, b in zip(masks, bands)]
    prompted = inverse(masked, wavelet, mode, size)
    objective = (prompted * feature(n, size, channels, seed + 2)).sum() / 10 + dissimilarity(masks, "jaccard", "all")
    objective.backward()
    values = {}
    for kind in ("jaccard", "dice"):
        for pairs in ("all", "distinct"):
            values[f"{kind}-{pairs}"] = rounded(dissimilarity(masks, kind, pairs))
    return dict(size=size, batch=n, channels=channels, tokens=tokens, wavelet=wavelet, mode=mode, level=level, used=used, seed=seed,
                prompted=summary(prompted), masks=[summary(m) for m in masks], objective=rounded(objective),
                dissimilarity=values, tokensGradient=summary(p.grad), featureGradient=summary(x.grad))


def affinity(x, nxt, normalise):
    n, c, h, w = x.shape
    psi = F.interpolate(nxt, size=(h, w), mode="bilinear", align_corners=False)
    logits = psi.reshape(n, c, h * w) @ x.reshape(n, c, h * w).transpose(1, 2)
    return torch.softmax(logits / (h * w if normalise == "positions" else 1), -1)


def gate(x, nxt, parameters, normalise="positions"):
    """omega [N, C], not normalised."""
    w1, b1, w2, b2 = parameters
    return torch.sigmoid(F.relu(affinity(x, nxt, normalise) @ w1 + b1) @ w2 + b2)[..., 0]


def gate_parameters(c, seed, grad=False):
    """Large enough for omega to differ by channel, since an entry of A is about 1 / C."""
    hidden = c // 4
    shapes = [((c, hidden), 8.0), ((hidden,), 1.0), ((hidden, 1), 3.0), ((1,), 1.0)]
    return [tensor(shape, seed + k, scale, grad) for k, (shape, scale) in enumerate(shapes)]


def mean_one(omega):
    return omega / omega.mean(1, keepdim=True)


def relation_case(index, size, nxt, normalise, channels=8):
    seed, n = 300000 + 20 * index, 2
    x, y = feature(n, size, channels, seed, grad=True), feature(n, nxt, channels, seed + 1, grad=True)
    parameters = gate_parameters(channels, seed + 2, grad=True)
    a = affinity(x, y, normalise)
    weights = mean_one(gate(x, y, parameters, normalise))
    along = tensor((n, channels), seed + 9)
    (weights * along).sum().backward()
    gradients = [p.grad for p in parameters]
    floor = max(relation_floor(x, y, parameters, normalise, along, gradients, order) for order in range(8))
    return dict(size=size, next=nxt, batch=n, channels=channels, normalise=normalise, seed=seed, affinity=summary(a), weights=summary(weights),
                gradients=[summary(g) for g in gradients], floor=rounded(torch.tensor(floor)), featureGradient=summary(x.grad),
                nextGradient=summary(y.grad))


def relation_floor(x, y, parameters, normalise, along, gradients, order):
    """How far float32 itself is from the gradients of G's parameters, the sums over positions and channels taken in another order."""
    random = torch.Generator().manual_seed(order)
    n, c, h, w = x.shape
    positions, pictures = torch.randperm(h * w, generator=random), torch.randperm(n, generator=random)
    psi = F.interpolate(y, size=(h, w), mode="bilinear", align_corners=False)
    shuffled = [m.detach().reshape(n, c, h * w)[pictures][:, :, positions].reshape(n, c, h, w).float() for m in (x, psi)]
    leaves = [p.detach().float().requires_grad_() for p in parameters]
    (mean_one(gate(*shuffled, leaves, normalise)) * along[pictures].float()).sum().backward()
    return max((leaf.grad - g).abs().max().item() for leaf, g in zip(leaves, gradients))


def pyramid_case(index, sizes, tokens, channels=8, level=3, refined=False):
    """L_FreeKD over a pyramid, prompts and gates, whose omega is a constant; `refined` masks are m_t * m_s, a constant too."""
    n, base = 2, 400000 + 50000 * index
    seeds = []
    for i, size in enumerate(sizes):
        teacher_seed = base + 5000 * i
        seeds.append((teacher_seed, seed_of_student(n, size, channels, teacher_seed, ("haar", "zero", usable_level(size, level)))))
    teacher = [feature(n, size, channels, t) for size, (t, _) in zip(sizes, seeds)]
    student = [feature(n, size, channels, s, grad=True) for size, (_, s) in zip(sizes, seeds)]
    gates = [gate_parameters(channels, t + 1, grad=True) for t, _ in seeds]
    losses = []
    for i, size in enumerate(sizes):
        transform = ("haar", "zero", usable_level(size, level))
        masks = masks_of(bands_of(teacher[i], *transform), tensor((3 * level + 1, tokens, channels), seeds[i][0]), level)
        if refined:
            own = masks_of(bands_of(student[i], *transform), tensor((3 * level + 1, tokens, channels), seeds[i][0]), level)
            masks = [m * o.detach() for m, o in zip(masks, own)]
        k = min(i + 1, len(sizes) - 1)
        omega = mean_one(gate(teacher[i], teacher[k], gates[i]) * gate(student[i], student[k], gates[i]))
        losses.append(band_loss(teacher[i], student[i], transform, masks, omega.detach()))
    loss = sum(losses) / len(losses)
    loss.backward()
    return dict(sizes=sizes, batch=n, channels=channels, tokens=tokens, level=level, **({"refined": True} if refined else {}), seeds=seeds,
                loss=rounded(loss), studentGradients=[summary(s.grad) for s in student])


def main():
    losses = [
        dict(size=[25, 38], tokens=2, weighted=True),
        dict(size=[25, 38], tokens=6, channels=4),
        dict(size=[13, 19], tokens=2, reduction="band-mean"),
        dict(size=[13, 19], tokens=6, weighted=True, bands="high"),
        dict(size=[7, 10], tokens=2, weighted=True),
        dict(size=[3, 5], tokens=6),
        dict(size=[3, 5], tokens=2, bands="high", reduction="band-mean"),
        dict(size=[1, 2], tokens=2, weighted=True),
        dict(size=[16, 16]),
        dict(size=[16, 24], reduction="sum", tokens=2, weighted=True),
        dict(size=[16, 12], bands="high"),
        dict(size=[13, 19], wavelet="db2", mode="symmetric", tokens=2),
        dict(size=[13, 19], wavelet="db2", mode="zero", level=2, tokens=2, weighted=True),
        dict(size=[18, 11], wavelet="bior2.2", mode="symmetric", level=2, tokens=6),
        dict(size=[13, 19], penalty=("squared", "log-squared"), factors=(1, .5), tokens=2, weighted=True),
        dict(size=[16, 12], penalty=("log-squared", "squared"), reduction="band-mean"),
        dict(size=[13, 19], penalty=("l1", "huber"), factors=(2, .25), tokens=2, wavelet="db2", mode="symmetric"),
        dict(size=[7, 10], penalty=("huber", "l1"), factors=(3, 0), tokens=2),
        dict(size=[25, 38], factors=(2, .5), tokens=2, weighted=True),
        dict(size=[1, 2], penalty=("squared", "huber"), factors=(.5, 2)),
    ]
    prompts = [
        dict(size=[16, 24], tokens=2), dict(size=[13, 19], tokens=2), dict(size=[25, 38], tokens=6), dict(size=[7, 10], tokens=2),
        dict(size=[3, 5], tokens=6), dict(size=[1, 2], tokens=2), dict(size=[13, 19], tokens=2, wavelet="db2", mode="symmetric"),
    ]
    relations = [
        dict(size=[8, 12], nxt=[4, 6], normalise="positions"), dict(size=[13, 19], nxt=[7, 10], normalise="positions"),
        dict(size=[7, 10], nxt=[4, 5], normalise="none"), dict(size=[3, 5], nxt=[3, 5], normalise="positions"),
    ]
    sizes = [[25, 38], [13, 19], [7, 10], [3, 5], [1, 2]]
    result = {
        "losses": [loss_case(i, **case) for i, case in enumerate(losses)],
        "prompts": [prompt_case(i, **case) for i, case in enumerate(prompts)],
        "relations": [relation_case(i, **case) for i, case in enumerate(relations)],
        "pyramids": [pyramid_case(0, sizes, 2), pyramid_case(1, sizes, 6), pyramid_case(2, sizes, 2, refined=True)],
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
