"""`lvt models`: the models at hand."""

from __future__ import annotations

from typing import Annotated

import typer

from lvt_track.cli.console import guarded, print_json
from lvt_track.cli.options import JsonOption

__all__ = ["models"]

models = typer.Typer(help="Show the models at hand.", no_args_is_help=True)


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
        print(f"{card.name:<12} {card.version:<8} {card.training_data}")


@models.command("info")
@guarded
def show_info(name: Annotated[str, typer.Argument(help="Name of the model.")] = "default") -> None:
    """Print a model's card: what it learned from, how it scores, what it may be used for."""
    from lvt_track.segment.models import load_model

    for part in load_model(name).parts:
        print(part.card.to_json(), end="")
