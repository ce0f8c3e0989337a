"""Many ranks take the step that one process takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conformance_tests.comparisons import assert_within, core_rows, rounding
from momo_core import KINDS

pytest.importorskip("torch.distributed", reason="not run: this PyTorch has no torch.distributed")

from conformance_tests.distributed_worker import CASES, FEW, joint, run_all
from conformance_tests.ranks import run_ranks

ENGINES = {"DDP": CASES, "FSDP2": CASES, "HSDP": FEW, "copies": FEW, "layouts": FEW}
RUNS = [(engine, case) for engine, cases in ENGINES.items() for case in cases]
OWN_COLLECTIVES = {"DDP": 0, "layouts": 2}
"""Of the engine: `layouts` has a gradient and a loss that are sums which are still to be taken."""


@pytest.fixture(scope="module")
def ranks() -> list[dict[str, Any]]:
    """What each rank has seen; all of it in one pair of processes."""
    return run_ranks(run_all)


@pytest.mark.reliability("R75", "R76")
@pytest.mark.parametrize(("engine", "case"), RUNS)
def test_ranks_are_equal_to_the_bit(ranks: list[dict[str, Any]], engine: str, case: str) -> None:
    """Parameters and info are the same to the bit on all ranks, with DDP, FSDP2, HSDP and DTensors."""
    first, *others = [rank["runs"][engine, case] for rank in ranks]
    for other in others:
        assert first["rows"].tobytes() == other["rows"].tobytes()
        assert first["infos"].tobytes() == other["infos"].tobytes()
    assert np.all(np.any(np.diff(first["rows"], axis=0) != 0, axis=1)), "each step moves the parameters"


@pytest.mark.reliability("R75", "R76")
@pytest.mark.parametrize(("engine", "case"), RUNS)
def test_ranks_take_the_step_of_one_process(ranks: list[dict[str, Any]], engine: str, case: str) -> None:
    """Ranks with their own samples follow one process with all of them, within the rounding bound."""
    optimizer, hyper = CASES[case]
    bound = rounding(optimizer, hyper, joint())
    assert_within(ranks[0]["runs"][engine, case]["rows"], core_rows(optimizer, hyper, joint()), bound, bound)


@pytest.mark.parametrize(("engine", "case"), RUNS)
def test_collectives_of_a_step(ranks: list[dict[str, Any]], engine: str, case: str) -> None:
    """One all-reduce for DDP, none without a loss; two with shards, three with adaptive momentum."""
    kind = KINDS[CASES[case][0]]
    sums = 2 + (kind.direction.choose is not None)
    expected = int(kind.model.needs_loss) if engine == "DDP" else sums + OWN_COLLECTIVES.get(engine, 0)
    for rank in ranks:
        assert set(rank["runs"][engine, case]["collectives"]) == {expected}


def test_one_process_sends_nothing(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert rank["alone"] == [0]


@pytest.mark.reliability("R75", "R76")
@pytest.mark.parametrize("what", ["DDP, loss", "FSDP2, loss", "FSDP2, gradient", "FSDP2, gradient, no loss"])
def test_what_is_not_finite_on_one_rank_is_skipped_on_all(ranks: list[dict[str, Any]], what: str) -> None:
    """A loss or gradient that is NaN on one rank alone makes all ranks skip the step."""
    for rank in ranks:
        (before, _), (spoilt, skipped), (after, still) = rank["not finite"][what]
        assert np.array_equal(spoilt, before)
        assert (skipped, still) == (1, 1)
        assert np.all(np.isfinite(after))
        assert not np.array_equal(after, before)


def test_on_nonfinite_raise_raises_on_all_ranks(ranks: list[dict[str, Any]]) -> None:
    assert [rank["raises"][0] for rank in ranks] == ["FloatingPointError"] * len(ranks)


def test_a_missing_loss_is_refused_before_anything_is_sent(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        assert rank["without loss"] == ("MissingLossError", "0")


@pytest.mark.reliability("R83")
@pytest.mark.parametrize("engine", ["DDP", "FSDP2"])
def test_a_compiled_step_is_the_same(ranks: list[dict[str, Any]], engine: str) -> None:
    """With many ranks, too, the step compiles as one graph and leaves the same bits."""
    for rank in ranks:
        plain, compiled = rank["compiled"][engine]
        assert plain.tobytes() == compiled.tobytes()
        assert plain.tobytes() == ranks[0]["compiled"][engine][0].tobytes()


REFUSED = {
    "ZeRO": ("RuntimeError", "ZeroRedundancyOptimizer would give it only some"),
    "in backward": ("RuntimeError", "steps in the backward pass would give it only some"),
    "group without all holders": ("InvalidValueError", "E_PROCESS_GROUP"),
    "sum as a parameter": ("InvalidValueError", "E_PARAMS_PARTIAL"),
    "plain gradient": ("InvalidValueError", "E_GRADS_MESH"),
}


@pytest.mark.reliability("R77")
@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_have_one_step_size_is_refused(ranks: list[dict[str, Any]], what: str) -> None:
    """ZeRO, optimizers in the backward pass and layouts that cannot be added are refused with the reason."""
    kind, text = REFUSED[what]
    for rank in ranks:
        assert rank["refusals"][what][0] == kind
        assert text in rank["refusals"][what][1]
