"""A card is somebody's text: sizes that would fill a machine are refused before it is obeyed."""

from __future__ import annotations

import json
import math

import pytest

from lvt_track.segment.cards import parse_card
from lvt_track.segment.models import CARD, EMBEDDED

TEXT = (EMBEDDED / "default" / CARD).read_text(encoding="utf-8")


@pytest.mark.parametrize("part", ["locator", "segmenter"])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("spacing_mm", [1e-9, 1, 1], "spacing_mm must be"),
        ("spacing_mm", [math.nan, 1, 1], "spacing_mm must be"),
        ("spacing_mm", [math.inf, 1, 1], "spacing_mm must be"),
        ("spacing_mm", ["1", 1, 1], "not a model card"),
        ("spacing_mm", 3, "not a model card"),
        ("patch", [1600, 1600, 1600], "patch must be"),
        ("patch", [64.0, 64.0, 64.0], "patch must be"),
        ("patch", [10**30] * 3, "patch must be"),
        ("window_hu", [-math.inf, math.inf], "window_hu must"),
        ("window_hu", [math.nan, 3], "window_hu must"),
        ("network", {"channels": [10**9, 10**9], "blocks": [1]}, "channels must be"),
        ("network", {"channels": [8] * 40, "blocks": [1] * 39}, "channels needs"),
        ("network", {"channels": [8, 16], "blocks": [10**6]}, "blocks needs"),
        ("network", {"channels": [8, math.inf], "blocks": [1]}, "not a model card"),
        ("network", [], "not a model card"),
        ("file", "../../weights.safetensors", "plain name"),
    ],
)
def test_absurd_sizes_of_a_card_are_refused(
    part: str, name: str, value: object, message: str
) -> None:
    facts = json.loads(TEXT)
    facts[part][name] = value
    with pytest.raises(ValueError, match=message):
        parse_card(json.dumps(facts))
