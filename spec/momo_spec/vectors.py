"""
Write the golden vectors from the specification.

A test is a line of a file of canonical JSON (sorted keys, line feeds); numbers are bit
patterns.  `load_vectors` reads them back.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .batch import Batch
from .closed_loop import trained, training_cases
from .exact import EXACT_BITS, ExactCase, exact_trajectory
from .hexfloat import encode, encode_array
from .load import SPEC_VERSION, OptimizerSpec, load_spec, project_root, spec_names
from .notes import NOTES, flags
from .numbering import numbered_group
from .one_step import one_step, prefixes
from .problem import Outcome, Problem, Step
from .refusals import InvalidCase, InvalidStep, invalid_cases, invalid_steps
from .sampled import Bounds, sampled_trajectory
from .sweeps import exact_cases, sampled_cases
from .vector_file import (
    BITS,
    closed_loop_root,
    load_vectors,
    one_step_root,
    read_document,
    vectors_root,
)

__all__ = ["load_vectors", "write_vectors"]

SCHEMA_VERSION = 1
SOURCES = {
    "T0": "momo_spec.exact: rational arithmetic, exact in any order of evaluation",
    "T2": "momo_spec.sampled: 50 decimal digits, bounds by Monte-Carlo arithmetic",
    "invalid": "momo_spec.refusals: domains and constraints of the specification",
}
ONE_STEP = "momo_spec.one_step: a test of tier T0 and a step with 50 digits, bounds by Monte-Carlo arithmetic"
CLOSED_LOOP = "momo_spec.closed_loop: 50 decimal digits, bounds by Monte-Carlo arithmetic"
EXPANDED_LEVELS = 4


def write_vectors() -> list[Path]:
    """Compute all vectors, which takes three minutes, and write the files that changed; returns them."""
    folder = project_root() / "spec" / "vectors"
    return [
        *_write(folder, _texts(vector_document)),
        *_write(folder / "one_step", _texts(one_step_document)),
        *_write(folder / "closed_loop", _texts(closed_loop_document)),
    ]


def _texts(document: Callable[[OptimizerSpec], dict[str, Any]]) -> dict[str, str]:
    """Text of the file of each optimizer."""
    return {f"{name}.json": canonical(document(load_spec(name))) + "\n" for name in spec_names()}


def _write(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Write files that changed, and their manifest."""
    folder.mkdir(exist_ok=True)
    changed = []
    for file, text in {**texts, "manifest.json": manifest_text(texts)}.items():
        path = folder / file
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed


def manifest_text(texts: Mapping[str, str]) -> str:
    """Manifest: size and hash of each file."""
    entries = {
        file: {"bytes": len(text.encode()), "sha256": hashlib.sha256(text.encode()).hexdigest()}
        for file, text in texts.items()
    }
    return canonical(entries) + "\n"


def canonical(value: Any, level: int = 0) -> str:
    """JSON with sorted keys, one entry a line down to the tests, which have no line breaks."""
    if level == EXPANDED_LEVELS or not value or not isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    if isinstance(value, dict):
        entries = [f"{json.dumps(key)}: {canonical(value[key], level + 1)}" for key in sorted(value)]
        return "{\n" + ",\n".join(entries) + "\n}"
    return "[\n" + ",\n".join(canonical(item, level + 1) for item in value) + "\n]"


def vector_document(spec: OptimizerSpec) -> dict[str, Any]:
    """All tests of an algorithm."""
    return _document(spec, [vector_group(spec, tier) for tier in SOURCES])


def one_step_document(spec: OptimizerSpec) -> dict[str, Any]:
    """The tests of tier T1, which go on from the written ones of tier T0."""
    tests = [
        _bounded_test(spec, f"one step after test {prefix.tc_id}", *one_step(prefix, index), inexact=1)
        for index, prefix in enumerate(prefixes(spec.name))
    ]
    return _document(spec, [_only_group("T1", ONE_STEP, spec, tests, one_step_root())])


def closed_loop_document(spec: OptimizerSpec) -> dict[str, Any]:
    """The tests of tier T3."""
    tests = [_bounded_test(spec, case.comment, *trained(spec, case)) for case in training_cases(spec)]
    return _document(spec, [_only_group("T3", CLOSED_LOOP, spec, tests, closed_loop_root())])


def _only_group(
    tier: str, source: str, spec: OptimizerSpec, tests: list[dict[str, Any]], folder: Path
) -> dict[str, Any]:
    """The tests of a file with one tier; those that are written keep their numbers."""
    written = (folder / f"{spec.name}.json").exists()
    old = read_document(spec.name, folder)["groups"][0] if written else None
    return {"tier": tier, "source": source, **numbered_group(tier, tests, old)}


def _document(spec: OptimizerSpec, groups: list[dict[str, Any]]) -> dict[str, Any]:
    tests = [test for group in groups for test in group["tests"]]
    return {
        "schema": "vectors.schema.json",
        "schema_version": SCHEMA_VERSION,
        "spec_version": SPEC_VERSION,
        "algorithm": spec.name,
        "number_of_tests": len(tests),
        "notes": {
            flag: {"kind": NOTES[flag][0], "description": NOTES[flag][1]}
            for test in tests
            for flag in test["flags"]
        },
        "groups": groups,
    }


def vector_group(spec: OptimizerSpec, tier: str) -> dict[str, Any]:
    """Tests of tier ``T0``, ``T2`` or ``invalid``; those that are written keep their numbers."""
    written = read_document(spec.name)["groups"] if (vectors_root() / f"{spec.name}.json").exists() else []
    old = next((group for group in written if group["tier"] == tier), None)
    return {"tier": tier, "source": SOURCES[tier], **numbered_group(tier, _tests(spec, tier), old)}


