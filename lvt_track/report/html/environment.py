"""Templates of every page for a browser: all text escaped, nothing undefined let through."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from lvt_track.report.html.charts import chart_writer

__all__ = ["page_environment"]


def page_environment() -> Environment:
    """The environment that pages are written with; the filter `chart` draws a figure into them."""
    environment = Environment(
        loader=PackageLoader("lvt_track.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["chart"] = chart_writer()
    return environment
