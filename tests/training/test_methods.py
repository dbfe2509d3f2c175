from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lvt_track.errors import InputError, UsageError
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import class_logits
from lvt_track.training.batches.batch import Batch
from lvt_track.training.objective.losses import combine, partial_label_terms
from lvt_track.training.objective.methods import (
    METHODS,
    MULTILABEL,
    OURS,
    Method,
    NestedMultilabel,
    method_named,
)
from lvt_track.training.objective.partial import (
    COMPLETE,
    Annotation,
    Knowledge,
    targets_and_validity,
)

SIDE = 10
YES, NO = Annotation.EVERYWHERE, Annotation.NONE
LIVER_TUMORS = Knowledge(YES, NO, YES)
VESSELS_TUMORS = Knowledge(NO, YES, YES)
LIVER = Knowledge(YES, NO, NO)


def masks() -> dict[str, Tensor]:
    """A liver with a vessel through it and a tumour in it that do not touch."""
    empty = torch.zeros(SIDE, SIDE, SIDE, dtype=torch.bool)
    liver, vessels, tumors = empty.clone(), empty.clone(), empty.clone()
    liver[2:9, 2:9, 2:9] = True
    vessels[2:9, 3, 3:5] = True
    tumors[5:8, 5:8, 5:8] = True
    return {"liver": liver, "vessels": vessels, "tumors": tumors}


def sample(knowledge: Knowledge, ignore: Tensor | None = None) -> Batch:
    target, known = targets_and_validity(masks(), knowledge, ignore)
    annotated = [knowledge[name] is not NO for name in ("liver", "vessels", "tumors")]
    image = torch.zeros(1, 1, SIDE, SIDE, SIDE)
    return Batch(image, target[None], known[None], torch.tensor([annotated]))


def exclusive(method: Method) -> bool:
    return method.headed(NetworkParameters()).exclusive


def logits_for(method: Method, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3 + exclusive(method), SIDE, SIDE, SIDE, generator=generator)


def gradient(method: Method, batch: Batch) -> Tensor:
    logits = logits_for(method).requires_grad_()
    combine(method.terms(logits, batch)).backward()
    assert logits.grad is not None
    return logits.grad[0]


def exclusive_truth() -> Tensor:
    truth = masks()
    index = truth["liver"].long()
    index[truth["vessels"]] = 2
    index[truth["tumors"]] = 3
    return index


@pytest.mark.parametrize("name", [name for name in METHODS if name != "full"])
@pytest.mark.parametrize("knowledge", [COMPLETE, LIVER_TUMORS, VESSELS_TUMORS, LIVER])
def test_ignored_voxels_teach_no_method(name: str, knowledge: Knowledge) -> None:
    ignore = torch.zeros(SIDE, SIDE, SIDE, dtype=torch.bool)
    ignore[4:7, 4:7] = True
    grad = gradient(METHODS[name], sample(knowledge, ignore))
    assert not grad[:, ignore].any()
    assert grad[:, ~ignore].any()


@pytest.mark.parametrize("name", ["masked-multilabel", "background-multilabel"])
def test_sigmoid_methods_agree_on_complete_labels(name: str) -> None:
    batch = sample(COMPLETE)
    logits = logits_for(MULTILABEL)
    expected = combine(partial_label_terms(logits, batch.target, batch.known))
    assert combine(METHODS[name].terms(logits, batch)).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("name", ["background-multiclass", "masked-multiclass"])
def test_softmax_methods_are_plain_on_complete_labels(name: str) -> None:
    logits = logits_for(METHODS[name])
    truth = functional.one_hot(exclusive_truth(), 4).permute(3, 0, 1, 2)[None].float()
    chance = logits.softmax(1)
    voxels = (0, 2, 3, 4)
    dice = (2 * (chance * truth).sum(voxels) + 1) / ((chance + truth).sum(voxels) + 1)
    expected = functional.cross_entropy(logits, exclusive_truth()[None]) + 1 - dice[1:].mean()
    found = combine(METHODS[name].terms(logits, sample(COMPLETE)))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_marginal_is_cross_entropy_on_complete_labels() -> None:
    method = METHODS["marginal"]
    logits = logits_for(method)
    surprise, _ = method.terms(logits, sample(COMPLETE))
    expected = functional.cross_entropy(logits, exclusive_truth()[None])
    assert surprise.value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_ours_with_complete_labels_is_full() -> None:
    logits, batch = logits_for(OURS), sample(COMPLETE)
    expected = combine(METHODS["full"].terms(logits, batch))
    assert combine(OURS.terms(logits, batch)).item() == expected.item()


def test_the_mask_learns_liver_from_a_vessel_but_no_class_that_is_not_known() -> None:
    grad = gradient(MULTILABEL, sample(VESSELS_TUMORS))
    truth = masks()
    assert (grad[0][truth["vessels"] | truth["tumors"]] < 0).all()
    assert not grad[0][~(truth["vessels"] | truth["tumors"])].any()
    grad = gradient(MULTILABEL, sample(LIVER))
    assert not grad[1:, truth["liver"]].any()
    assert (grad[1:, ~truth["liver"]] > 0).all()


