"""The method of each stage: what decides whether results of an earlier run may be kept.

A method changes whenever its stage gives other results for the same input: a rule, a threshold,
an order. Then that stage and those after it are run anew, also within one release. Weights of
models have digests of their own. `tests/test_methods.py` fails when results change and no method
did; it says how to record the new ones.
"""

from __future__ import annotations

__all__ = ["MASK_STAGES", "METHODS"]

METHODS: dict[str, int] = {
    "read": 3,
    "phase": 1,
    "segment": 3,
    "lesions": 9,
    "register": 2,
    "match": 9,
    "look back": 4,
    "respond": 8,
    "plan": 8,
    "report": 6,
}
"""The stages in the order in which they run, each with the number of its method."""

MASK_STAGES = ("read", "segment")
"""The stages that masks come from; what follows is quick, and always made anew."""
