"""
What every cell was found to do: the ledger.

``make ledger`` runs everything and writes ``ledger.json``; the tests run a part of it, and fail where cells
and ledger differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from conformance_tests.cell_subject import CellSubject
from conformance_tests.cells import DEVICES, Cell, all_cells
from conformance_tests.exact_stream import stream
from momo_cli.conform.judge import Verdict, all_vectors, judge
from momo_spec import spec_names
from momo_spec.vector_file import (
    InvalidVector,
    Vector,
    VectorFile,
    closed_loop_root,
    load_closed_loops,
    load_one_steps,
    load_vectors,
    one_step_root,
    vectors_root,
)

FILE = Path(__file__).with_suffix(".json")
EXACT_STEPS = 10_000
COMPILED = {"tf_function": 5, "jit": 20, "fused jit": 20, "scan": 20, "xla": 20, "compile": 40}
"""Modes that compile each optimizer with its hyper-parameters, and get one in so many vectors."""

TURN, LONG_TURN = 20, 150
"""Exact trajectories of an optimizer in a row."""


@dataclass(frozen=True)
class Place:
    """A cell in a mode with a dtype on a device."""

    cell: str
    mode: str
    dtype: str
    device: str

    @property
    def name(self) -> str:
        return f"{self.cell}|{self.mode}|{self.dtype}|{self.device}"


@dataclass
class Entry:
    """
    What became of a place.

    Attributes
    ----------
    counts : dict
        Number of vectors by tier and status.
    unsupported : dict
        Number of vectors by reason.
    exact_steps, differing : int
        Steps of exact trajectories beyond the vectors, and how many of these differ in a bit.
    bound_used : float
        Largest error of a vector of T1, T2 or T3 in units of its bound.
    """

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    unsupported: dict[str, int] = field(default_factory=dict)
    exact_steps: int = 0
    differing: int = 0
    bound_used: float = 0.0

    def add(self, verdicts: list[Verdict]) -> None:
        """Count what became of vectors."""
        for verdict in verdicts:
            tier = self.counts.setdefault(verdict.tier, {})
            tier[verdict.status] = tier.get(verdict.status, 0) + 1
            self.bound_used = max(self.bound_used, verdict.bound_used)
            if verdict.status == "unsupported":
                self.unsupported[verdict.reason] = self.unsupported.get(verdict.reason, 0) + 1


def places(cell: Cell) -> list[Place]:
    """Everything that a cell offers, on each kind of device, be there one or not."""
    return [
        Place(cell.name, mode, dtype, device)
        for mode, dtypes in cell.modes.items()
        for dtype in dtypes
        for device in DEVICES
        if device == "cpu" or not cell.is_core
    ]


def obstacle(cell: Cell, place: Place) -> str:
    """Why a place cannot be run here; empty if it can."""
    return "" if place.device in cell.call("devices") else f"no {place.device} device"


def enter(cell: Cell, place: Place) -> Entry:
    """Run everything at a place."""
    entry = Entry()
    for optimizer in spec_names():
        entry.add(judged(cell, place, as_file(every(optimizer, stride(place))), optimizer))
    for vector in exact_vectors(cell, place):
        verdict = judged(cell, place, VectorFile((vector,), ()), vector.algorithm)[0]
        entry.exact_steps += len(vector.steps)
        entry.differing += len(verdict.failures)
    entry.bound_used = float(f"{entry.bound_used:.2g}")
    return entry


def stride(place: Place) -> int:
    """One in so many vectors is for a place."""
    return COMPILED.get(place.mode, 1)


@cache
def every(optimizer: str, stride: int) -> list[Vector | InvalidVector]:
    """Every `stride`-th vector of each file of an optimizer."""
    files = (all_vectors(load_vectors(optimizer)), load_one_steps(optimizer), load_closed_loops(optimizer))
    return [vector for file in files for vector in file[::stride]]


def as_file(vectors: list[Vector | InvalidVector]) -> VectorFile:
    """Some vectors of an optimizer."""
    return VectorFile(
        tuple(vector for vector in vectors if isinstance(vector, Vector)),
        tuple(vector for vector in vectors if isinstance(vector, InvalidVector)),
    )


def judged(cell: Cell, place: Place, vectors: VectorFile, optimizer: str) -> list[Verdict]:
    """Verdicts on vectors at a place."""
    return judge(CellSubject(cell, optimizer, place.mode, place.device), vectors, [place.dtype])


def exact_vectors(cell: Cell, place: Place) -> Iterator[Vector]:
    """Exact trajectories of all optimizers in turn that the place can run, `EXACT_STEPS` steps or more."""
    few = place.mode in COMPILED
    # What is compiled for an optimizer is not kept for its next turn.
    turn = LONG_TURN if few else TURN
    left = EXACT_STEPS
    streams = [stream(optimizer, few_kinds=few) for optimizer in spec_names()]
    for one in cycle(streams):
        if left <= 0:
            return
        for vector in islice(one, turn):
            subject = CellSubject(cell, vector.algorithm, place.mode, place.device)
            if place.dtype in vector.dtypes and not subject.missing(vector.problem, vector.steps):
                left -= len(vector.steps)
                yield vector


def fingerprint() -> str:
    """Hash of the golden vectors."""
    folders = (vectors_root(), one_step_root(), closed_loop_root())
    manifests = [(folder / "manifest.json").read_bytes() for folder in folders]
    return sha256(b"".join(manifests)).hexdigest()


def read() -> dict[str, Any]:
    """The ledger as it was written: ``vectors`` (a hash), ``entries`` by place, ``not_run``."""
    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return document


def write(found: dict[str, Entry]) -> None:
    """Write entries into the ledger, which keeps what it has of other places and the same vectors."""
    old = read() if FILE.exists() else {"vectors": ""}
    kept = old["entries"] if old["vectors"] == fingerprint() else {}
    entries = {**kept, **{name: asdict(entry) for name, entry in found.items()}}
    offered = [place.name for cell in all_cells() for place in places(cell)]
    document = {
        "vectors": fingerprint(),
        "entries": {name: entries[name] for name in offered if name in entries},
        "not_run": [name for name in offered if name not in entries],
    }
    FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