@pytest.mark.parametrize("name", ["background-multilabel", "background-multiclass"])
def test_background_methods_unlearn_what_was_not_drawn(name: str) -> None:
    method = METHODS[name]
    vessels = gradient(method, sample(LIVER_TUMORS))[2 if exclusive(method) else 1]
    assert (vessels[masks()["vessels"]] > 0).all()
    liver = gradient(method, sample(VESSELS_TUMORS))[1 if exclusive(method) else 0]
    assert (liver[masks()["liver"] & ~masks()["vessels"] & ~masks()["tumors"]] > 0).all()


def test_masked_multiclass_leaves_out_what_was_not_drawn() -> None:
    method = METHODS["masked-multiclass"]
    surprise, overlap = method.terms(logits_for(method), sample(VESSELS_TUMORS))
    assert overlap.counted.tolist() == [[False, True, True]]
    # Cross-entropy reads the voxels drawn as vessel or tumour alone.
    drawn = masks()["vessels"] | masks()["tumors"]
    chance = logits_for(method).log_softmax(1)[0]
    expected = -chance.gather(0, exclusive_truth()[None])[0][drawn].mean()
    assert surprise.value.item() == pytest.approx(expected.item(), rel=1e-5)
    _, overlap = method.terms(logits_for(method), sample(LIVER))
    assert overlap.counted.tolist() == [[True, False, False]]


def test_marginal_lets_a_voxel_be_all_that_its_label_may_hide() -> None:
    method = METHODS["marginal"]
    truth = masks()
    for knowledge, where, allowed in (
        (LIVER_TUMORS, truth["vessels"], (1, 2)),
        (LIVER, truth["tumors"], (1, 2, 3)),
        (VESSELS_TUMORS, truth["liver"] & ~truth["vessels"] & ~truth["tumors"], (0, 1)),
        (VESSELS_TUMORS, truth["vessels"], (2,)),
    ):
        # Only these voxels are left to be known.
        batch = sample(knowledge, ignore=~where)
        logits = logits_for(method)
        surprise, _ = method.terms(logits, batch)
        chance = logits.softmax(1)[0][list(allowed)].sum(0)
        assert surprise.value.item() == pytest.approx(-chance[where].log().mean().item(), rel=1e-4)


def test_marginal_takes_a_tumour_around_a_vessel_for_tumour() -> None:
    batch = sample(COMPLETE)
    both = batch.target.clone()
    both[0, 1] |= both[0, 2]
    method = METHODS["marginal"]
    found, expected = (
        combine(method.terms(logits_for(method), replace(batch, target=target)))
        for target in (both, batch.target)
    )
    assert found.item() == pytest.approx(expected.item())


def test_full_refuses_partial_labels() -> None:
    with pytest.raises(InputError, match="complete labels"):
        METHODS["full"].terms(logits_for(OURS), sample(LIVER_TUMORS))


def test_extra_terms_read_one_part_and_the_liver_it_lies_in() -> None:
    plain, vessels, tumors = (
        gradient(method, sample(COMPLETE))
        for method in (OURS, NestedMultilabel(vessel_cldice=0.5), NestedMultilabel(0.0, 0.5))
    )
    for extra, expected in ((vessels, [True, True, False]), (tumors, [True, False, True])):
        assert (plain != extra).flatten(1).any(dim=1).tolist() == expected
    method = NestedMultilabel(vessel_cldice=0.5)
    assert not method.terms(logits_for(method), sample(LIVER_TUMORS))[-1].counted.any()


@pytest.mark.parametrize("name", [name for name in METHODS if name != "full"])
def test_batch_split_over_processes_sums_to_the_whole(name: str) -> None:
    method = METHODS[name]
    samples = [sample(LIVER_TUMORS), sample(VESSELS_TUMORS), sample(LIVER)]
    scores = [logits_for(method, seed) for seed in range(3)]
    parts = [method.terms(*pair) for pair in zip(scores, samples, strict=True)]
    counts = sum(torch.cat([t.counted.sum(0) for t in terms]).float() for terms in parts)
    whole = Batch(
        *(
            torch.cat([getattr(batch, field) for batch in samples])
            for field in ("image", "target", "known", "annotation")
        )
    )
    expected = combine(method.terms(torch.cat(scores), whole))
    total = sum(combine(terms, lambda _: counts).item() for terms in parts)
    assert total == pytest.approx(expected.item(), rel=1e-5)


def test_masks_of_probabilities() -> None:
    # Voxels: background .4, liver .3, vessel .3 | liver .4, vessel .25, tumour .35 | tumour .6.
    exclusive = torch.tensor([[0.4, 0.3, 0.3, 0.0], [0.0, 0.4, 0.25, 0.35], [0.0, 0.2, 0.2, 0.6]])
    probabilities = class_logits(exclusive.log().T[None, :, None, None]).sigmoid()[0]
    assert torch.allclose(probabilities[0].flatten(), torch.tensor([0.6, 1.0, 1.0]))
    sigmoid = METHODS["ours"].masks(probabilities).flatten(1).tolist()
    assert sigmoid == [[True, True, True], [False] * 3, [False, False, True]]
    softmax = METHODS["marginal"].masks(probabilities).flatten(1).tolist()
    assert softmax == [[False, True, True], [False] * 3, [False, False, True]]


def test_unknown_method_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="masked-multiclass"):
        method_named("nnunet")
