"""`momo bench`: time the steps of optimizers side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from momo_spec import spec_names

from .cases import PARAMETER_SETS, Shapes, words_of
from .first_step import first_step
from .picture import draw
from .processes import FRAMEWORKS, in_turn
from .report import Report, tables
from .scaling import free_memory, scaling_sets
from .worker import Absent, Event, Facts, Found, Over, Request

RULES = "momo,momo_adam,am_sgd,am_adamw"
WIDTH = 100
"""Columns, where there is no terminal that knows better."""
SCALING_FRAMEWORKS = "torch,jax"


def bench(
    frameworks: Annotated[
        str, typer.Option(help=f"By comma, of {', '.join(FRAMEWORKS)}; all by default.")
    ] = "",
    rules: Annotated[str, typer.Option(help="Rules of ours, by comma, or all.")] = RULES,
    shapes: Annotated[
        str, typer.Option(help="Own parameter set, shapes such as 512x512*50,1000; or the name of one.")
    ] = "",
    rounds: Annotated[int, typer.Option(min=2, help="Rounds; each times every optimizer once.")] = 5,
    minutes: Annotated[float, typer.Option(min=0, help="After so long the rest is not run.")] = 5.0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    scaling: Annotated[
        bool, typer.Option("--scaling", help="Time against the number of parameters instead.")
    ] = False,
    first_steps: Annotated[bool, typer.Option(help="Time the first step of kernels, too.")] = True,
    out: Annotated[Path | None, typer.Option(help="Folder for bench.json and bench.png.")] = None,
) -> None:
    """Time the steps of optimizers side by side: ours, their peers', and each framework's own."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    names = chosen(rules, spec_names(), "rule")
    where = chosen(frameworks or (SCALING_FRAMEWORKS if scaling else ""), FRAMEWORKS, "framework")
    sets = sets_of(shapes)
    absent: dict[str, str] = {}
    if scaling:
        sets, absent = scaling_sets(free_memory())
    report = Report(device, rounds, sets, scaling)
    report.absent += [Absent("all", "", label, reason) for label, reason in absent.items()]
    request = Request("", sets, ("", *names), rounds, device, brief=scaling)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("steps", total=len(where) * len(sets) * len(request.rules))
        for event in in_turn(request, where, minutes):
            take_in(report, event)
            progress.update(task, advance=isinstance(event, Over), description=described(event))
        if first_steps and not scaling and "torch" in where and device == "cpu":
            take_first_steps(report, names, progress)
    for table in tables(report):
        console.print(table)
    if out is not None:
        write(report, out)
        console.print(f"written: {out}/bench.json and bench.png")


def chosen(text: str, known: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """
    Names from a list by comma; all if there are none.

    >>> chosen("b", ("a", "b"), "letter")
    ('b',)
    """
    names = tuple(name for name in text.split(",") if name not in ("", "all"))
    if unknown := [name for name in names if name not in known]:
        raise typer.BadParameter(f"no {kind} {', '.join(unknown)}; there are {', '.join(known)}")
    return names or known


def sets_of(text: str) -> dict[str, Shapes]:
    """All parameter sets, the one of that name, or one of own shapes."""
    if not text:
        return PARAMETER_SETS
    known = text in PARAMETER_SETS
    return {text: PARAMETER_SETS[text]} if known else {"own shapes": parse_shapes(text)}


def parse_shapes(text: str) -> Shapes:
    """
    Shapes of a parameter set.

    >>> parse_shapes("2x3*2,5")
    ((2, 3), (2, 3), (5,))
    """
    shapes: Shapes = ()
    for part in text.split(","):
        shape, _, times = part.partition("*")
        try:
            shapes += (tuple(int(size) for size in shape.split("x")),) * int(times or 1)
        except ValueError as error:
            raise typer.BadParameter(f"no shape: {part!r}") from error
    return shapes


def take_in(report: Report, event: Event) -> None:
    """Keep what a process found."""
    match event:
        case Found():
            report.found.append(event)
        case Absent():
            report.absent.append(event)
        case Facts():
            report.facts.append(event)


def described(event: Event) -> str | None:
    """What the progress bar says from now on; None for what it said before."""
    match event:
        case Facts():
            return event.framework
        case Found():
            return f"{event.process}, {event.label}"
    return None


def take_first_steps(report: Report, rules: tuple[str, ...], progress: Progress) -> None:
    """Measure the first step of each rule that has kernels."""
    for rule in progress.track(rules, description="first steps"):
        try:
            if words_of(rule) is not None:
                report.first_steps.append(first_step(rule))
        except RuntimeError as error:
            report.absent.append(Absent("torch", rule, "first step", str(error)))


def write(report: Report, folder: Path) -> None:
    """Write the figures and a picture of them."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.as_json(), indent=1, ensure_ascii=False)
    (folder / "bench.json").write_text(f"{text}\n", encoding="utf-8")
    draw(report, folder / "bench.png")
