"""Run a process for each framework, one after the other, within a limit of time."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from momo_cli.train.backends import BACKENDS

from .worker import Absent, Event, Over, Request, work

FRAMEWORKS = tuple(name for name in BACKENDS if name != "numpy")


def events_of(request: Request, limit: float) -> Iterator[Event]:
    """
    What a process sends.

    Parameters
    ----------
    request : Request
    limit : float
        Seconds after which the process is stopped, whatever it does.
    """
    if missing := BACKENDS[request.framework].missing_packages():
        verb = "is" if len(missing) == 1 else "are"
        yield Absent(request.framework, "", "", f"{' and '.join(missing)} {verb} not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from _followed(request, limit, Path(folder, "log.txt"))


def _followed(request: Request, limit: float, log: Path) -> Iterator[Event]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, request, log), daemon=True)
    process.start()
    theirs.close()
    try:
        yield from _until(ours, time.monotonic() + limit)
        process.join()
        reason = f"status {process.exitcode}: {_last_line(log)}" if process.exitcode else ""
    except TimeoutError:
        reason = f"no time was left after {limit:.0f} s, see --minutes"
    finally:
        process.kill()
        process.join()
        ours.close()
    if reason:
        yield Absent(request.framework, "", "", reason)


def _last_line(log: Path) -> str:
    """What a process said last."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    return next((line for line in reversed(lines) if line.strip()), "without a word")


def _until(connection: Connection, end: float) -> Iterator[Event]:
    """Events until the other side is done; TimeoutError at the end of the time."""
    while connection.poll(max(0.0, end - time.monotonic())):
        try:
            yield connection.recv()
        except EOFError:
            return
    raise TimeoutError


def in_turn(request: Request, frameworks: Sequence[str], minutes: float) -> Iterator[Event]:
    """Events of all frameworks; each has an equal share of the time that is left when it begins."""
    end = time.monotonic() + 60 * minutes
    for index, framework in enumerate(frameworks):
        share = (end - time.monotonic()) / (len(frameworks) - index)
        yield from _completed(replace(request, framework=framework), share)


def _completed(request: Request, limit: float) -> Iterator[Event]:
    """Events of a framework; where its process ended early, also what it left out."""
    left = [(rule, label) for rule in request.rules for label in request.sets]
    begun = False
    for event in events_of(request, limit):
        if isinstance(event, Absent) and not event.label and begun:
            yield from (replace(event, rule=rule, label=label) for rule, label in left)
            return
        if isinstance(event, Over):
            begun = True
            left.remove((event.rule, event.label))
        yield event
