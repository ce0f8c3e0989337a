"""What the judge asks of an implementation."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from momo_spec.arithmetic import Array
from momo_spec.problem import Problem, Step


class UnsupportedError(Exception):
    """The implementation does not claim to be able to do this."""


class BrokenSubjectError(Exception):
    """The implementation cannot be asked anything more: it hangs, is gone, or makes no sense."""


class CheckpointError(Exception):
    """A run that went on from its checkpoint is not the run itself."""


class PartialWriteError(Exception):
    """A step raised an error, but after it had changed parameters."""


class RefusedError(Exception):
    """
    A program refused its input.

    Attributes
    ----------
    code : str or None
        Error code of the specification.
    """

    def __init__(self, message: str, code: str | None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Taken:
    """What a step left; `info` has what the implementation tells, `skipped` is None where it does not."""

    params: Sequence[Array]
    info: Mapping[str, float] = field(default_factory=dict)
    skipped: bool | None = None


class Subject(Protocol):
    """An implementation of one optimizer."""

    @property
    def name(self) -> str:
        """Name and version, for the report."""

    @property
    def dtypes(self) -> Sequence[str]:
        """Of "float64", "float32", "float16" and "bfloat16"."""

    def run(self, problem: Problem, steps: Sequence[Step], dtype: str) -> Generator[Taken, None, None]:
        """
        Build the optimizer, take the steps and give the result of each.

        A step is asked for when the result of the one before it has been given, since its gradients may be
        those at that result.

        Raises
        ------
        UnsupportedError
            If the implementation has no means for something that is asked.
        BrokenSubjectError
            If nothing more can be asked of it.
        Exception
            Whatever it raises itself.
        """
