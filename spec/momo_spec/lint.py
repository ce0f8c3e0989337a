"""
Check the golden vectors: form, numbering, hashes, and every expectation by two references.

Tier T0 is recomputed with rational numbers by the evaluator and by the independent
second reference, tier T2 with 50 digits by the first and 60 by the second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from .arithmetic import Dyadic, NotExactError, Perturbed, Precise
from .bounds import SAMPLES, UNIT_ROUNDOFF, flattened
from .branches import SIDES, possible_branches
from .check import schema_problems
from .exact import EXACT_BITS
from .hexfloat import encode
from .load import Hyper, OptimizerSpec, files_root, load_spec, spec_names
from .notes import NOTES, SIDE_FLAGS, flags
from .numbering import FIRST_ID, is_dense
from .one_step import after_rounding
from .problem import Outcome
from .published import bounded_fraction, has_second_reference, published
from .refusals import invalid_cases
from .sampled import FORMATS, LEAST_MARGIN, evaluate, trajectory_rows
from .vector_file import (
    BITS,
    Vector,
    load_one_steps,
    load_vectors,
    one_step_root,
    read_document,
    vectors_root,
)
from .vectors import canonical, manifest_text, needed_bits, stored_margin

DIGITS = 50
"""Of the first reference; the second has more."""

FINER = 10.0**-DIGITS / UNIT_ROUNDOFF["float64"]
"""The rounding errors of the first reference, as a share of those of binary64."""


def lint_vectors() -> list[str]:
    """
    Check all vector files.

    Returns
    -------
    list of str
        Problems, empty if there is none.
    """
    problems = [*_manifest_problems(vectors_root()), *_manifest_problems(one_step_root())]
    for name in spec_names():
        if not has_second_reference(name):
            problems.append(f"{name}: there is no second reference")
            continue
        found = [*_file_problems(name, vectors_root()), *_file_problems(name, one_step_root())]
        if not found:
            vectors = load_vectors(name).tests
            found = [problem for vector in vectors for problem in vector_problems(vector)]
            found += [problem for vector in load_one_steps(name) for problem in vector_problems(vector)]
            found += [*_coverage_problems(load_spec(name), vectors)]
        problems += [f"{name}: {problem}" for problem in found]
    return problems


def _file_problems(name: str, folder: Path) -> list[str]:
    document = read_document(name, folder)
    return [*schema_problems(document, vector_schema()), *_form_problems(name, folder, document)]


@cache
def vector_schema() -> dict[str, Any]:
    """JSON Schema of a vector file."""
    schema: dict[str, Any] = json.loads((files_root() / "vectors.schema.json").read_text(encoding="utf-8"))
    return schema


def _manifest_problems(folder: Path) -> Iterator[str]:
    files = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(folder.glob("*.json"))
        if path.name != "manifest.json"
    }
    for name in sorted({f"{name}.json" for name in spec_names()} ^ set(files)):
        yield f"{name}: a file without an optimizer, or the reverse"
    if (folder / "manifest.json").read_text(encoding="utf-8") != manifest_text(files):
        yield "manifest.json: sizes or hashes are not those of the files"


def _form_problems(name: str, folder: Path, document: Mapping[str, Any]) -> Iterator[str]:
    if (folder / f"{name}.json").read_text(encoding="utf-8") != canonical(document) + "\n":
        yield "the text is not canonical"
    tests = [test for group in document["groups"] for test in group["tests"]]
    if document["algorithm"] != name:
        yield f"the algorithm is {document['algorithm']!r}"
    if document["number_of_tests"] != len(tests):
        yield f"number_of_tests is {document['number_of_tests']}, there are {len(tests)}"
    for group in document["groups"]:
        if not is_dense(group):
            yield f"{group['tier']}: tcId is not dense from {FIRST_ID[group['tier']]}"
    used = {flag for test in tests for flag in test["flags"]}
    for flag in sorted(used ^ set(document["notes"])):
        yield f"flag {flag!r} has no note, or a note no test"
    for flag, note in document["notes"].items():
        if NOTES.get(flag) != (note["kind"], note["description"]):
            yield f"note {flag!r} is not the current one"


def vector_problems(vector: Vector) -> list[str]:
    """Problems of one test: shape, expectations by both references, bounds, flags."""
    if len(vector.steps) != len(vector.expect):
        return [f"test {vector.tc_id}: {len(vector.steps)} steps, {len(vector.expect)} expectations"]
    if len({frozenset(step.hyper) for step in vector.steps}) > 1:
        return [f"test {vector.tc_id}: not all steps have the same hyper-parameters"]
    check = _exact_problems if vector.tier == "T0" else _sampled_problems
    return [f"test {vector.tc_id}: {problem}" for problem in check(vector)]


def _exact_problems(vector: Vector) -> Iterator[str]:
    spec, bits = load_spec(vector.algorithm), max(EXACT_BITS, vector.bits or 0)
    try:
        outcomes = evaluate(spec, vector.problem, vector.steps, Dyadic(bits))
        others = list(published(vector, bounded_fraction(bits)))
    except NotExactError as error:
        yield str(error)
        return
    yield from _differences(vector, outcomes)
    if vector.bits not in (needed_bits(vector.problem, vector.steps, outcomes), BITS["float64"]):
        yield f"bits is {vector.bits}"
    for index, (outcome, other) in enumerate(zip(outcomes, others, strict=True)):
        if not _same(_quantities(outcome), other, {}):
            yield f"step {index}: the second reference differs"


def _sampled_problems(vector: Vector) -> Iterator[str]:
    spec = load_spec(vector.algorithm)
    outcomes = evaluate(spec, vector.problem, vector.steps, Precise(DIGITS))
    yield from _differences(vector, outcomes)
    if vector.margin != stored_margin(_inexact(vector, outcomes)):
        yield f"margin is {vector.margin}"
    if vector.margin is not None and vector.margin < LEAST_MARGIN:
        yield "too close to a discontinuity"
    with mpmath.workdps(60):
        for index, (outcome, other) in enumerate(zip(outcomes, published(vector, mpmath.mpf), strict=True)):
            allowed = {name: FINER * bound[index] for name, bound in vector.tol["f64"].items()}
            if not _same(_quantities(outcome), other, allowed):
                yield f"step {index}: the second reference differs"
    yield from _bound_problems(vector, outcomes)


def _inexact(vector: Vector, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """Outcomes of the steps that round: the last one in tier T1."""
    return outcomes[-1:] if vector.tier == "T1" else outcomes


def _differences(vector: Vector, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Expectations that are not what the evaluator finds, rounded once."""
    for index, (expected, outcome) in enumerate(zip(vector.expect, outcomes, strict=True)):
        info = {name: encode(float(value)) for name, value in outcome.info.items()}
        if info != {name: encode(value) for name, value in expected.info.items()}:
            yield f"step {index}: info differs"
        params = [np.asarray(param, dtype=np.float64) for param in outcome.params]
        if not all(map(np.array_equal, params, expected.params)):
            yield f"step {index}: params differ"
        if expected.branch != outcome.branch:
            yield f"step {index}: branch is {outcome.branch!r}"
    if list(vector.flags) != flags(load_spec(vector.algorithm), vector.problem, vector.steps, outcomes):
        yield "flags differ"


