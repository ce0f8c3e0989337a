"""Run the workers, two at a time, and collect what they send."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from momo_cli.train.backends import Backend
from momo_cli.train.config import Config
from momo_cli.train.progress import Display

SIDE_BY_SIDE = 2


@dataclass
class Outcome:
    """
    What became of one worker.

    `series` has a list for each number that the steps reported; the trajectory is in `folder`.
    """

    backend: Backend
    folder: Path
    status: Literal["ran", "not run", "failed"] = "failed"
    message: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    series: dict[str, list[float]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Where the worker's standard error goes."""
        return self.folder / "log.txt"


def run_workers(
    backends: list[Backend], config: Config, folder: Path, display: Display
) -> dict[str, Outcome]:
    """Run each backend on the task in `folder` in a process of its own."""

    async def run_all() -> list[Outcome]:
        turn = asyncio.Semaphore(SIDE_BY_SIDE)
        runs = [_run(backend, config, folder, display, turn) for backend in backends]
        return await asyncio.gather(*runs)

    return {outcome.backend.name: outcome for outcome in asyncio.run(run_all())}


async def _run(
    backend: Backend, config: Config, folder: Path, display: Display, turn: asyncio.Semaphore
) -> Outcome:
    outcome = Outcome(backend, folder / backend.name)
    if missing := backend.missing_packages():
        outcome.status, outcome.message = "not run", f"not installed: {', '.join(missing)}"
    else:
        outcome.folder.mkdir()
        async with turn:
            await _follow(outcome, config, folder, display)
    display.finished(backend.name, outcome.status, outcome.message)
    return outcome


async def _follow(outcome: Outcome, config: Config, folder: Path, display: Display) -> None:
    """Start the worker and take in its events until it ends."""
    name = outcome.backend.name
    command = [sys.executable, "-m", "momo_cli.train.worker", name, str(folder), str(outcome.folder)]
    environment = os.environ | outcome.backend.environment(dtype=config.dtype, device=config.device)
    environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    with outcome.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=log
        )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            _take_in(outcome, json.loads(line), display)
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if outcome.status == "failed" and not outcome.message:
        outcome.message = f"its process ended with status {status}"


def _take_in(outcome: Outcome, event: dict[str, Any], display: Display) -> None:
    match event.pop("event"):
        case "step":
            for name, value in event.items():
                outcome.series.setdefault(name, []).append(value)
            display.advanced(outcome.backend.name, 1, event)
        case "advance":
            display.advanced(outcome.backend.name, event["steps"], {})
        case "done":
            outcome.status, outcome.versions = "ran", event["versions"]
        case "unavailable":
            outcome.status, outcome.message = "not run", event["message"]
        case "failed":
            outcome.message = event["message"]
