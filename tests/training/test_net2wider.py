from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.net2wider import widened

NARROW = NetworkParameters((3, 4, 6), (1, 2), nested=True)
WIDE = replace(NARROW, channels=(5, 8, 6), highlights=((-0.4, 0.2),))


def narrow_network() -> ResidualUNet:
    torch.manual_seed(3)
    network = ResidualUNet(NARROW)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.1 * torch.randn(weight.shape)
    return network.eval()


def test_a_wider_network_computes_the_same() -> None:
    network, image = narrow_network(), torch.randn(2, 1, 16, 24, 16)
    wide = widened(network, WIDE)
    assert wide.parameters_of_size == WIDE
    with torch.inference_mode():
        torch.testing.assert_close(wide(image), network(image), atol=1e-4, rtol=1e-4)


def test_every_new_feature_is_read_after_two_steps() -> None:
    wide = widened(narrow_network(), WIDE).train()
    stepper = torch.optim.SGD(wide.parameters(), lr=0.1)
    for _ in range(2):
        stepper.zero_grad()
        wide(torch.randn(1, 1, 16, 16, 16)).square().mean().backward()
        stepper.step()
    assert (wide.head.weight[:, 3:] != 0).all()
    assert (wide.down[0][0][0].weight[:4, 3:] != 0).all()
    assert (wide.stem[0].weight.grad != 0).flatten(2).any(dim=2).all()


def test_the_same_size_is_the_same_network_and_the_narrow_one_stays() -> None:
    network = narrow_network()
    before = {name: weights.clone() for name, weights in network.state_dict().items()}
    same = widened(network, NARROW).state_dict()
    widened(network, WIDE)
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, before[name])
        assert torch.equal(weights, same[name])


def test_a_widened_network_is_always_the_same_and_leaves_chance_alone() -> None:
    network = narrow_network()
    torch.manual_seed(0)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    one, other = widened(network, WIDE).state_dict(), widened(network, WIDE).state_dict()
    assert torch.equal(torch.rand(1), drawn)
    assert all(torch.equal(weights, other[name]) for name, weights in one.items())


def test_what_a_network_highlights_stays_highlighted() -> None:
    more = replace(WIDE, highlights=(*WIDE.highlights, (0.3, 0.1)))
    assert widened(widened(narrow_network(), WIDE), more).parameters_of_size == more
    with pytest.raises(ValueError, match="cannot be widened"):
        widened(widened(narrow_network(), WIDE), replace(WIDE, highlights=()))


@pytest.mark.parametrize(
    "other",
    [
        NetworkParameters((3, 4, 5), (1, 2), nested=True),
        NetworkParameters((3, 4, 6), (2, 2), nested=True),
        NetworkParameters((3, 4, 6, 8), (1, 2, 1), nested=True),
        NetworkParameters((3, 4, 6), (1, 2)),
    ],
)
def test_another_kind_of_size_is_refused(other: NetworkParameters) -> None:
    with pytest.raises(ValueError, match="cannot be widened"):
        widened(narrow_network(), other)
