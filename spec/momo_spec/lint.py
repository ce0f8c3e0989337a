"""
Check the golden vectors: form, numbering, hashes, and every expectation by two references.

Tier T0 is recomputed with rational numbers by the evaluator and by the independent
second reference, the other tiers with 50 digits by the first and 60 by the second.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .arithmetic import Array, Precise
from .batch import Batch
from .bounds import flattened
from .branches import SIDES, possible_branches
from .check import schema_problems
from .load import Hyper, OptimizerSpec, files_root, load_spec, spec_names
from .notes import NOTES, SIDE_FLAGS
from .numbering import FIRST_ID, is_dense
from .published import has_second_reference
from .recomputed import exact_problems, sampled_problems
from .refusals import invalid_cases
from .sampled import evaluate
from .vector_file import (
    Vector,
    closed_loop_root,
    load_all_vectors,
    load_vectors,
    one_step_root,
    read_document,
    vectors_root,
)
from .vectors import canonical, manifest_text


def lint_vectors() -> list[str]:
    """
    Check all vector files.

    Returns
    -------
    list of str
        Problems, empty if there is none.
    """
    folders = (vectors_root(), one_step_root(), closed_loop_root())
    problems = [problem for folder in folders for problem in _manifest_problems(folder)]
    for name in spec_names():
        if not has_second_reference(name):
            problems.append(f"{name}: there is no second reference")
            continue
        found = [problem for folder in folders for problem in _file_problems(name, folder)]
        if not found:
            vectors = load_all_vectors(name).tests
            found = [problem for vector in vectors for problem in vector_problems(vector)]
            found += [*_coverage_problems(load_spec(name), load_vectors(name).tests)]
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
    for test in tests:
        batches = test.get("batches", ())
        if batches and {step["batch"] for step in test["steps"]} != {*range(len(batches))}:
            yield f"test {test['tcId']}: the batches of its steps are not its batches"
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
    if any(step.batch and not _fits(step.batch, vector.problem.x0) for step in vector.steps):
        return [f"test {vector.tc_id}: batches and parameters are not those of a network"]
    check = exact_problems if vector.tier == "T0" else sampled_problems
    return [f"test {vector.tc_id}: {problem}" for problem in check(vector)]


def _fits(batch: Batch, layers: Sequence[Array]) -> bool:
    """Whether each matrix has as many rows as the one before it has columns, and the mean rounds nothing."""
    matrices = [batch.inputs, *layers]
    if any(matrix.ndim != 2 for matrix in (*matrices, batch.targets)):
        return False
    fitting = all(left.shape[1] == right.shape[0] for left, right in pairwise(matrices))
    outputs = (len(batch.inputs), matrices[-1].shape[1])
    return fitting and batch.targets.shape == outputs and math.prod(outputs).bit_count() == 1


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
