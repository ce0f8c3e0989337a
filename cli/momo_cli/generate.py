"""`momo generate`: write the files that follow from the specification."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from .refusals import refusals_shown


def generate(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a file is stale.")] = False,
) -> None:
    """Write the files that follow from the specification: rules of the core, adapters, their docs."""
    from momo_spec.generate import stale_files, write_files

    console = Console()
    with refusals_shown():
        paths = stale_files() if check else write_files()
    for path in paths:
        done = "stale" if check else "written" if path.exists() else "removed"
        console.print(f"{done}: {path.parent.name}/{path.name}")
    if not paths:
        console.print("all generated files are current")
    if check and paths:
        raise typer.Exit(1)
