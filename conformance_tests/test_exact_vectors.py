"""
The first tier: exact golden vectors in every cell, on which any difference is a wrong formula.

Rounding errors have no part in it, so a dtype in turn is enough, and it takes a minute (`make test-t0`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest

from conformance_tests import ledger
from conformance_tests.cell_subject import CellSubject
from conformance_tests.cells import QUICK, Cell
from momo_cli.conform.judge import judge
from momo_spec import spec_names
from momo_spec.problem import Step
from momo_spec.vector_file import Vector

pytestmark = pytest.mark.t0

STRIDE = 8
"""Of cells that are not quick: every so manieth vector of a rule, where others take all of them."""

RULES = {
    "tf_function": slice(1, None, 2),
    "jit": slice(1, None, 2),
    "scan": slice(2, None, 3),
    "xla": slice(2, None, 3),
    "fused": slice(0, 15, 5),
    "fused jit": slice(5, None, 7),
    "compile": slice(1),
}
"""Modes that compile a rule, and their rules.

Compiling takes a second or more, twenty in PyTorch, which gets Adam alone: it once wrote its state wrong.
"""


def test_exact_vectors(cell: Cell, device: str) -> None:
    """Rules pass exact vectors to the bit in every mode, all of them where they are not compiled."""
    for mode in cell.modes:
        ran = set()
        for vector, dtype in chosen(cell, mode):
            subject = CellSubject(cell, vector.algorithm, mode, device)
            if subject.missing(vector.problem, vector.steps):
                continue
            (verdict,) = judge(subject, ledger.as_file([vector]), [dtype])
            assert verdict.status == "pass", (mode, dtype, verdict)
            ran.add(vector.algorithm)
        assert ran == {rule for rule in rules_of(mode) if cell.is_core or not cell.missing(rule, mode)}, mode


def chosen(cell: Cell, mode: str) -> Iterator[tuple[Vector, str]]:
    """Vectors for a mode, and the dtype of each."""
    dtypes = cell.modes[mode]
    for number, rule in enumerate(rules_of(mode)):
        for vector in part(rule, cell.name, mode):
            turn = dtypes[number % len(dtypes)]
            usual = "float32" if is_eager(cell.name, mode) else turn
            own = [dtype for dtype in dtypes if dtype in vector.dtypes]
            if own:
                yield vector, usual if usual in own else own[0]


def rules_of(mode: str) -> Sequence[str]:
    """Rules that run in a mode."""
    return spec_names()[RULES.get(mode, slice(None))]


def is_eager(cell: str, mode: str) -> bool:
    """Whether each operation is compiled for its dtype, so that one dtype is cheaper than several."""
    return cell not in QUICK and mode not in RULES


def part(rule: str, cell: str, mode: str) -> list[Vector]:
    """Vectors of a rule for a mode; where it is compiled for each vector, one of them."""
    if cell in QUICK and mode not in ledger.COMPILED:
        return exact(rule)
    return exact(rule)[::STRIDE] if is_eager(cell, mode) else [most_varied(rule, mode)]


@cache
def exact(rule: str) -> list[Vector]:
    """All exact vectors of a rule."""
    vectors = ledger.every(rule, 1)
    return [vector for vector in vectors if isinstance(vector, Vector) and vector.tier == "T0"]


def most_varied(rule: str, mode: str) -> Vector:
    """The vector of a rule with the most branches, of those for which one compilation serves all steps."""

    def variety(vector: Vector) -> tuple[bool, int]:
        kinds = {kind(step, mode) for step in vector.steps}
        return len(kinds) == 1, len({expected.branch for expected in vector.expect})

    return max(exact(rule), key=variety)


def kind(step: Step, mode: str) -> tuple[Any, ...]:
    """What a compilation belongs to; `torch.compile` compiles for a learning rate that is a float, too."""
    learning_rate = step.hyper.get("learning_rate") if mode == "compile" else None
    return learning_rate, step.loss is None, *(grad is None for grad in step.grads)
