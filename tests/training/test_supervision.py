from __future__ import annotations

import pytest
import torch

from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.batches.batch import Batch
from lvt_track.training.objective.losses import combine
from lvt_track.training.objective.methods import METHODS, OURS
from lvt_track.training.objective.supervision import SupervisedNetwork, supervised_loss

SIZE = NetworkParameters((4, 6, 8), (1, 1))


def batch() -> Batch:
    image = torch.randn(2, 1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    target = torch.cat([image > -0.5, image > 0.5, image > 1.0], dim=1)
    known = torch.ones_like(target)
    known[1, 2] = False
    return Batch(image, target, known)


@pytest.mark.parametrize("name", ["ours", "masked-multilabel", "marginal"])
def test_heads_halve_the_resolution(name: str) -> None:
    size = METHODS[name].headed(SIZE)
    exclusive = size.exclusive
    network = ResidualUNet(size)
    logits = SupervisedNetwork(network, 2)(batch().image)
    assert [tuple(values.shape) for values in logits] == [
        (2, 3 + exclusive, 16, 16, 16),
        (2, 3 + exclusive, 8, 8, 8),
    ]
    assert network(batch().image).shape == (2, 3, 16, 16, 16)
    assert torch.equal(network.per_class(logits[0]), network(batch().image))


def test_heads_are_no_part_of_the_network() -> None:
    network = ResidualUNet(SIZE)
    names = set(network.state_dict())
    SupervisedNetwork(network, 2)
    assert set(network.state_dict()) == names
    for scales in (0, 3):
        with pytest.raises(ValueError, match="scales"):
            SupervisedNetwork(network, scales)


def test_coarser_scales_weigh_half_each() -> None:
    labels = batch()
    logits = SupervisedNetwork(ResidualUNet(SIZE), 2)(labels.image)
    fine, coarse = (
        combine(OURS.terms(values, labels.every(step)))
        for values, step in zip(logits, (1, 2), strict=True)
    )
    found = supervised_loss(logits, labels, OURS)
    assert found.item() == pytest.approx(((2 * fine + coarse) / 3).item(), rel=1e-6)
    alone = supervised_loss(logits[:1], labels, OURS)
    assert alone.item() == pytest.approx(fine.item(), rel=1e-6)


def test_every_heads_weights_learn() -> None:
    network = SupervisedNetwork(ResidualUNet(SIZE), 2)
    supervised_loss(network(batch().image), batch(), OURS).backward()
    assert all(
        weight.grad is not None and weight.grad.any() for weight in network.heads.parameters()
    )
