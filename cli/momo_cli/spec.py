"""`momo spec`: list, show and check the optimizers of the specification."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from momo_spec import OptimizerSpec, load_spec, spec_names
from momo_spec.load import FRAMEWORKS, PHASES

from .refusals import refusals_shown

app = typer.Typer(help="List, show and check the optimizers of the specification.", no_args_is_help=True)


@app.command("list")
def list_specs() -> None:
    """List the optimizers."""
    table = Table("name", "title", "step size", *FRAMEWORKS, "summary")
    for name in spec_names():
        spec = load_spec(name)
        entries = [spec.frameworks[framework].entry for framework in FRAMEWORKS]
        table.add_row(name, spec.title, spec.model, *entries, spec.summary)
    Console().print(table)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of an optimizer, see `momo spec list`.")]) -> None:
    """Show hyper-parameters, state and equations of an optimizer."""
    with refusals_shown():
        spec = load_spec(name)
    console = Console()
    console.print(f"[bold]{spec.title}[/bold]: {spec.summary}\n{spec.source}\n", highlight=False)
    console.print(_hyper_table(spec), _state_table(spec))
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


def _hyper_table(spec: OptimizerSpec) -> Table:
    table = Table("hyper-parameter", *FRAMEWORKS, "default", "domain", "unit", "meaning")
    for hyper in spec.hyper.values():
        names = [hyper.name_in(framework) for framework in FRAMEWORKS]
        table.add_row(hyper.name, *names, str(hyper.default), escape(hyper.domain), hyper.unit, hyper.doc)
    return table


def _state_table(spec: OptimizerSpec) -> Table:
    table = Table("state", "per", "starts at", "unit", "meaning")
    kept = {"parameter": spec.leaf_state, "tensor": spec.tensor_state, "optimizer": spec.scalar_state}
    for scope, states in kept.items():
        for state in states.values():
            table.add_row(state.name, scope, str(state.init), state.unit, state.doc)
    return table
