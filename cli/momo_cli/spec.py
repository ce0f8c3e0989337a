"""`momo spec`: list, show and check the optimizers of the specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from momo_spec import OptimizerSpec, load_spec, spec_names
from momo_spec.load import FRAMEWORKS, PHASES, Hyper

from .refusals import refusals_shown

app = typer.Typer(help="List, show and check the optimizers of the specification.", no_args_is_help=True)


@app.command("list")
def list_specs() -> None:
    """List the optimizers."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("name, in JAX too", no_wrap=True)
    table.add_column("PyTorch, Keras", no_wrap=True)
    table.add_column("summary")
    for name in spec_names():
        spec = load_spec(name)
        table.add_row(name, spec.frameworks["torch"].entry, spec.summary)
    Console().print(table)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of an optimizer, see `momo spec list`.")]) -> None:
    """Show hyper-parameters, state and equations of an optimizer."""
    with refusals_shown():
        spec = load_spec(name)
    console = Console()
    console.print(f"[bold]{spec.title}[/bold]: {spec.summary}\n{spec.source}\n", highlight=False)
    for heading, entries in (("hyper-parameters", _hyper(spec)), ("state", _state(spec))):
        console.print(f"[bold]{heading}[/bold]")
        for head, meaning in entries:
            console.print(Padding(escape(head), (0, 0, 0, 2)), Padding(escape(meaning), (0, 0, 0, 6)))
    for phase in PHASES:
        if spec.equations[phase]:
            console.print(f"\n[bold]{phase}[/bold]")
            for equation in spec.equations[phase]:
                console.print(f"  {equation.text}", highlight=False, markup=False)
    console.print("\n[bold]special cases[/bold]")
    for case in spec.special_cases:
        console.print(f"  {case['case']}: {case['result']}", highlight=False, markup=False)


@app.command()
def vectors() -> None:
    """Write the golden vectors that are missing or stale; takes minutes."""
    from momo_spec.vectors import write_vectors

    console = Console()
    with refusals_shown(), console.status("evaluating the specification"):
        paths = write_vectors()
    for path in paths:
        console.print(f"written: {path.parent.name}/{path.name}")
    if not paths:
        console.print("all vectors are current")


@app.command()
def check() -> None:
    """Check the files of all optimizers, and the golden vectors; exit 1 on a problem."""
    from momo_spec.check import check_spec
    from momo_spec.lint import lint_vectors

    console = Console()
    problems = [f"{name}: {problem}" for name in spec_names() for problem in check_spec(name)]
    problems += [f"vectors: {problem}" for problem in lint_vectors()]
    for problem in problems:
        console.print(f"[red]{escape(problem)}[/red]")
    if problems:
        raise typer.Exit(1)
    console.print(f"{len(spec_names())} optimizers and their vectors are consistent")


def _hyper(spec: OptimizerSpec) -> Iterator[tuple[str, str]]:
    """Yield a line and the meaning for each hyper-parameter."""
    for hyper in spec.hyper.values():
        names = {framework: _argument(spec, framework, hyper) for framework in FRAMEWORKS}
        others = [f"{name} in {framework}" for framework, name in names.items() if name != hyper.name]
        yield "; ".join([f"{hyper.name} = {hyper.default}", hyper.description, *others]), hyper.doc


def _argument(spec: OptimizerSpec, framework: str, hyper: Hyper) -> str:
    """Return how a framework calls a hyper-parameter: by its name, or as a part of a pair."""
    for pair, members in spec.frameworks[framework].pairs.items():
        if hyper.name in members:
            return f"{pair}[{members.index(hyper.name)}]"
    return hyper.name_in(framework)


def _state(spec: OptimizerSpec) -> Iterator[tuple[str, str]]:
    """Yield a line and the meaning for each part of the state."""
    kept = {"parameter": spec.leaf_state, "tensor": spec.tensor_state, "optimizer": spec.scalar_state}
    for scope, states in kept.items():
        for state in states.values():
            yield f"{state.name}: per {scope}; starts at {state.init} [{state.unit}]", state.doc
