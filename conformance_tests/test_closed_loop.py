"""Tier T3: its vectors, and that it tells gradients at the parameters from those of other ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from conformance_tests.profiles import mostly
from momo_cli.conform.judge import judge
from momo_cli.conform.subjects import Subject, Taken, python_subject
from momo_cli.conform.words import account
from momo_spec import lint, load_spec, spec_names
from momo_spec.arithmetic import Dyadic, Exact, NotExactError, Precise
from momo_spec.batch import Batch
from momo_spec.bounds import flattened
from momo_spec.closed_loop import LARGEST_BOUND, TrainingCase, trained
from momo_spec.problem import Outcome, Problem, Run, Step
from momo_spec.sampled import error_bounds
from momo_spec.second_training import loss_and_gradients
from momo_spec.vector_file import VectorFile, closed_loop_root, load_closed_loops, read_document
from momo_spec.vectors import closed_loop_document


@pytest.mark.parametrize("name", mostly(spec_names(), ["momo", "sgdm"]))
def test_vectors_are_current(name: str) -> None:
    assert closed_loop_document(load_spec(name)) == read_document(name, closed_loop_root())


@pytest.mark.parametrize("name", spec_names())
def test_every_rule_is_trained_with_one_layer_and_two_on_all_samples_and_parts(name: str) -> None:
    vectors = load_closed_loops(name)
    assert {len(vector.problem.x0) for vector in vectors} == {1, 2}
    assert {len({step.batch for step in vector.steps}) > 1 for vector in vectors} == {False, True}


def test_gradients_are_those_without_the_chain_rule() -> None:
    random = Random(0)
    inputs, first, second, third, targets = (
        np.array([[random.randint(-9, 9) for _ in range(columns)] for _ in range(rows)], dtype=float)
        for rows, columns in ((4, 3), (3, 2), (2, 5), (5, 2), (4, 2))
    )
    exact = Exact()
    layers = [exact.array(layer) for layer in (first, second, third)]
    loss, gradients = Batch(inputs, targets).loss_and_gradients(layers, exact)
    given = [[list(map(Fraction, row)) for row in matrix.tolist()] for matrix in (inputs, targets)]
    other_loss, others = loss_and_gradients(given[0], given[1], [layer.tolist() for layer in layers])
    assert loss == other_loss != 0
    assert [list(gradient.flat) for gradient in gradients] == others


def test_sums_along_an_axis_are_exact_in_every_order_or_refused() -> None:
    few = Dyadic(8)
    terms = few.array([[1024.0, 0.25, -1024.0], [1.0, 2.0, 3.0]])
    assert list(few.total(terms[1:], axis=1)) == [6]
    with pytest.raises(NotExactError):
        few.total(terms, axis=1)


def test_lint_notices_a_changed_closed_loop() -> None:
    vector = load_closed_loops("momo_adam")[-1]
    assert lint.vector_problems(vector) == []
    first = vector.steps[0].batch
    assert first is not None
    other = Batch(first.inputs, np.nextafter(first.targets, np.inf))
    steps = tuple(dataclasses.replace(step, batch=other) for step in vector.steps)
    found = lint.vector_problems(dataclasses.replace(vector, steps=steps))
    assert any("params differ" in text for text in found)
    for wrong in (
        Batch(first.inputs[1:], first.targets),
        Batch(first.inputs, first.targets[:, 0]),
        Batch(first.inputs[:3], first.targets[:3]),
        Batch(first.inputs[:, 1:], first.targets),
    ):
        unfit = dataclasses.replace(vector, steps=(dataclasses.replace(steps[0], batch=wrong), *steps[1:]))
        assert any("not those of a network" in text for text in lint.vector_problems(unfit))
    tight = {
        name: {key: [bound / 128 for bound in bounds] for key, bounds in tol.items()}
        for name, tol in vector.tol.items()
    }
    found = lint.vector_problems(dataclasses.replace(vector, tol=tight))
    assert any("leaves its bound" in text for text in found)


def test_a_trajectory_ends_before_its_bound_says_too_little() -> None:
    """An uncapped Polyak step with momentum on an ill-conditioned problem is chaotic after a while."""
    hyper = {"learning_rate": np.inf}
    case = TrainingCase("chaos", hyper, (3, 4, 2), steps=120, spread=8, noise=0.25)
    problem, steps, outcomes, bounds = trained(load_spec("momo"), case)
    assert len(steps) == len(outcomes) == len(bounds["f32"]["params"]) < case.steps
    assert bounds["f32"]["params"][-1] <= LARGEST_BOUND * way(problem, outcomes)
    run = Run(load_spec("momo"), problem, Precise())
    longer = [*steps, steps[0]]
    outcomes = [run.step(step) for step in longer]
    beyond = error_bounds(load_spec("momo"), problem, longer, outcomes, ["f32"])
    assert beyond is None or beyond["f32"]["params"][-1] > LARGEST_BOUND * way(problem, outcomes)


def way(problem: Problem, outcomes: Sequence[Outcome]) -> float:
    """Largest distance from the start."""
    start = flattened(problem.x0)
    return max(float(np.linalg.norm(flattened(outcome.params) - start)) for outcome in outcomes)


class Late:
    """An optimizer whose gradients are all those at the start."""

    dtypes = ("float64",)

    def __init__(self, inner: Subject) -> None:
        self.name, self._inner = "late", inner

    def run(self, problem: Problem, steps: Sequence[Step], dtype: str) -> Generator[Taken, None, None]:
        yield from self._inner.run(problem, list(steps), dtype)


def test_gradients_of_other_parameters_fail_every_vector() -> None:
    pytest.importorskip("torch", reason="not run: no torch")
    vectors = VectorFile(load_closed_loops("momo"), ())
    subject = python_subject("momo_torch:Momo", load_spec("momo"))
    assert [verdict.status for verdict in judge(subject, vectors, ["float64"])] == ["pass"] * len(
        vectors.tests
    )
    late = judge(Late(subject), vectors, ["float64"])
    assert [verdict.status for verdict in late] == ["fail"] * len(vectors.tests)
    # The first gradient is right; what the second one should have been is told.
    assert {failure.step for verdict in late for failure in verdict.failures} == {1}
    told = account(late[0])[-2]
    right = vectors.tests[0].steps[1].at(vectors.tests[0].expect[0].params)
    assert told.startswith("step 2: gradients at the expected parameters [[")
    assert told.endswith(f", loss {right.loss:.9g}")
