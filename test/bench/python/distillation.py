"""A whole distillation step in eager PyTorch by the losses of the released code: RetinaNet-R50 teaches RetinaNet-R18, or R101 teaches R50."""
import torch
import torch.nn.functional as F
from torch import nn

from detector import DEVICE, LARGE, R18, R50, R101, SMALL, Targets, freeze_first_stage, images, reference, retinanet, sgd
from frequency_loss import FORWARD, level_loss, tokens


def prepare(name: str):
    size, *networks = (LARGE, R50, R101) if name == "memory-distillation" else (SMALL, R18, R50)
    student, teacher = (retinanet(config).eval() for config in networks)
    teacher.requires_grad_(False)
    freeze_first_stage(student)
    align = nn.ModuleList(nn.Conv2d(256, 256, 1) for _ in student.strides).to(memory_format=torch.channels_last)
    with torch.no_grad():
        for level, conv in enumerate(align):
            conv.weight.copy_(reference.initial(f"phi.{level}.weight", conv.weight.shape))
            conv.bias.copy_(reference.initial(f"phi.{level}.bias", conv.bias.shape))
    prompts = [tokens(level).to(DEVICE) for level in range(len(student.strides))]
    x = images(size)
    with torch.no_grad():
        targets = Targets(student, len(x), [level.shape[2:] for level in student.neck(student.backbone(x))])
    x = x.to(DEVICE)
    for part in (student, teacher, align, FORWARD):
        part.to(DEVICE)
    optimizer = sgd([p for p in [*student.parameters(), *align.parameters()] if p.requires_grad])

    def run():
        with torch.no_grad():
            wanted = teacher.neck(teacher.backbone(x))
            given = [teacher.bbox_head(level)[1] for level in wanted]
        optimizer.zero_grad(set_to_none=True)
        pyramid = student.neck(student.backbone(x))
        outputs = [student.bbox_head(level) for level in pyramid]
        imitated = [conv(level) for conv, level in zip(align, pyramid)]
        loss = targets.loss(outputs)
        loss = loss + sum(level_loss(s, t, p) for s, t, p in zip(imitated, wanted, prompts))
        loss = loss + 5 * sum(F.mse_loss(s, t) for s, t in zip(imitated, wanted))
        loss = loss + sum(F.smooth_l1_loss(own, other) for (_, own), other in zip(outputs, given))
        loss.backward()
        optimizer.step()
        return [loss.item()]

    return run
