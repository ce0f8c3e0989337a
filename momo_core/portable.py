"""
The state of an optimizer as plain data: save it in one framework, go on in another.

>>> import numpy as np
>>> import momo_core
>>> rule, params = momo_core.momo(learning_rate=0.5), [np.array([3.0, -4.0])]
>>> params, state, info = rule.step(params, params, 12.5, rule.init(params))
>>> portable = momo_core.PortableState.of(rule, state, steps=1, tensor_steps=[1])
>>> again = portable.restored(rule, params)
>>> again.leaves[0]["grad_avg"].tolist(), float(again.scalars["predicted_loss"])
([3.0, -4.0], 0.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arrays import Array, Namespace, find_namespace
from .direction import Leaf, Scalars
from .portable_file import FilePath, numbers_as_json, numbers_from_json, read_file, refuse, write_file
from .rule import Rule
from .rules import SPEC_VERSION
from .state import State


@dataclass(frozen=True)
class PortableState:
    """
    State of an optimizer that belongs to no framework.

    It is the state of the optimizer and not the parameters: whoever goes on needs both.

    Attributes
    ----------
    rule : str
        Name of the optimizer in the specification.
    tensors : tuple of dict
        State of each parameter tensor by name: NumPy arrays, float32 or float64.
    scalars : dict
        Scalar state by name, NumPy arrays of shape (); ``skipped_steps`` is int32.
    steps : int
        Steps taken, without the skipped ones.
    tensor_steps : tuple of int
        In how many of them each tensor had a gradient; where a framework does not count
        them, 0 or `steps`.
    hyper : dict
        Hyper-parameters by canonical name, without those that had no fixed value.  Loading
        sets none of them.
    names : tuple of str
        Names of the tensors in their framework; may be empty.
    spec_version : str
        Of the specification by which the state was made.

    Raises
    ------
    InvalidValueError
        If the parts do not fit together.
    """

    rule: str
    tensors: tuple[Leaf, ...]
    scalars: Scalars
    steps: int
    tensor_steps: tuple[int, ...]
    hyper: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    spec_version: str = SPEC_VERSION

    def __post_init__(self) -> None:
        count = len(self.tensors)
        if not self.scalars:
            refuse("a state without scalars", "FILE")
        if len(self.tensor_steps) != count:
            refuse(f"{count} tensors, but steps of {len(self.tensor_steps)}", "FILE")
        if any(not 0 <= steps <= self.steps for steps in self.tensor_steps):
            refuse(f"steps of the tensors must be in [0, {self.steps}]", "FILE")
        if self.names and not len(self.names) == len(set(self.names)) == count:
            refuse(f"{count} tensors, but {len(set(self.names))} different names", "FILE")

    @classmethod
    def of(
        cls,
        rule: Rule,
        state: State,
        *,
        steps: int,
        tensor_steps: Sequence[int],
        names: Sequence[str] = (),
    ) -> PortableState:
        """
        Copy the state of a rule whose arrays are NumPy's.

        Parameters
        ----------
        rule : Rule
        state : State
        steps, tensor_steps, names
            As the attributes.
        """
        hyper = {name: _plain(value) for name, value in rule.hyper.items()}
        return cls(
            rule=rule.name,
            tensors=tuple(_copied(leaf) for leaf in state.leaves),
            scalars=_copied(state.scalars),
            steps=steps,
            tensor_steps=tuple(tensor_steps),
            hyper={name: value for name, value in hyper.items() if value is not None},
            names=tuple(names),
        )

    def in_order(self, names: Sequence[str]) -> PortableState:
        """
        The same tensors in another order, for a framework that lists them differently.

        Parameters
        ----------
        names : sequence of str
            Of `names`, each at most once; the tensors of the others are left out.

        Raises
        ------
        InvalidValueError
            If a name is unknown or comes twice.
        """
        if unknown := [name for name in names if name not in self.names]:
            refuse(f"no tensor is named {', '.join(unknown)}; there are: {', '.join(self.names)}", "NAMES")
        rows = [self.names.index(name) for name in names]
        return replace(
            self,
            tensors=tuple(self.tensors[row] for row in rows),
            tensor_steps=tuple(self.tensor_steps[row] for row in rows),
            names=tuple(names),
        )

    def restored(self, rule: Rule, params: Sequence[Any]) -> State:
        """
        The state as an optimizer of these tensors takes it.

        Parameters
        ----------
        rule : Rule
            Of the optimizer that goes on.
        params : sequence
            Its tensors, of which only ``shape`` and ``dtype`` are read.

        Returns
        -------
        State
            New NumPy arrays, of the dtypes that `Rule.init` gives the state of `params`.  To
            a wider dtype that is exact; to a narrower one each number is rounded once.

        Raises
        ------
        InvalidValueError
            If this is the state of another rule or of other tensors, if it belongs to another
            value of a hyper-parameter without which it has no meaning, or if a number is too
            large for its new dtype.
        """
        self._check_rule(rule)
        if len(params) != len(self.tensors):
            refuse(f"a state of {len(self.tensors)} tensors, but {len(params)} parameters", "NUMBER")
        first = _first_state(rule, params, like=self.scalars)
        leaves = [
            _fitted(f"tensor {index}", leaf, wanted)
            for index, (leaf, wanted) in enumerate(zip(self.tensors, first.leaves, strict=True))
        ]
        return State(tuple(leaves), _fitted("the scalar state", self.scalars, first.scalars))

    def _check_rule(self, rule: Rule) -> None:
        if self.rule != rule.name:
            refuse(f"a state of {self.rule!r} cannot be loaded into {rule.name!r}", "RULE")
        for name in rule.direction.state_hyper:
            saved, wanted = self.hyper.get(name), _plain(rule.hyper[name])
            if saved != wanted:
                refuse(f"the state was made with {name} = {saved} and means nothing with {wanted}", "HYPER")


def save_state(path: FilePath, state: PortableState) -> None:
    """
    Write a state to a file; one that is there is replaced in one move or stays as it is.

    Parameters
    ----------
    path : str or path
    state : PortableState

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    arrays = {f"scalars.{name}": array for name, array in state.scalars.items()}
    for index, leaf in enumerate(state.tensors):
        arrays |= {f"tensors.{index}.{name}": array for name, array in leaf.items()}
    header = {
        "spec_version": state.spec_version,
        "rule": state.rule,
        "steps": state.steps,
        "tensor_steps": state.tensor_steps,
        "names": state.names,
        "hyper": numbers_as_json(state.hyper),
    }
    write_file(path, arrays, header)


