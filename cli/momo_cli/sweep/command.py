"""The command ``momo sweep``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer
from rich.console import Console

from momo_cli.sweep.execute import execute
from momo_cli.sweep.journal import Journal
from momo_cli.sweep.optimizers import DEFAULTS, PEERS, parse, title_of
from momo_cli.sweep.progress import watching
from momo_cli.sweep.report import as_json, as_markdown, remark, tables
from momo_cli.sweep.runs import Record, Run, learning_rates, plan
from momo_cli.sweep.tasks import TASKS
from momo_cli.sweep.window import curves
from momo_cli.train.backends import BACKENDS, UnavailableError
from momo_cli.train.command import make_folder

TRAINERS = [name for name in BACKENDS if name != "numpy"]


def sweep(
    backend: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(TRAINERS)}.")] = "torch",
    task: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Repeat or separate by commas: {', '.join(TASKS)}. Default: all."),
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Repeat or separate by commas: one of the spec, as momo or momo:beta=0.5, or one of "
            f"{', '.join(PEERS)}. Default: {', '.join(DEFAULTS)}.",
        ),
    ] = None,
    lowest: Annotated[float, typer.Option(min=1e-30, max=1e30, help="Lowest learning rate.")] = 1e-4,
    highest: Annotated[float, typer.Option(min=1e-30, max=1e30, help="Highest learning rate.")] = 1e2,
    per_decade: Annotated[int, typer.Option(min=1, max=20, help="Rates in a factor of ten.")] = 2,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Seeds of initial weights and batches.")] = 3,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of a run. Default: the task's.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Examples a step. Default: the task's.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    ray: Annotated[
        bool, typer.Option("--ray", help="Run on a Ray cluster: that of RAY_ADDRESS, or this machine.")
    ] = False,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the results.")] = Path("momo-sweep"),
) -> None:
    """
    Sweep the learning rate: how wide is the window of good ones?

    Each finished run is a line of runs.jsonl; the same command goes on where
    it stopped, and a finer or wider grid runs only what is new.
    """
    console = Console()
    if backend not in TRAINERS:
        raise typer.BadParameter(f"no backend {backend!r}; there are {', '.join(TRAINERS)}")
    if missing := BACKENDS[backend].missing_packages():
        raise typer.BadParameter(f"{backend} is not run: not installed: {', '.join(missing)}")
    tasks = _chosen_tasks(task)
    names, skipped = _chosen_optimizers(optimizer, backend)
    rates = learning_rates(lowest, highest, per_decade)
    if not rates:
        raise typer.BadParameter(f"no learning rate from {lowest:g} to {highest:g}")
    make_folder(out)
    for name, reason in skipped.items():
        console.print(f"{title_of(name)} not run: {reason}", style="yellow", highlight=False)
    runs = list(plan(backend, tasks, names, rates, seeds, steps, batch_size))
    records = _train(console, runs, Journal(out / "runs.jsonl"), jobs=jobs, ray=ray)
    _present(console, records, skipped, out)


def _split(options: list[str] | None) -> list[str] | None:
    if options is None:
        return None
    return list(dict.fromkeys(name.strip() for option in options for name in option.split(",")))


def _chosen_tasks(options: list[str] | None) -> list[str]:
    names = _split(options) or list(TASKS)
    if unknown := [name for name in names if name not in TASKS]:
        raise typer.BadParameter(f"no task {unknown[0]!r}; there are {', '.join(TASKS)}")
    return names


def _chosen_optimizers(options: list[str] | None, backend: str) -> tuple[list[str], dict[str, str]]:
    """Return the optimizers to run, and why others of the default ones do not."""
    names = _split(options) or list(DEFAULTS)
    framework = backend.partition("-")[0]
    try:
        obstacles = {name: parse(name).obstacle(framework) for name in names}
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    skipped = {name: reason for name, reason in obstacles.items() if reason}
    if skipped and options is not None:
        name, reason = next(iter(skipped.items()))
        raise typer.BadParameter(f"{name} is not run: {reason}")
    return [name for name in names if name not in skipped], skipped


def _train(console: Console, runs: Sequence[Run], journal: Journal, *, jobs: int, ray: bool) -> list[Record]:
    """Do the runs that are not in the journal; return the records of all."""
    found = journal.read(runs)
    records = dict(found.records)
    missing = [run for run in runs if run not in records]
    notes = {
        f"{len(records)} of {len(runs)} runs are finished already": len(records),
        f"{found.others} runs of other settings or data in {journal.path} are left alone": found.others,
        f"{found.broken} broken lines in {journal.path} do not count": found.broken,
    }
    for note, count in notes.items():
        if count:
            console.print(note, style="dim", highlight=False, markup=False)
    try:
        with watching(console, runs, list(records.values())) as show:
            for record in execute(missing, jobs=jobs, ray=ray):
                journal.append(record)
                records[record.run] = record
                show(record)
    except UnavailableError as error:
        console.print(f"not run: {error}", style="red", markup=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print(f"Stopped after {len(records)} of {len(runs)} runs; the same command goes on")
        raise typer.Exit(130) from None
    return [records[run] for run in runs]


def _present(console: Console, records: list[Record], skipped: dict[str, str], out: Path) -> None:
    """Print the table; write Markdown, JSON and the picture."""
    from momo_cli.sweep.picture import draw  # slow to import, needed at the end only

    found = curves(records)
    console.print(*tables(found))
    console.print(remark(), style="dim", highlight=False, markup=False)
    (out / "sweep.md").write_text(as_markdown(found), encoding="utf-8")
    (out / "sweep.json").write_text(as_json(found, records, skipped), encoding="utf-8")
    starts = {task: fmean(r.initial_loss for r in records if r.run.task == task) for task in found}
    draw(out / "sweep.png", found, starts)
    console.print(f"Wrote sweep.md, sweep.json and sweep.png to {out}", highlight=False, markup=False)
