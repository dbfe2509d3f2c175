"""How good masks are, against true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from lvt_track.api.arguments import PathOrText, existing_path, type_error
from lvt_track.core.volume import CLASSES, Masks
from lvt_track.errors import InputError
from lvt_track.evaluate.pooled import Score

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Scores", "evaluate"]


@dataclass(frozen=True)
class Scores(Sequence[Score]):
    """Scores of masks, case by case, then over all cases where there are several.

    Attributes:
        scores: themselves.
        remarks: what was not scored, and why.
    """

    scores: tuple[Score, ...]
    remarks: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Score: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Score]: ...

    def __getitem__(self, index: int | slice) -> Score | Sequence[Score]:
        return self.scores[index]

    def __len__(self) -> int:
        return len(self.scores)

    def to_frame(self) -> pd.DataFrame:
        """A table with the columns of `lvt evaluate`: one row per score."""
        import pandas as pd

        from lvt_track.pipeline.evaluate import SCORE_COLUMNS, Evaluation, score_rows

        rows = score_rows(Evaluation(self.scores, self.remarks, ()))
        frame = pd.DataFrame(rows, columns=list(SCORE_COLUMNS))
        numbers = ["value", "low", "high"]
        return frame.assign(**{name: pd.to_numeric(frame[name]) for name in numbers})


def evaluate(predicted: Masks | PathOrText, truth: Masks | PathOrText) -> Scores:
    """Score masks against the true ones.

    Dice, surface Dice at 2 mm and the 95th percentile of the Hausdorff distance of every class
    (Nikolov et al., J Med Internet Res 2021;23:e26151), clDice of vessels (Shit et al., CVPR 2021),
    and of tumours which lesions are found.

    Args:
        predicted, truth: both `Masks` of one grid; or both a mask file, a folder with masks named
            by class, or a folder of such folders, one per case.

    Returns:
        One `Score` per class and measure; shares 0 to 1, distances in mm.

    Raises:
        InputError: when nothing can be scored, or the grids differ.
        UsageError: when the two paths are not of one kind.
        TypeError: for anything else, or one of each.

    Example:
        >>> import lvt_track as lvt
        >>> scores = lvt.evaluate("patient/2024-01-15", "patient/2024-01-15")
        >>> scores[0].name, scores[0].measure, scores[0].value
        ('liver', 'dice', 1.0)
        >>> scores.to_frame().columns[:4].tolist()
        ['case', 'class', 'measure', 'lesions']
    """
    from lvt_track.evaluate.pooled import case_rows
    from lvt_track.evaluate.scores import score_class
    from lvt_track.pipeline.evaluate import evaluate_paths
    from lvt_track.pipeline.run.progress import Silent

    if isinstance(predicted, Masks) != isinstance(truth, Masks):
        other = truth if isinstance(predicted, Masks) else predicted
        raise type_error("predicted and truth", "both Masks or both paths", other)
    if not isinstance(predicted, Masks) or not isinstance(truth, Masks):
        paths = existing_path(predicted, "predicted"), existing_path(truth, "truth")
        result = evaluate_paths(*paths, Silent())
        return Scores(result.scores, (*result.remarks, *result.failures))
    if not predicted.geometry.is_close(truth.geometry):
        raise InputError(
            f"predicted lie on a grid of {predicted.geometry.shape} voxels, the true ones on "
            f"{truth.geometry.shape}, or at another place",
            remedy="Resample one to the other",
        )
    return Scores(
        tuple(
            score
            for name in CLASSES
            for score in case_rows(
                "scan",
                name,
                score_class(name, getattr(predicted, name), getattr(truth, name), truth.geometry),
            )
        )
    )