def load_state(path: FilePath) -> PortableState:
    """
    Read a state from a file.

    Raises
    ------
    OSError
        If the file cannot be read.
    InvalidValueError
        If it is damaged, is no state of an optimizer, or its format is newer than this program.
    """
    arrays, header = read_file(path)
    try:
        tensor_steps = tuple(_count(steps) for steps in header["tensor_steps"])
        scalars, tensors = _by_place(arrays, len(tensor_steps))
        return PortableState(
            rule=_text(header["rule"]),
            tensors=tensors,
            scalars=scalars,
            steps=_count(header["steps"]),
            tensor_steps=tensor_steps,
            hyper=numbers_from_json(header["hyper"]),
            names=tuple(_text(name) for name in header["names"]),
            spec_version=_text(header["spec_version"]),
        )
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        refuse(f"{path} is no complete state: {error!r}", "FILE")


def _by_place(arrays: Mapping[str, Array], count: int) -> tuple[Scalars, tuple[Leaf, ...]]:
    """The scalars and the state of each tensor, from the names in the file."""
    scalars: Scalars = {}
    tensors: list[Leaf] = [{} for _ in range(count)]
    for key, array in arrays.items():
        match key.split(".", 1):
            case "scalars", name:
                scalars[name] = array
            case "tensors", place:
                index, name = place.split(".", 1)
                tensors[range(count).index(int(index))][name] = array
            case _:
                raise ValueError(f"{key!r} belongs to no state")
    return scalars, tuple(tensors)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _copied(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays of their own memory, contiguous."""
    return {name: find_namespace([array]).asarray(array).copy() for name, array in arrays.items()}


def _plain(value: Any) -> float | bool | str | None:
    """A hyper-parameter as it is written; None for a schedule."""
    if isinstance(value, bool | str):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _first_state(rule: Rule, params: Sequence[Any], *, like: Mapping[str, Array]) -> State:
    """State before the first step of tensors of these shapes and dtypes, as arrays like others."""
    xp = find_namespace(like.values())
    dtypes = [xp.float64 if "float64" in str(param.dtype) else xp.float32 for param in params]
    zeros = (xp.zeros(tuple(param.shape), dtype=dtype) for param, dtype in zip(params, dtypes, strict=True))
    return rule.init(list(zeros), xp=xp)


def _fitted(place: str, saved: Mapping[str, Array], wanted: Mapping[str, Array]) -> dict[str, Array]:
    """Copies of `saved` with the dtypes of `wanted`."""
    if saved.keys() != wanted.keys():
        refuse(f"{place} has {', '.join(sorted(saved))} and needs {', '.join(sorted(wanted))}", "NAMES")
    return {name: _converted(f"{name} of {place}", saved[name], array) for name, array in wanted.items()}


def _converted(place: str, saved: Array, wanted: Array) -> Array:
    """A copy of `saved` with the dtype of `wanted`."""
    if saved.shape != wanted.shape:
        refuse(f"{place} has shape {saved.shape} and needs {wanted.shape}", "SHAPE")
    xp = find_namespace([saved])
    both_real = all(xp.isdtype(array.dtype, "real floating") for array in (saved, wanted))
    if not both_real and saved.dtype != wanted.dtype:
        refuse(f"{place} has dtype {saved.dtype} and needs {wanted.dtype}", "DTYPE")
    if both_real:
        _check_size(place, saved, wanted.dtype, xp=xp)
    return xp.astype(saved, wanted.dtype, copy=True)


def _check_size(place: str, saved: Array, dtype: Any, *, xp: Namespace) -> None:
    """Refuse numbers that are finite and would not be in another dtype."""
    largest = float(xp.finfo(dtype).max)
    narrower = largest < float(xp.finfo(saved.dtype).max)
    if narrower and bool(xp.any(xp.isfinite(saved) & (xp.abs(saved) > largest))):
        refuse(f"{place} has a number above {largest:.3g}, the largest of {dtype}", "RANGE")
