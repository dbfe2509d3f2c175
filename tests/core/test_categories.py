from __future__ import annotations

import copy
import pickle

import pytest

from lvt_track.core.response.categories import Category, Standing


def test_a_word_is_one_category() -> None:
    assert Category("PR", Standing.PARTIAL) is Category.PR is Category.of("PR")
    assert pickle.loads(pickle.dumps(Category.PD)) is Category.PD
    assert copy.deepcopy(Category.PD) is Category.PD
    assert type(str(Category.CR)) is str
    with pytest.raises(ValueError, match="'PR' is a category already, partial response"):
        Category("PR", Standing.COMPLETE)
    with pytest.raises(ValueError, match="no category is called 'XX'"):
        Category.of("XX")


def test_siblings_are_of_one_family() -> None:
    mine = Category("test PR", Standing.PARTIAL, "a test")
    assert Category.CR.sibling(Standing.NEITHER) is Category.NON_CR_NON_PD
    with pytest.raises(ValueError, match="no category beside 'test PR' is stable disease"):
        mine.sibling(Standing.STABLE)
