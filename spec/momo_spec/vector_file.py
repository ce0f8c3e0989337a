"""Read golden vectors as plain data; `spec/README.md` describes the format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .arithmetic import Array
from .batch import Batch
from .hexfloat import decode, decode_array
from .load import files_root
from .problem import Problem, Step
from .sampled import FORMATS, Bounds

BITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}
"""Significant bits of the formats; the exponents of T0 fit in binary16."""


@dataclass(frozen=True)
class Expected:
    """What a step must leave: parameters, info by name, and the branch it took."""

    params: tuple[Array, ...]
    info: Mapping[str, float]
    branch: str

    @property
    def skipped(self) -> bool:
        """Whether nothing changes because something is not finite."""
        return self.branch == "skip"


@dataclass(frozen=True)
class Vector:
    """
    A test of tier T0, T1, T2 or T3.

    Attributes
    ----------
    algorithm, tier : str
    tc_id : int
        Stable.
    comment : str
    flags : tuple of str
        Keys of the notes.
    problem : Problem
    steps : tuple of Step
    expect : tuple of Expected
    bits : int or None
        T0: significant bits that the parameters and gradients need, 8, 11, 24 or 53.
    tol : dict
        All tiers but T0: bound after each step by format and quantity.
    margin : float or None
        The same: least relative distance from the reset of the lower bound.
    """

    algorithm: str
    tier: str
    tc_id: int
    comment: str
    flags: tuple[str, ...]
    problem: Problem
    steps: tuple[Step, ...]
    expect: tuple[Expected, ...]
    bits: int | None
    tol: Bounds
    margin: float | None

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Dtypes that the test applies to."""
        if self.bits is None:
            return tuple(FORMATS[name] for name in self.tol)
        return tuple(dtype for dtype, bits in BITS.items() if bits >= self.bits)


@dataclass(frozen=True)
class InvalidVector:
    """
    A test that must be refused.

    Attributes
    ----------
    error : str
        ``type`` or ``value``.
    step : Step or None
        Where the error is in a step and not in the hyper-parameters.
    """

    algorithm: str
    tc_id: int
    comment: str
    hyper: Mapping[str, Any]
    error: str
    error_code: str
    x0: tuple[Array, ...]
    step: Step | None


@dataclass(frozen=True)
class VectorFile:
    """The tests of an algorithm."""

    tests: tuple[Vector, ...]
    invalid: tuple[InvalidVector, ...]


def vectors_root() -> Path:
    """Folder of the vectors."""
    return files_root() / "vectors"


def read_document(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The vector file of an algorithm as JSON, by default that of T0, T2 and invalid input."""
    text = ((folder or vectors_root()) / f"{name}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def one_step_root() -> Path:
    """Folder of the vectors of one step."""
    return vectors_root() / "one_step"


def closed_loop_root() -> Path:
    """Folder of the vectors of closed loops."""
    return vectors_root() / "closed_loop"


def load_one_steps(name: str) -> tuple[Vector, ...]:
    """Read the vectors of tier T1 of an optimizer."""
    return _only_tier(name, one_step_root())


def load_closed_loops(name: str) -> tuple[Vector, ...]:
    """Read the vectors of tier T3 of an optimizer."""
    return _only_tier(name, closed_loop_root())


def _only_tier(name: str, folder: Path) -> tuple[Vector, ...]:
    (group,) = read_document(name, folder)["groups"]
    return tuple(_read_test(name, group["tier"], test) for test in group["tests"])


def load_vectors(name: str) -> VectorFile:
    """
    Read the vectors of an algorithm: tiers T0 and T2, and invalid input.

    Parameters
    ----------
    name : str
        Of the optimizer, ``momo`` for example.
    """
    groups = {group["tier"]: group["tests"] for group in read_document(name)["groups"]}
    return VectorFile(
        tests=tuple(_read_test(name, tier, test) for tier in ("T0", "T2") for test in groups[tier]),
        invalid=tuple(_read_invalid(name, test) for test in groups["invalid"]),
    )


def load_all_vectors(name: str) -> VectorFile:
    """Read the vectors of all tiers, those of T1 and T3 after the others."""
    file = load_vectors(name)
    return replace(file, tests=(*file.tests, *load_one_steps(name), *load_closed_loops(name)))


def _read_test(algorithm: str, tier: str, test: Mapping[str, Any]) -> Vector:
    batches = [_read_batch(batch) for batch in test.get("batches", ())]
    return Vector(
        algorithm=algorithm,
        tier=tier,
        tc_id=test["tcId"],
        comment=test["comment"],
        flags=tuple(test["flags"]),
        problem=Problem(
            hyper=_read_hyper(test["hyper"]),
            x0=_read_arrays(test["x0"]),
            groups=tuple(_read_hyper(group) for group in test.get("groups", ())),
            group_of=tuple(test.get("group_of", ())),
        ),
        steps=tuple(_read_step(step, batches) for step in test["steps"]),
        expect=tuple(
            Expected(
                params=_read_arrays(expected["params"]),
                info=_read_hyper(expected["info"]),
                branch=expected["branch"],
            )
            for expected in test["expect"]
        ),
        bits=test.get("bits"),
        tol=test.get("tol", {}),
        margin=test.get("margin"),
    )


def _read_invalid(algorithm: str, test: Mapping[str, Any]) -> InvalidVector:
    return InvalidVector(
        algorithm=algorithm,
        tc_id=test["tcId"],
        comment=test["comment"],
        hyper=_read_hyper(test["hyper"]),
        error=test["error"],
        error_code=test["error_code"],
        x0=_read_arrays(test.get("x0", ())),
        step=_read_step(test["steps"][0]) if "steps" in test else None,
    )


def _read_step(step: Mapping[str, Any], batches: Sequence[Batch] = ()) -> Step:
    loss = step.get("loss")
    return Step(
        grads=tuple(None if grad is None else decode_array(grad) for grad in step.get("grads", ())),
        loss=None if loss is None else decode(loss),
        hyper=_read_hyper(step.get("hyper", {})),
        batch=batches[step["batch"]] if "batch" in step else None,
    )


def _read_batch(batch: Mapping[str, Any]) -> Batch:
    return Batch(decode_array(batch["inputs"]), decode_array(batch["targets"]))


def _read_arrays(arrays: Any) -> tuple[Array, ...]:
    return tuple(decode_array(array) for array in arrays)


def _read_hyper(hyper: Mapping[str, Any]) -> dict[str, Any]:
    return {name: read_value(value) for name, value in hyper.items()}


def read_value(value: Any) -> Any:
    """A number from its bit pattern; a bool or None as it is; ``{"text": ...}`` and lists are wrong types."""
    if isinstance(value, str):
        return decode(value)
    if isinstance(value, dict):
        return value["text"]
    return [read_value(item) for item in value] if isinstance(value, list) else value
