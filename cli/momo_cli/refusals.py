"""How the commands show what the specification refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from momo_spec import SpecError


@contextmanager
def refusals_shown() -> Iterator[None]:
    """Show a `SpecError` as a message, and exit with 2."""
    try:
        yield
    except SpecError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
