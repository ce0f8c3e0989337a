"""What stays the same from step to step of the kernels, and one step with it."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from momo_core import Kind, State
from momo_core.overflow import growth_of, stays_finite
from momo_core.phases import GroupCoefficients
from momo_core.reduction import Reduction
from momo_core.state import GROUP_HYPER
from momo_core.step import Step
from momo_kernels.chunks import SERIAL

from . import scalars as xp
from . import state, threads
from .table import Numbers, Table

if TYPE_CHECKING:
    from momo_kernels.compiled import Kernels

Row = npt.NDArray[np.floating[Any]]
Sums = npt.NDArray[np.float64]

_version_of = operator.attrgetter("_version")


class Settings(NamedTuple):
    """
    What a plan was made for.

    Attributes
    ----------
    hypers : list of dict
        Hyper-parameters of each group, none of them a tensor.
    sizes : list of int
        Number of parameters of each group.
    moving : list of int, optional
        The parameters with a gradient; None for all.
    on_nonfinite : str
    """

    hypers: list[dict[str, Any]]
    sizes: list[int]
    moving: list[int] | None
    on_nonfinite: str

    @property
    def group_of(self) -> npt.NDArray[np.intp]:
        """Group of each parameter with a gradient."""
        groups = np.repeat(np.arange(len(self.sizes)), self.sizes)
        return groups if self.moving is None else groups[self.moving]


class Plan:
    """
    How an optimizer with its present settings steps on its present tensors.

    `prepare` only reads, `apply` writes.

    Parameters
    ----------
    kind : Kind
    table : Table
    settings : Settings
    """

    def __init__(self, kind: Kind, table: Table, settings: Settings) -> None:
        self.kind, self.table = kind, table
        self.kept = [*kind.direction.scalar_state, *kind.model.scalar_state]
        self.type = table.like.dtype.type
        self.largest = float(np.finfo(self.type).max)
        elements = sum(param.numel() for param in table.params)
        self.small = elements <= SERIAL
        self.helpers = 0 if self.small else min(torch.get_num_threads(), len(table.chunks)) - 1
        self.param_size, self.versions = 0.0, list[int]()
        self.adopt(settings)

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings, as under a schedule; what is known of the tensors stays."""
        hypers, self.settings = settings.hypers, settings
        self.rule = self.kind.rule(hypers[0], settings.on_nonfinite)
        self.groups = [{name: hyper[name] for name in GROUP_HYPER} for hyper in hypers]
        decays = any(hyper["weight_decay"] != 0 for hyper in hypers)
        self.kernels: Kernels = kernel_table()[self.kind.name, decays]
        self.new = np.empty((len(self.kernels.tensor_state), self.table.count), self.type)
        self.step = self._started({name: self.type(0) for name in self.kept})
        self.step.begin(self.type(0), self.groups, range(len(hypers)), [False] * len(hypers))
        self.own = self._numbers_of_groups(self.step.groups, settings.group_of)
        self.growth = growth_of(self.step.groups)

    def prepare(self, numbers: Numbers, loss: float | None) -> bool:
        """
        Read the tensors and choose the step; whether it can be taken.

        Parameters
        ----------
        numbers : dict of str to array, shape ()
            The scalar state.
        loss : float, optional
        """
        kernels, scope = self.kernels, self._begin(numbers, loss)
        self._read_numbers_of_tensors()
        measured: list[float] = []
        if kernels.measure is not None:
            measured = self._choose(self._sweep(kernels.measure, kernels.measure_sums))
        sums = self._added(self._sweep(kernels.accumulate, kernels.accumulate_sums))
        named = dict(zip(kernels.accumulate_sums, sums, strict=True))
        named["size_param"] = self._size_of_params()
        named.setdefault("decay_drop", self.type(0))
        self.step.solve(named)
        checked = [*measured, *named.values(), scope.get("loss", 0.0), scope.get("model_value", 0.0)]
        return all(map(math.isfinite, checked)) and self._stays_small(named)

    def apply(self, numbers: Numbers) -> None:
        """
        Write everything.

        Raises
        ------
        FloatingPointError
            With ``on_nonfinite="raise"``, if a parameter was not finite and nobody could know: it
            was written through ``.data``.  All others have moved then.
        """
        from momo_kernels.compiled import count, scatter

        table, names = self.table, self.kernels.apply_sums
        sums = dict(zip(names, self._added(self._sweep(self.kernels.apply, names)), strict=True))
        for row, pointers in zip(self.new, table.number_pointers, strict=True):
            scatter(pointers, table.like, row)
        count(table.step_pointers, table.counter_like)
        self._note_size(float(sums["size_new_param"]))
        change = sums.get("model_change", self.type(0))
        self.step.predict(change if math.isfinite(self.param_size) else self.type(0))
        kept = {name: self.step.scope[name] for name in self.kept}
        info = self.step.info(kept, np.True_)._asdict()
        told = {state.shown(name): value for name, value in info.items() if value is not None}
        for name, value in (told | kept).items():
            numbers[name][()] = value
        if self.settings.on_nonfinite == "raise" and not math.isfinite(self.param_size):
            raise FloatingPointError(f"{self.rule.name}: a parameter is not finite")

    def _size_of_params(self) -> float:
        """Sum of the absolute values of the parameters; they are not read again where nobody has written."""
        from momo_kernels.compiled import param_size

        # To read a few small tensors takes less time than to ask for their versions.
        if self.small or self.versions != versions(self.table.params):
            self.param_size = float(self._added(self._sweep(param_size, ("size_param",)))[0])
        return self.param_size

    def _note_size(self, size: float) -> None:
        """Tell PyTorch of the write, and keep what is known of the parameters after it."""
        torch.autograd.graph.increment_version(self.table.params)
        self.param_size = size
        self.versions = [] if self.small or not math.isfinite(size) else versions(self.table.params)

    def _started(self, scalars: dict[str, Any]) -> Step:
        """
        The scalar part of a step.

        A number stands for all tensors of a group: that part asks no more of them.
        """
        count = len(self.groups)
        nothing = State(({},) * count, scalars)
        return Step(
            self.rule, [None] * count, [0.0] * count, nothing, xp, dict(self.rule.hyper), Reduction(xp)
        )

    def _begin(self, numbers: Numbers, loss: float | None) -> dict[str, Any]:
        """Coefficients of this step."""
        step, old = self.step, {name: numbers[name][()] for name in self.kept}
        step.scope = {**old, "max_learning_rate": step.scope["max_learning_rate"]}
        step.scope |= self.rule.direction.begin(step.scope, step.hyper, xp=xp)
        if self.rule.model.needs_loss:
            step.scope["loss"] = self.type(loss)
        return step.scope

    def _numbers_of_groups(self, groups: Sequence[GroupCoefficients], group_of: npt.NDArray[np.intp]) -> Row:
        """The numbers that each tensor has for itself; those of no group are still empty."""
        own = np.zeros((self.table.count, len(self.kernels.own)), self.type)
        for column, name in enumerate(self.kernels.own):
            if hasattr(groups[0], name):
                values = [getattr(group, name) for group in groups]
                own[:, column] = np.array([0 if value is None else value for value in values])[group_of]
        return own

    def _read_numbers_of_tensors(self) -> None:
        """Which tensors are at their first step, and the state that is one number."""
        from momo_kernels.compiled import gather

        table, names = self.table, self.kernels.own
        if "fresh" in names:
            steps = np.empty(table.count, table.counter_like.dtype)
            gather(table.step_pointers, table.counter_like, steps)
            self.own[:, names.index("fresh")] = steps == 0
        for name, pointers in zip(self.kernels.tensor_state, table.number_pointers, strict=True):
            gather(pointers, table.like, self.own[:, names.index(name)])

    def _sweep(self, kernel: Any, rows: Sequence[str]) -> Sums:
        """Sums of each chunk."""
        table, scope, hyper = self.table, self.step.scope, self.step.hyper
        sums, counter = np.empty((len(rows), len(table.chunks))), np.zeros(1, np.int64)
        # What the sweep does not need may be unknown yet.
        values = [scope[name] if name in scope else hyper.get(name, 0) for name in self.kernels.scalars]
        row = np.array(values, self.type)
        arguments = (table.like, row, self.own, table.pointers, table.chunks, counter, sums, self.new)
        threads.together(partial(kernel, *arguments), self.helpers)
        return sums

    def _added(self, sums: Sums) -> Row:
        """Sums over all chunks, pairwise, whatever thread took which."""
        added: Row = np.add.reduce(sums, axis=1).astype(self.type)
        return added

    def _choose(self, sums: Sums) -> list[float]:
        """Coefficients that depend on sums, of all tensors or of each; returns these sums."""
        step, choose = self.step, self.rule.direction.choose
        assert choose is not None
        if step.hyper.get("beta_scope") == "tensor":
            parts = np.add.reduceat(sums, self.table.starts, axis=1).astype(self.type)
            chosen = choose(step.scope, list(parts), step.hyper, xp=np)
            step.scope |= {name: values.mean(dtype=self.type) for name, values in chosen.items()}
        else:
            parts = self._added(sums)
            chosen = choose(step.scope, list(parts), step.hyper, xp=xp)
            step.scope |= chosen
        for name in set(self.kernels.chosen) & set(self.kernels.own):
            self.own[:, self.kernels.own.index(name)] = chosen[name]
        return list(parts.ravel())

    def _stays_small(self, sums: Mapping[str, float]) -> bool:
        """Whether nothing that `apply` computes can overflow."""
        average = float(sums["size_grad_avg"])
        finite: bool = stays_finite(
            self.growth,
            self.step.scope,
            param=float(sums["size_param"]),
            grad_avg=average,
            direction=float(sums.get("size_direction", average)),
            largest_stored=self.largest,
            largest=self.largest,
        )
        return finite


def versions(params: Sequence[torch.Tensor]) -> list[int]:
    """What PyTorch counts of the writes to tensors: all but those through ``.data``."""
    return list(map(_version_of, params))


def kernel_table() -> Mapping[tuple[str, bool], Kernels]:
    """The generated kernels; Numba is imported here, when it is needed."""
    from momo_kernels.kernels import KERNELS

    found: Mapping[tuple[str, bool], Kernels] = KERNELS
    return found
