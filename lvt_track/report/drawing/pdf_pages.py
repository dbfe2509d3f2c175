"""PDF files of drawn pages, written whole or not at all."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_pdf import PdfPages

from lvt_track.io.files import write_whole

__all__ = ["pdf_pages"]


@contextlib.contextmanager
def pdf_pages(path: Path, metadata: Mapping[str, Any]) -> Iterator[Any]:
    """Pages of a PDF; the file is written when the block ends well.

    The pages are drawn in memory: on a full disk matplotlib ends in the middle of a packed stream,
    with an error that does not say so.

    Args:
        path: the file.
        metadata: what the file says of itself; no date unless `CreationDate` is one, so that the
            same pages give the same bytes.

    Raises:
        OutputError: when the file cannot be written.
    """
    drawn = io.BytesIO()
    with PdfPages(drawn, metadata={"CreationDate": None, **metadata}) as pages:
        yield pages
    with write_whole(path) as temporary:
        temporary.write_bytes(drawn.getvalue())
