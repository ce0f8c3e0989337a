"""What the user sees while the workers run: bars in a terminal, a line each elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column


class Display(Protocol):
    """Something that is told how the workers get on."""

    def advanced(self, name: str, steps: int, numbers: Mapping[str, float]) -> None:
        """Take in that a worker did `steps` more steps, and what the last one reported."""

    def finished(self, name: str, status: str, message: str) -> None:
        """Take in that a worker ended."""


@contextmanager
def display(console: Console, totals: Mapping[str, int]) -> Iterator[Display]:
    """Show the workers' progress; `totals` has the number of steps of each."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description:17}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("[dim]{task.fields[note]}", table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress, totals)


class _Bars:
    """One live bar a worker, with its loss and step size."""

    def __init__(self, progress: Progress, totals: Mapping[str, int]) -> None:
        self._progress = progress
        self._bars = {
            name: progress.add_task(name, total=total, note="waiting") for name, total in totals.items()
        }

    def advanced(self, name: str, steps: int, numbers: Mapping[str, float]) -> None:
        self._progress.advance(self._bars[name], steps)
        shown = (("loss", ".4f"), ("step_size", ".2e"))
        notes = [f"{key.replace('_', ' ')} {numbers[key]:{form}}" for key, form in shown if key in numbers]
        if notes:
            self._progress.update(self._bars[name], note="   ".join(notes))

    def finished(self, name: str, status: str, message: str) -> None:
        if status != "ran":
            self._progress.update(self._bars[name], note=escape(f"{status}: {message}"))


class _Lines:
    """One plain line for each worker that ended."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def advanced(self, name: str, steps: int, numbers: Mapping[str, float]) -> None:
        pass

    def finished(self, name: str, status: str, message: str) -> None:
        self._console.print(f"{name}: {status}" + (f": {message}" if message else ""), markup=False)
