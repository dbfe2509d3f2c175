"""What a loss of logits, labels and their validity asks of the logits."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def gradient_of(loss: Loss, logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    loss(logits, target, known).backward()
    assert logits.grad is not None
    return logits.grad
