"""Symmetries that are exact where nothing rounds, and sequences that are made to hurt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, target
from hypothesis import strategies as st

from conformance_tests import core_driver
from conformance_tests.comparisons import Trajectory, assume_clear_of_resets, core_rows, exact_and_bound
from conformance_tests.exact_stream import cases, drawn
from conformance_tests.strategies import hypers, rounded
from momo_spec import load_spec, spec_names
from momo_spec.bounds import flattened
from momo_spec.vector_file import Vector, load_vectors

every_rule = pytest.mark.parametrize("optimizer", spec_names())
few = settings(max_examples=max(3, settings().max_examples // 8))


@cache
def exact_vectors(optimizer: str) -> list[Vector]:
    return [vector for vector in load_vectors(optimizer).tests if vector.tier == "T0"]


def chooses_for_each_tensor(vector: Vector) -> bool:
    """Whether what a tensor is makes a difference."""
    scope = load_spec(vector.algorithm).hyper.get("beta_scope")
    return scope is not None and vector.problem.hyper.get("beta_scope", scope.default) == "tensor"


def assert_exact(vector: Vector, orders: Sequence[np.ndarray], parts: Sequence[int]) -> None:
    """Tensors in another order of elements, and in several parts, take the steps of the vector to the bit."""

    def changed(arrays: Sequence[Any]) -> list[Any]:
        return [
            part
            for array, order, count in zip(arrays, orders, parts, strict=True)
            for part in ([None] * count if array is None else np.array_split(array.ravel()[order], count))
        ]

    owners = zip(vector.problem.group_of, parts, strict=False)
    steps = [
        {"grads": changed(step.grads), "loss": step.loss, "hyper": dict(step.hyper)} for step in vector.steps
    ]
    trajectory = core_driver.run(
        vector.algorithm,
        dict(vector.problem.hyper),
        changed(vector.problem.x0),
        steps,
        dtype="float64",
        groups=list(map(dict, vector.problem.groups)),
        group_of=[group for group, count in owners for _ in range(count)],
    )
    for step, expected in zip(trajectory, vector.expect, strict=True):
        assert np.array_equal(flattened(step["params"]), flattened(changed(expected.params)))
        assert {name: step["info"][name] for name in expected.info} == expected.info
        assert step["info"]["skipped"] == expected.skipped


@every_rule
@given(data=st.data())
def test_no_order_of_elements_and_no_split_changes_a_bit_of_an_exact_run(
    optimizer: str, data: st.DataObject
) -> None:
    """Identities 14 and 15, on the vectors of tier T0."""
    vector = data.draw(st.sampled_from(exact_vectors(optimizer)))
    assume(all(len(step.grads) == len(vector.problem.x0) for step in vector.steps))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    sizes = [param.size for param in vector.problem.x0]
    splits = [1 if chooses_for_each_tensor(vector) else data.draw(st.integers(1, size)) for size in sizes]
    assert_exact(vector, [random.permutation(size) for size in sizes], splits)


@every_rule
@few
@given(data=st.data())
def test_new_exact_runs_are_exact(optimizer: str, data: st.DataObject) -> None:
    """Whole numbers that Hypothesis draws and shrinks: a case of tier T0, and its seed."""
    if not cases(optimizer):
        pytest.skip("not run: no exact case")
    number, seed = data.draw(st.integers(0, len(cases(optimizer)) - 1)), data.draw(st.integers(1, 50))
    vector = drawn(optimizer, number, seed)
    assume(vector is not None)
    assert_exact(vector, [np.arange(param.size) for param in vector.problem.x0], [1] * len(vector.problem.x0))


LOSSES = {
    "alternating": lambda random, count: random.uniform(0.5, 2.0, count) * (-1.0) ** np.arange(count),
    "over the bound": lambda random, count: np.where(np.arange(count) % 2, -(2.0**-20), 2.0**-20),
    "spikes": lambda random, count: np.where(np.arange(count) % 4 == 3, 1e30, random.uniform(0, 1, count)),
    "subnormal": lambda random, count: random.integers(0, 5, count) * 2.0**-149,
    "constant": lambda random, count: np.full(count, 0.75),
}
GRADS = {
    "ordinary": lambda random, size, step: random.normal(size=size),
    "one huge among small": lambda random, size, step: np.where(
        np.arange(size) == 0, 2.0**40, 2.0**-20 * random.normal(size=size)
    ),
    "long zeros": lambda random, size, step: random.normal(size=size) * (step % 6 == 0),
    "subnormal": lambda random, size, step: random.integers(-4, 5, size) * 2.0**-149,
    "turning": lambda random, size, step: (-1.0) ** step * np.ones(size),
}


@st.composite
def adversarial(draw: st.DrawFn) -> Trajectory:
    """Losses and gradients of float32 that are prescribed to hurt."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    losses, grads = draw(st.sampled_from(sorted(LOSSES))), draw(st.sampled_from(sorted(GRADS)))
    count, size = draw(st.integers(2, 12)), draw(st.sampled_from([1, 3, 100]))
    values = rounded(LOSSES[losses](random, count))
    steps = [
        {"grads": [rounded(GRADS[grads](random, size, step))], "loss": float(loss)}
        for step, loss in enumerate(values)
    ]
    return [rounded(random.normal(size=size))], steps


@every_rule
@few
@given(data=st.data(), run=adversarial())
def test_the_core_stands_what_is_made_to_hurt(optimizer: str, data: st.DataObject, run: Trajectory) -> None:
    """Within its rounding bound in float64, and never anything that is not finite."""
    hyper = data.draw(hypers(optimizer))
    assume_clear_of_resets(optimizer, hyper, run)
    exact, bound = exact_and_bound(optimizer, hyper, run, "float64")
    assume(np.all(np.isfinite(bound)))
    rows = core_rows(optimizer, hyper, run)
    assert np.all(np.isfinite(rows))
    error = np.linalg.norm(rows - exact, axis=1)
    target(float(np.max(error / np.maximum(bound, np.finfo(np.float64).tiny))), label="error over bound")
    assert np.all(error <= bound)
