"""The frequency loss of the released code, in two forms of one value: as it is written, with T masks on an axis of their own and both
features transformed ("frequency-loss"), and with the algebra of lib/freekd ("frequency-loss-algebra"): the masks are positive, so that one
map, their mean, weighs |difference|; the transform is linear, so that only the difference is transformed with a gradient. The gradient is
PyTorch's own in both.
"""
import torch
import torch.nn.functional as F
from pytorch_wavelets import DWTForward

from detector import reference

BATCH, CHANNELS, TOKENS, SIDES = 4, 256, 6, (64, 32, 16, 8, 4)
FORWARD = DWTForward(J=3, mode="zero", wave="haar")


def level_loss(student: torch.Tensor, teacher: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """student, teacher [N, C, H, W]; tokens [4, T, C]."""
    _, high_t = FORWARD(teacher)
    _, high_s = FORWARD(student)
    total = 0.0
    for k in range(3):  # finest first, each [N, C, 3, H, W]
        mask = torch.sigmoid(torch.einsum("tc,nchw->nthw", tokens[k + 1], high_t[k].sum(2)))[:, :, None, None]
        total = total + F.l1_loss(mask * high_s[k].unsqueeze(1), mask * high_t[k].unsqueeze(1))
    return total


def level_loss_by_algebra(student: torch.Tensor, teacher: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """The same value: no tensor with an axis of masks beside one of channels, one transform in the graph."""
    with torch.no_grad():
        _, high_t = FORWARD(teacher)
        weights = [torch.sigmoid(torch.einsum("tc,nchw->nthw", tokens[k + 1], high_t[k].sum(2))).mean(1)[:, None, None] for k in range(3)]
    _, high = FORWARD(student - teacher)
    return sum((weight * band.abs()).mean() for weight, band in zip(weights, high))


FORMS = {"frequency-loss": level_loss, "frequency-loss-algebra": level_loss_by_algebra}


def tokens(level: int, count: int = TOKENS) -> torch.Tensor:
    return reference.tensor(f"bench/tokens.{level}", (4, count, CHANNELS), -0.1, 0.1)


def prepare(name: str):
    form = FORMS[name]
    feature = lambda who, i, side: reference.tensor(f"bench/{who}.{i}", (BATCH, side, side, CHANNELS)).permute(0, 3, 1, 2).contiguous()
    teacher = [feature("teacher", i, side) for i, side in enumerate(SIDES)]
    student = [feature("student", i, side).requires_grad_() for i, side in enumerate(SIDES)]
    prompts = [tokens(i) for i in range(len(SIDES))]

    def run():
        loss = sum(form(s, t, p) for s, t, p in zip(student, teacher, prompts))
        torch.autograd.grad(loss, student)
        return [loss.item()]

    return run
