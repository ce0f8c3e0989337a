"""The command `momo` and its subcommands."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from .bench.command import bench
from .conform.command import conform
from .generate import generate
from .spec import app as spec_app
from .sweep.command import sweep
from .train.command import train

app = typer.Typer(
    name="momo",
    help="The model-based optimizers: train, compare, check one of yours, look into their specification.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
DISTRIBUTION = "momo-spec"


def show_version(wanted: bool) -> None:
    """Print the version of the distribution and stop."""
    if wanted:
        typer.echo(f"momo {metadata.version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and stop."),
    ] = False,
) -> None:
    """The options of the command itself."""


app.command("train")(train)
app.command("sweep")(sweep)
app.command("conform")(conform)
app.add_typer(spec_app, name="spec")
app.command("generate")(generate)
app.command("bench")(bench)

if __name__ == "__main__":
    app()