def _tests(spec: OptimizerSpec, tier: str) -> list[dict[str, Any]]:
    if tier == "T0":
        return [_exact_test(spec, case, *exact_trajectory(spec, case)) for case in exact_cases(spec)]
    if tier == "T2":
        cases = sampled_cases(spec)
        return [_bounded_test(spec, case.comment, *sampled_trajectory(spec, case)) for case in cases]
    return [*map(_invalid_test, invalid_cases(spec)), *map(_invalid_step, invalid_steps(spec))]


def needed_bits(problem: Problem, steps: Sequence[Step], outcomes: Sequence[Outcome]) -> int:
    """
    Significant bits that parameters and gradients need: 8, 11, 24 or 53.

    8 and 11 promise normal numbers of binary16 too.
    """
    arrays: list[Any] = [*problem.x0, *(grad for step in steps for grad in step.grads if grad is not None)]
    arrays += [param for outcome in outcomes for param in outcome.params]
    values = [float(value) for array in arrays for value in np.asarray(array).flat]
    bits = max(_bits(value) for value in values)
    return min(size for size in BITS.values() if size >= bits)


def bits_of_case(
    case: ExactCase, problem: Problem, steps: Sequence[Step], outcomes: Sequence[Outcome]
) -> int:
    """`needed_bits`, or those of a case whose intermediate results need more than `EXACT_BITS`."""
    return needed_bits(problem, steps, outcomes) if case.bits == EXACT_BITS else case.bits


def _bits(value: float) -> int:
    """Significant bits, at least 24 for a number that is too large or too fine for binary16."""
    if value == 0 or not math.isfinite(value):
        return 0
    number = abs(Fraction(value))
    bits = (number.numerator // (number.numerator & -number.numerator)).bit_length()
    return bits if number <= 2**15 and number.denominator <= 2**14 else max(bits, 24)


def stored_margin(outcomes: Sequence[Outcome]) -> float | None:
    """Least margin, rounded down to six decimals; None without a discontinuity."""
    margin = min(outcome.margin for outcome in outcomes)
    return None if math.isinf(margin) else math.floor(margin * 1e6) / 1e6


def _exact_test(
    spec: OptimizerSpec, case: ExactCase, problem: Problem, steps: Sequence[Step], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    bits = bits_of_case(case, problem, steps, outcomes)
    return {**_test(spec, case.comment, problem, steps, outcomes), "bits": bits}


def _bounded_test(
    spec: OptimizerSpec,
    comment: str,
    problem: Problem,
    steps: Sequence[Step],
    outcomes: Sequence[Outcome],
    bounds: Bounds,
    inexact: int = 0,
) -> dict[str, Any]:
    """A test with bounds, in which the last `inexact` steps round; all if 0."""
    margin = stored_margin(outcomes[-inexact:])
    kept = {} if margin is None else {"margin": margin}
    return {**_test(spec, comment, problem, steps, outcomes), "tol": bounds, **kept}


def _test(
    spec: OptimizerSpec, comment: str, problem: Problem, steps: Sequence[Step], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    groups = [_encoded(group) for group in problem.groups]
    batches = list(dict.fromkeys(step.batch for step in steps if step.batch))
    return {
        "comment": comment,
        "flags": flags(spec, problem, steps, outcomes),
        "hyper": _encoded(problem.hyper),
        **({"groups": groups, "group_of": list(problem.group_of)} if groups else {}),
        "x0": _arrays(problem.x0),
        **({"batches": [_batch(batch) for batch in batches]} if batches else {}),
        "steps": [_step(step, batches) for step in steps],
        "expect": [_expected(outcome) for outcome in outcomes],
    }


def _expected(outcome: Outcome) -> dict[str, Any]:
    return {
        "branch": outcome.branch,
        "info": {name: encode(float(value)) for name, value in outcome.info.items()},
        "params": [encode_array(param) for param in outcome.params],
        "skipped": outcome.skipped,
    }


def _step(step: Step, batches: Sequence[Batch] = ()) -> dict[str, Any]:
    hyper = {"hyper": _encoded(step.hyper)} if step.hyper else {}
    if step.batch:
        return {"batch": batches.index(step.batch), **hyper}
    loss = None if step.loss is None else encode(step.loss, short=True)
    return {"grads": _arrays(step.grads), "loss": loss, **hyper}


def _batch(batch: Batch) -> dict[str, Any]:
    inputs, targets = _arrays([batch.inputs, batch.targets])
    return {"inputs": inputs, "targets": targets}


def _arrays(arrays: Iterable[Any]) -> list[Any]:
    return [None if array is None else encode_array(array, short=True) for array in arrays]


def _invalid_test(case: InvalidCase) -> dict[str, Any]:
    return {
        "comment": case.comment,
        "flags": ["Invalid"],
        "hyper": _encoded(case.hyper),
        "error": case.error,
        "error_code": case.error_code,
    }


def _invalid_step(case: InvalidStep) -> dict[str, Any]:
    test = _invalid_test(InvalidCase(case.comment, case.problem.hyper, case.error, case.error_code))
    return {**test, "x0": _arrays(case.problem.x0), "steps": [_step(case.step)]}


def _encoded(hyper: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in hyper.items()}


def _value(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"text": value}
    return [_value(item) for item in value] if isinstance(value, list) else encode(value)
