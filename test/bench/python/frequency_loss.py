"""The frequency loss of the released code as it is written: T masks on an axis of their own, both features transformed."""
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


def tokens(level: int, count: int = TOKENS) -> torch.Tensor:
    return reference.tensor(f"bench/tokens.{level}", (4, count, CHANNELS), -0.1, 0.1)


def prepare(_: str):
    feature = lambda who, i, side: reference.tensor(f"bench/{who}.{i}", (BATCH, side, side, CHANNELS)).permute(0, 3, 1, 2).contiguous()
    teacher = [feature("teacher", i, side) for i, side in enumerate(SIDES)]
    student = [feature("student", i, side).requires_grad_() for i, side in enumerate(SIDES)]
    prompts = [tokens(i) for i in range(len(SIDES))]

    def run():
        loss = sum(level_loss(s, t, p) for s, t, p in zip(student, teacher, prompts))
        torch.autograd.grad(loss, student)
        return [loss.item()]

    return run
