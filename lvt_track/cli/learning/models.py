"""`lvt models`: the models at hand, and other people's brought in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lvt_track.cli.console import guarded, print_json
from lvt_track.cli.options import JsonOption

if TYPE_CHECKING:
    from lvt_track.segment.cards import AnyCard

__all__ = ["models"]

models = typer.Typer(help="Show, import and remove models.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the model.")]


@models.command("list")
@guarded
def show_list(json: JsonOption = False) -> None:
    """Show all models, a line each."""
    from lvt_track.segment.models import list_models

    cards = list_models()
    if json:
        print_json([{"name": c.name, "version": c.version, "sha256": c.sha256} for c in cards])
        return
    for card in cards:
        print(f"{card.name:<12} {', '.join(card.classes):<24} {card.training_data}")


@models.command("info")
@guarded
def show_info(name: NameArgument = "default", json: JsonOption = False) -> None:
    """Print a model's card: what it learned from, how it scores, what it may be used for.

    With --json all of it, as it stands in its file.
    """
    from lvt_track.segment.models import card_of

    card = card_of(name)
    if json:
        print(card.to_json(), end="")
        return
    print("\n".join(_card_lines(card)))


def _card_lines(card: AnyCard) -> list[str]:
    """What a reader wants of a card; how it was trained stays in its file."""
    facts = {
        "model": f"{card.name} {card.version}",
        "licence": card.licence,
        "use": card.intended_use,
        "draws": ", ".join(card.classes),
        "learned from": card.training_data,
        "sha256": card.sha256,
    }
    lines = [f"{title:<13} {text}" for title, text in facts.items()]
    scores = getattr(card, "scores", {})
    lines += ["", "scores"] if scores else []
    lines += [f"  {title}: {_words(value)}" for title, value in scores.items()]
    lines += ["", f"lvt models info {card.name} --json prints all of it."]
    return lines


def _words(value: object) -> str:
    """A score in one line; numbers with three digits."""
    if isinstance(value, Mapping):
        return ", ".join(f"{title} {_words(inner)}" for title, inner in value.items())
    if isinstance(value, list | tuple):
        return " ".join(_words(inner) for inner in value)
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


@models.command("import")
@guarded
def import_model(
    path: Annotated[Path, typer.Argument(help="Results folder of nnU-Net v2.")],
    name: Annotated[str, typer.Option(help="What to call the model.", show_default=False)],
    mapping: Annotated[
        str | None,
        typer.Option(
            help="What its labels mean: liver, liver_vessels or liver_lesions of "
            "TotalSegmentator, or a .toml file. Without it their names decide."
        ),
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Mirror every window too, as nnU-Net does: slower.")
    ] = False,
    orientation: Annotated[
        str | None,
        typer.Option(help="Axes that scans are turned to first: stored, LPS or RAS."),
    ] = None,
) -> None:
    """Bring in a model that nnU-Net v2 trained; nothing in it is run."""
    from lvt_track.segment.nnunet.importer import import_nnunet

    card = import_nnunet(path, name, mapping, mirror, orientation)
    print(f"{card.name}: draws {', '.join(card.classes)}; {len(card.files)} fold(s)")


@models.command("remove")
@guarded
def remove(name: NameArgument) -> None:
    """Delete an imported model."""
    from lvt_track.segment.models import remove_model

    print(f"removed {remove_model(name)}")