def _bound_problems(vector: Vector, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One more run with rounding errors, none of those that made the bounds, keeps within them."""
    inexact = _inexact(vector, outcomes)
    exact = trajectory_rows(vector.problem, inexact)
    for name, tol in vector.tol.items():
        try:
            rows = trajectory_rows(vector.problem, _one_more(vector, name))
        except NotExactError as error:
            yield f"before the last step: {error}"
            continue
        if set(tol) != set(exact) or any(len(bound) != len(vector.steps) for bound in tol.values()):
            yield f"{name}: bounds of other quantities or steps"
            continue
        for quantity, bound in tol.items():
            error = np.linalg.norm(rows[quantity] - exact[quantity], axis=1)[1:]
            if not np.all(error <= bound[-len(inexact) :]):
                yield f"{name}: {quantity} leaves its bound"
            if any(bound[: -len(inexact)]):
                yield f"{name}: {quantity} has a bound where nothing rounds"


def _one_more(vector: Vector, name: str) -> list[Outcome]:
    """The steps that round, with errors of a seed that no bound was made of."""
    spec = load_spec(vector.algorithm)
    if vector.tier == "T1":
        evaluate(spec, vector.problem, vector.steps[:-1], Dyadic(EXACT_BITS))
        return [after_rounding(spec, vector.problem, vector.steps, name, SAMPLES)]
    noise = Perturbed(UNIT_ROUNDOFF[FORMATS[name]], seed=SAMPLES)
    return evaluate(spec, vector.problem, vector.steps, noise)


def _quantities(outcome: Outcome) -> dict[str, list[Any]]:
    compared = ("step_size", "lower_bound", "beta")
    return {
        "params": [value for param in outcome.params for value in np.asarray(param).flat],
        **{name: [value] for name, value in outcome.info.items() if name in compared},
    }


def _same(
    left: Mapping[str, list[Any]], right: Mapping[str, list[Any]], allowed: Mapping[str, float]
) -> bool:
    """Whether both have the same quantities, but for the errors allowed of some."""
    return all(
        a == b or abs(a - b) <= allowed.get(name, 0.0)
        for name, values in left.items()
        for a, b in zip(values, right[name], strict=True)
    )


def branch_pairs(vectors: Iterable[Vector]) -> set[tuple[str, str]]:
    """Pairs of branches that follow each other somewhere."""
    return {
        (before.branch, after.branch)
        for vector in vectors
        for before, after in zip(vector.expect, vector.expect[1:], strict=False)
    }


def _coverage_problems(spec: OptimizerSpec, vectors: Sequence[Vector]) -> Iterator[str]:
    branches = possible_branches(spec)
    for pair in sorted({(a, b) for a in branches for b in branches} - branch_pairs(vectors)):
        yield f"no test goes from {pair[0]!r} to {pair[1]!r}"
    flags_of_tests = {flag for vector in vectors for flag in vector.flags}
    if "beta_max" in spec.hyper:
        for side in sorted({SIDE_FLAGS[side] for side in SIDES} - flags_of_tests):
            yield f"no test of {side}"
    for hyper in spec.hyper.values():
        if _may_matter(hyper) and not any(_matters(vector, hyper) for vector in vectors):
            yield f"{hyper.name!r} changes no result"
    codes = {vector.error_code for vector in load_vectors(spec.name).invalid}
    for case in invalid_cases(spec):
        if case.error_code not in codes:
            yield f"no test of {case.error_code}"


def _may_matter(hyper: Hyper) -> bool:
    """Whether a hyper-parameter is public and has a choice to make."""
    return not hyper.internal and hyper.domain != "[0, 0]"


def _matters(vector: Vector, hyper: Hyper) -> bool:
    """Whether a test that sets the hyper-parameter leaves its bounds without it."""
    if hyper.name not in vector.problem.hyper:
        return False
    others = {name: value for name, value in vector.problem.hyper.items() if name != hyper.name}
    changed = replace(vector.problem, hyper=others)
    outcomes = evaluate(load_spec(vector.algorithm), changed, vector.steps, Precise())
    error = np.linalg.norm(flattened(outcomes[-1].params) - flattened(vector.expect[-1].params))
    return bool(error > (vector.tol["f64"]["params"][-1] if vector.tol else 0))
