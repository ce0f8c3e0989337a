"""Compare an implementation, step by step, with the golden vectors of an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np

from momo_spec.arithmetic import Array
from momo_spec.problem import Problem, Step
from momo_spec.vector_file import InvalidVector, Vector, VectorFile

from .compare import FailedError, Failure, check_step
from .subjects.base import (
    BrokenSubjectError,
    CheckpointError,
    PartialWriteError,
    Subject,
    Taken,
    UnsupportedError,
)

Status = Literal["pass", "fail", "unsupported", "not run"]

PLAIN_START = (np.array([1.0, 2.0]),)
"""Parameters for a test of the constructor alone."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """
    What became of a vector.

    Attributes
    ----------
    vector : Vector or InvalidVector
    status : str
    passed : tuple of str
        Dtypes in which it passed.
    failures : tuple of Failure
        One for each dtype in which it failed.
    reason : str
        Of ``unsupported`` and ``not run``.
    bound_used : float
        All tiers but T0: the largest error of a dtype that passed, in units of its bound.
    """

    vector: Vector | InvalidVector
    status: Status
    passed: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    reason: str = ""
    bound_used: float = 0.0

    @property
    def tier(self) -> str:
        """``T0``, ``T1``, ``T2``, ``T3`` or ``invalid``."""
        return self.vector.tier if isinstance(self.vector, Vector) else "invalid"

    @property
    def flags(self) -> tuple[str, ...]:
        """What the vector is about."""
        return self.vector.flags if isinstance(self.vector, Vector) else ("Invalid",)


def judge(
    subject: Subject,
    vectors: VectorFile,
    dtypes: Sequence[str],
    *,
    advance: Callable[[], None] = lambda: None,
) -> list[Verdict]:
    """
    Run all vectors.

    Parameters
    ----------
    subject : Subject
    vectors : VectorFile
    dtypes : sequence of str
        Those to run; a vector is unsupported where none of them is also the subject's and its own.
    advance : callable
        Called after each vector.

    Returns
    -------
    list of Verdict
        In the order of the file.  After a `BrokenSubjectError` the rest is not run.
    """
    verdicts: list[Verdict] = []
    broken = False
    usable = [dtype for dtype in dtypes if dtype in subject.dtypes]
    for vector in all_vectors(vectors):
        if broken:
            verdicts.append(Verdict(vector, "not run", reason="the implementation broke down before"))
        else:
            verdicts.append(_verdict(subject, vector, usable))
            broken = any(failure.quantity == "broken" for failure in verdicts[-1].failures)
        advance()
    return verdicts


def all_vectors(vectors: VectorFile) -> list[Vector | InvalidVector]:
    """Trajectories first."""
    return [*vectors.tests, *vectors.invalid]


def _verdict(subject: Subject, vector: Vector | InvalidVector, dtypes: Sequence[str]) -> Verdict:
    """Run a vector in each dtype that it applies to."""
    applicable = (
        [dtype for dtype in dtypes if dtype in vector.dtypes] if isinstance(vector, Vector) else dtypes
    )
    passed, failures, used, reasons = [], [], 0.0, ["no common dtype"]
    for dtype in applicable if isinstance(vector, Vector) else applicable[:1]:
        try:
            used = max(used, _run(subject, vector, dtype))
            passed.append(dtype)
        except UnsupportedError as unsupported:
            reasons.append(str(unsupported))
        except FailedError as failed:
            failures.append(failed.failure)
        except BrokenSubjectError as broken:
            failures.append(Failure(dtype, None, "broken", None, str(broken)))
            break
    status: Status = "fail" if failures else "pass" if passed else "unsupported"
    reason = reasons[-1] if status == "unsupported" else ""
    return Verdict(vector, status, tuple(passed), tuple(failures), reason, used)


def _run(subject: Subject, vector: Vector | InvalidVector, dtype: str) -> float:
    """Run a vector in a dtype and return the part of the bound that was used."""
    if isinstance(vector, InvalidVector):
        _expect_refusal(subject, vector, dtype)
        return 0.0
    used, inputs = 0.0, Inputs(vector)
    with np.errstate(all="ignore"), closing(subject.run(vector.problem, inputs, dtype)) as steps:
        for index in range(len(vector.steps)):
            taken = _next(steps, dtype, index)
            used = max(used, check_step(vector, dtype, index, taken))
            inputs.params = taken.params
    return used


class Inputs(Sequence[Step]):
    """
    The steps of a vector, each with its loss and gradients at the parameters that the last one left.

    Attributes
    ----------
    params : sequence of arrays
        Those of the implementation itself, float64.
    """

    def __init__(self, vector: Vector) -> None:
        self._steps = vector.steps
        self.params: Sequence[Array] = vector.problem.x0

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | Sequence[Step]:
        if isinstance(index, slice):
            return [step.at(self.params) for step in self._steps[index]]
        return self._steps[index].at(self.params)


def _next(steps: Iterator[Taken], dtype: str, index: int) -> Taken:
    """The next step of the subject; an exception of its own becomes a failure."""
    try:
        return next(steps)
    except (UnsupportedError, BrokenSubjectError):
        raise
    except CheckpointError as error:
        raise FailedError(Failure(dtype, index, "checkpoint", None, str(error))) from error
    except Exception as error:
        message = f"raised {type(error).__name__}: {_first_line(error)}"
        raise FailedError(Failure(dtype, index, "exception", None, message)) from error


def _expect_refusal(subject: Subject, vector: InvalidVector, dtype: str) -> None:
    """An error, with the code of the vector where it has one at all, before anything is written."""
    problem = Problem(vector.hyper, vector.x0 or PLAIN_START)
    steps = () if vector.step is None else (vector.step,)
    step = 0 if steps else None
    try:
        with closing(subject.run(problem, steps, dtype)) as taken:
            for _ in taken:
                pass
    except (UnsupportedError, BrokenSubjectError):
        raise
    except PartialWriteError as error:
        raise FailedError(Failure(dtype, step, "error", None, str(error))) from error
    except Exception as error:
        code = getattr(error, "code", None)
        if isinstance(code, str) and code != vector.error_code:
            message = f"refused with {code} instead of {vector.error_code}"
            raise FailedError(Failure(dtype, step, "error", None, message)) from error
        return
    raise FailedError(Failure(dtype, step, "error", None, f"accepted; expected {vector.error_code}"))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")
