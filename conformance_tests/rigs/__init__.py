"""
What the reliability cases need from an implementation: a rig, found by the name of its module.

A case is a function of a rig, so that an implementation for another framework is put to the same
cases by one more file here.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from conformance_tests.cells import KERAS_BACKENDS

Arrays = dict[str, np.ndarray]

RIGS = ("core", "torch", "jax", *(f"keras-{backend}" for backend in KERAS_BACKENDS))
"""Frameworks; what follows a hyphen is the backend of Keras, which takes a process of its own."""

START = (np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([0.25, -0.75, 1.5]))
"""Parameters of a run where a case has none of its own."""

CUT = ("momo", "momo_adam", "momo_am", "schedule_free_sps")
"""Rules that need the loss, one of each way to average."""

NO_LOSS = object()
"""In the place of a loss: the step is called without one."""

RULES = (*CUT, "sgdm", "adamw", "am_adamw")
"""Rules that the cases of a run are put to."""


class WayToSet(NamedTuple):
    """
    A way by which settings get into an optimizer.

    Attributes
    ----------
    name : str
    attempt : callable
        Tries it.
    look : callable
        State and settings of what there was before, which a failed attempt must not change.
    """

    name: str
    attempt: Callable[[], object]
    look: Callable[[], object]


class Run(ABC):
    """An optimizer of a framework with its parameters."""

    @abstractmethod
    def step(self, grads: Sequence[Any], loss: Any = NO_LOSS) -> None:
        """
        Take a step.

        Parameters
        ----------
        grads : sequence of arrays or None
            NumPy arrays of float64 are given the dtypes of the parameters; others are taken as they are.
        loss : number or array
            Handed to the framework as it is; without it the framework is told nothing.
        """

    @abstractmethod
    def set_learning_rate(self, rate: float) -> None:
        """Let the next steps have another learning rate, as a schedule does."""

    @property
    @abstractmethod
    def params(self) -> list[np.ndarray]:
        """The parameters in float64, copied."""

    @property
    @abstractmethod
    def state(self) -> Arrays:
        """All that decides how the run goes on, in its dtypes, copied; not the count of skipped steps."""

    @property
    @abstractmethod
    def info(self) -> dict[str, float]:
        """What the last step did, by the names of `momo_core.Info`, without those that are None."""

    @property
    @abstractmethod
    def skipped_steps(self) -> int:
        """Number of skipped steps."""

    @abstractmethod
    def save(self) -> Any:
        """The state, as the framework saves it."""

    @abstractmethod
    def load(self, saved: Any) -> None:
        """Go on from a saved state; the parameters are the caller's."""

    def snapshot(self) -> Arrays:
        """Parameters and state."""
        return {**{f"parameter {i}": param for i, param in enumerate(self.params)}, **self.state}


class Rig(ABC):
    """
    The optimizers of a framework.

    Attributes
    ----------
    name : str
    dtypes : tuple of str
        Of parameters.
    """

    name: str
    dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16", "float16")

    @abstractmethod
    def make(
        self,
        rule: str,
        hyper: Mapping[str, Any] | None = None,
        params: Sequence[Any] = START,
        *,
        dtype: str | Sequence[str] = "float32",
        **options: Any,
    ) -> Run:
        """
        Make an optimizer for parameters.

        Parameters
        ----------
        rule : str
            Name in the specification.
        hyper : mapping, optional
            By the names of the specification.
        params : sequence of arrays
            NumPy arrays of float64 are given a dtype; others are taken as they are.
        dtype : str or sequence of str
            Of all parameters, or of each.
        **options
            Further arguments of the constructor, by the names of the framework.
        """

    @abstractmethod
    def array(self, values: Any, dtype: str = "float32") -> Any:
        """An array of the framework."""

    @abstractmethod
    def ways_to_set(self, rule: str, hyper: Mapping[str, Any]) -> Iterator[WayToSet]:
        """The ways by which settings get into an optimizer."""


def is_double(array: Any) -> bool:
    """Whether a case wrote the array without a thought of its dtype."""
    return isinstance(array, np.ndarray) and array.dtype == np.float64


def passed(**loss: Any) -> dict[str, Any]:
    """The argument with the loss, nothing for `NO_LOSS`."""
    return {name: value for name, value in loss.items() if value is not NO_LOSS}


def assert_same(left: Mapping[str, np.ndarray], right: Mapping[str, np.ndarray]) -> None:
    """Equal to the bit, signs of zeros and dtypes included; all NaNs are one."""
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert array.dtype == right[name].dtype, name
        assert array.shape == right[name].shape, name
        one, other = (np.asarray(each, np.float64) for each in (array, right[name]))
        np.testing.assert_array_equal(one, other, name)
        np.testing.assert_array_equal(np.signbit(one), np.signbit(other), name)


@contextmanager
def unchanged(run: Run) -> Iterator[None]:
    """Nothing may happen to parameters and state."""
    before = run.snapshot()
    yield
    assert_same(before, run.snapshot())


@cache
def load_rig(name: str) -> Rig:
    """The rig of a framework, in a process that runs it."""
    module = importlib.import_module(f"conformance_tests.rigs.{name.split('-')[0]}_rig")
    rig: Rig = module.RIG
    return rig
