"""Every cell in every mode and dtype: the golden vectors, and the ledger of what was found."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

from conformance_tests import ledger
from conformance_tests.cell_subject import CellSubject
from conformance_tests.cells import CORE, QUICK, Cell, all_cells
from conformance_tests.exact_stream import drawn
from conformance_tests.ledger import Place
from conformance_tests.profiles import PROFILE, only_nightly
from momo_cli.conform.judge import PLAIN_START, Verdict, all_vectors, judge
from momo_spec import spec_names
from momo_spec.problem import Problem
from momo_spec.vector_file import (
    InvalidVector,
    Vector,
    VectorFile,
    load_closed_loops,
    load_one_steps,
    load_vectors,
)

STRIDES = {"numpy": 1, "eager": 48, "fused": 48, "tensor by tensor": 48, "compile": 1200}
"""Every so manieth vector runs in the cell, or else in the mode.

The ledger has more of them, and test_exact_vectors those on which every mode must agree to the bit.
"""

COMPILED = 600
"""The stride of modes that compile each optimizer with its hyper-parameters."""

TRAINED = {
    ("am_adamw", "mini-batches that no layer fits"),
    ("momo", "two layers, estimator"),
    ("momo_adam", "two layers, estimator"),
    ("schedule_free_sps", "two layers"),
}
"""Closed loops of every model: several layers, samples in parts, gradients that need the loss and do not."""

SPARSELY = 1 if PROFILE == "nightly" else 3
"""Factor of the strides of cells that are not quick."""

BY_NIGHT = pytest.param(True, marks=only_nightly)
"""Modes that compile each rule: by day they have exact vectors, closed loops and random trajectories."""

DTYPES = ("float64", "float32", "float16", "bfloat16")


@pytest.fixture(params=DTYPES)
def dtype(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@cache
def everything() -> tuple[tuple[str, Vector | InvalidVector], ...]:
    return tuple((name, vector) for name in spec_names() for vector in all_vectors(load_vectors(name)))


def sparsely(cell: Cell) -> int:
    """Factor of the strides of a cell."""
    return 1 if cell.name in QUICK else SPARSELY


def part(cell: Cell, mode: str, dtype: str) -> dict[str, VectorFile]:
    """Vectors of each optimizer; other ones for each dtype."""
    stride = STRIDES.get(cell.name, STRIDES.get(mode, COMPILED)) * sparsely(cell)
    offset = DTYPES.index(dtype) * (stride // 4)
    chosen: dict[str, list[Any]] = {}
    for name, vector in everything()[offset::stride]:
        chosen.setdefault(name, []).append(vector)
    return {name: ledger.as_file(vectors) for name, vectors in chosen.items()}


def modes_of(cell: Cell, dtype: str, *, compiled: bool) -> list[str]:
    """Modes with a dtype that compile each rule, or those that do not."""
    kind = [mode for mode in cell.modes if (mode in ledger.COMPILED) == compiled]
    found = [mode for mode in kind if dtype in cell.modes[mode]]
    if not found:
        what = dtype if kind else "mode that compiles each rule"
        pytest.skip(f"not run: {cell.name} has no {what}")
    return found


@pytest.mark.parametrize("compiled", [False, BY_NIGHT])
def test_vectors(cell: Cell, device: str, dtype: str, compiled: bool, record_property: Any) -> None:
    """Every mode passes the vectors that it takes."""
    ran = 0
    for mode in modes_of(cell, dtype, compiled=compiled):
        for name, vectors in part(cell, mode, dtype).items():
            for verdict in judge(CellSubject(cell, name, mode, device), vectors, [dtype]):
                assert verdict.status in ("pass", "unsupported"), (mode, name, verdict)
                ran += verdict.status == "pass"
                used = f"error over bound, vectors, {cell.name}, {dtype}"
                record_property(used, verdict.bound_used)
    assert ran


@cache
def further(tier: str) -> tuple[Vector, ...]:
    """Vectors of the tiers with files of their own."""
    load = {"T1": load_one_steps, "T3": load_closed_loops}[tier]
    return tuple(vector for name in spec_names() for vector in load(name))


def chosen_steps(vectors: list[Vector], cell: Cell, mode: str, turn: int) -> list[Vector]:
    """A part of tier T1, another one for each dtype; the strides share no factor with the tests of a rule."""
    stride = len(vectors) // 3 if mode in ledger.COMPILED else 11 if sparsely(cell) == 1 else 23
    return vectors[turn * stride // len(DTYPES) :: stride]


def chosen_trainings(vectors: list[Vector], cell: Cell, mode: str, turn: int) -> list[Vector]:
    """A part of tier T3: by day, and where each rule is compiled, those that have the most in them."""
    if PROFILE == "nightly" and mode not in ledger.COMPILED:
        return vectors
    full = [vector for vector in vectors if (vector.algorithm, vector.comment) in TRAINED]
    if mode in ledger.COMPILED:
        return full[turn :: len(DTYPES)]
    return [*full, *vectors[turn::13]] if cell.name in QUICK else full[turn % 2 :: 2]


@pytest.mark.parametrize(
    ("tier", "compiled"),
    [("T1", False), pytest.param("T1", True, marks=only_nightly), ("T3", False), ("T3", True)],
)
def test_one_step_and_closed_loop(
    cell: Cell, device: str, dtype: str, tier: str, compiled: bool, record_property: Any
) -> None:
    """Every mode stays within the bounds; what is exact before the one step of T1 stays exact."""
    modes = modes_of(cell, dtype, compiled=compiled)
    applicable = [vector for vector in further(tier) if dtype in vector.dtypes]
    if not applicable:
        pytest.skip(f"not run: there are no bounds of {tier} for {dtype}")
    choose = {"T1": chosen_steps, "T3": chosen_trainings}[tier]
    ran = 0
    for mode in modes:
        few = choose(applicable, cell, mode, DTYPES.index(dtype))
        for vector in applicable if STRIDES.get(cell.name) == 1 else few:
            verdict = verdict_on(cell, vector, mode, device, dtype)
            assert verdict.status in ("pass", "unsupported"), (mode, vector.algorithm, verdict)
            ran += verdict.status == "pass"
            record_property(f"error over bound, {tier}, {cell.name}, {dtype}", verdict.bound_used)
    assert ran


@pytest.mark.xdist_group("keras")
def test_the_ledger_has_exactly_what_the_cells_offer() -> None:
    """A mode or dtype that comes or goes without a run of `make ledger` fails here."""
    written = ledger.read()
    offered = {place.name for cell in all_cells() for place in ledger.places(cell)}
    assert {*written["entries"], *written["not_run"]} == offered


def test_the_ledger_is_that_of_the_vectors() -> None:
    written = ledger.read()
    assert written["vectors"] == ledger.fingerprint()
    for name, entry in written["entries"].items():
        stride = ledger.stride(Place(*name.split("|")))
        count = sum(len(ledger.every(optimizer, stride)) for optimizer in spec_names())
        assert sum(sum(statuses.values()) for statuses in entry["counts"].values()) == count, name


def test_nothing_in_the_ledger_failed() -> None:
    for name, entry in ledger.read()["entries"].items():
        statuses = {status for counts in entry["counts"].values() for status in counts}
        assert statuses <= {"pass", "unsupported"}, name
        assert entry["differing"] == 0, name
        assert entry["exact_steps"] >= ledger.EXACT_STEPS, name
        assert entry["bound_used"] <= 1, name


def test_unsupported_vectors_are_those_of_the_ledger(cell: Cell) -> None:
    """What a cell has no place for follows from the vectors alone."""
    written = ledger.read()["entries"]
    for place in ledger.places(cell):
        if place.name not in written:
            continue
        reasons = Counter(
            reason_of(cell, place, name, vector)
            for name in spec_names()
            for vector in ledger.every(name, ledger.stride(place))
        )
        reasons.pop("", None)
        assert reasons == written[place.name]["unsupported"], place


def reason_of(cell: Cell, place: Place, name: str, vector: Vector | InvalidVector) -> str:
    subject = CellSubject(cell, name, place.mode)
    if isinstance(vector, Vector):
        if place.dtype not in vector.dtypes:
            return "no common dtype"
        return subject.missing(vector.problem, vector.steps)
    problem = Problem(vector.hyper, vector.x0 or PLAIN_START)
    return subject.missing(problem, () if vector.step is None else (vector.step,))


def test_new_exact_trajectories_are_exact_and_not_those_of_the_vectors() -> None:
    first, again, other = drawn("momo", 0, 1), drawn.__wrapped__("momo", 0, 1), drawn("momo", 0, 2)
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)
    numpy = Cell("numpy", CORE)
    for vector in (first, other):
        assert vector is not None
        assert verdict_on(numpy, vector).status == "pass"


def test_one_wrong_bit_of_an_expectation_is_noticed() -> None:
    vector = drawn("momo", 0, 1)
    assert vector is not None
    last = vector.expect[-1]
    last.params[0].flat[0] += 2.0**-40
    try:
        assert verdict_on(Cell("numpy", CORE), vector).status == "fail"
    finally:
        last.params[0].flat[0] -= 2.0**-40


def verdict_on(
    cell: Cell, vector: Vector, mode: str = "eager", device: str = "cpu", dtype: str = "float64"
) -> Verdict:
    subject = CellSubject(cell, vector.algorithm, mode, device)
    return judge(subject, VectorFile((vector,), ()), [dtype])[0]
