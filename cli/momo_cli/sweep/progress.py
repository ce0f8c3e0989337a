"""What the user sees while a sweep runs: a bar and the best losses so far, or plain lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from momo_cli.sweep.optimizers import title_of
from momo_cli.sweep.runs import Record, Run


@contextmanager
def watching(
    console: Console, plan: Sequence[Run], finished: Sequence[Record]
) -> Iterator[Callable[[Record], None]]:
    """Yield a function that is told of each record."""
    board = _Board(plan)
    for record in finished:
        board.take_in(record)
    if not console.is_terminal:
        yield lambda record: _print_if_complete(console, board, record)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console)
    bar = progress.add_task("runs", total=len(plan), completed=len(finished))
    with Live(Group(board.table(), progress), console=console, transient=True) as live:

        def show(record: Record) -> None:
            board.take_in(record)
            progress.advance(bar)
            run = record.run
            progress.update(bar, description=f"{run.task} {title_of(run.optimizer)} {run.learning_rate:g}")
            live.update(Group(board.table(), progress))

        yield show


class _Board:
    """The best run of each optimizer on each task, so far."""

    def __init__(self, plan: Sequence[Run]) -> None:
        self.tasks = list(dict.fromkeys(run.task for run in plan))
        self.optimizers = list(dict.fromkeys(run.optimizer for run in plan))
        self.best: dict[tuple[str, str], Record] = {}
        self.left: dict[tuple[str, str], int] = {}
        for run in plan:
            self.left[_cell(run)] = self.left.get(_cell(run), 0) + 1

    def take_in(self, record: Record) -> None:
        cell = _cell(record.run)
        self.left[cell] -= 1
        if cell not in self.best or _rank(record) < _rank(self.best[cell]):
            self.best[cell] = record

    def table(self) -> Table:
        """Return the best losses and their rates; what is unfinished is dim."""
        shown = Table("best of a run", *self.tasks, box=SIMPLE_HEAD)
        for optimizer in self.optimizers:
            shown.add_row(title_of(optimizer), *(self._entry((task, optimizer)) for task in self.tasks))
        return shown

    def _entry(self, cell: tuple[str, str]) -> str:
        if cell not in self.best:
            return ""
        return summary(self.best[cell]) if not self.left[cell] else f"[dim]{summary(self.best[cell])}[/]"


def summary(record: Record) -> str:
    """Return the loss and the rate of a run."""
    if record.diverged:
        return "diverged"
    return f"{record.loss:.3g} at {record.run.learning_rate:g}"


def _print_if_complete(console: Console, board: _Board, record: Record) -> None:
    board.take_in(record)
    cell = _cell(record.run)
    if not board.left[cell]:
        task, optimizer = cell
        console.print(f"{task}, {title_of(optimizer)}: best {summary(board.best[cell])}", highlight=False)


def _cell(run: Run) -> tuple[str, str]:
    return run.task, run.optimizer


def _rank(record: Record) -> float:
    return math.inf if record.diverged else record.loss
