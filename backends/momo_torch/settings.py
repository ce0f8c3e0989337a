"""Settings of parameter groups: their names in the specification, and their checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor

from momo_core import InvalidTypeError, InvalidValueError, Kind
from momo_core.state import GROUP_HYPER

Names = Mapping[str, tuple[str, ...]]
"""Argument of a class to its names in the specification, two for a pair."""


def canonical_hyper(group: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """
    Hyper-parameters of a parameter group by their names in the specification.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If a pair is not a sequence of two.
    """
    hyper: dict[str, Any] = {}
    for argument, targets in names.items():
        value = group[argument]
        if len(targets) == 1:
            hyper[targets[0]] = value
            continue
        if not isinstance(value, tuple | list):
            raise InvalidTypeError(f"{argument} must be a pair, got {value!r}", f"E_{argument.upper()}_TYPE")
        if len(value) != len(targets):
            raise InvalidValueError(
                f"{argument} must be a pair, got {value!r}", f"E_{argument.upper()}_RANGE"
            )
        hyper.update(zip(targets, value, strict=True))
    return hyper


def check_settings(kind: Kind, names: Names, group: Mapping[str, Any]) -> None:
    """
    Check the settings of a parameter group against their domains.

    Raises
    ------
    InvalidTypeError, InvalidValueError
    """
    kind.check(canonical_hyper(group, names), group["on_nonfinite"])


def check_shared(names: Names, first: Mapping[str, Any], group: Mapping[str, Any]) -> None:
    """
    Check that a group agrees with the first one on all that concerns the whole step.

    Raises
    ------
    InvalidValueError
    """
    for argument, targets in {**names, "on_nonfinite": ()}.items():
        if targets and targets[0] in GROUP_HYPER:
            continue
        if group[argument] != first[argument]:
            raise InvalidValueError(
                f"Invalid {argument}: all parameter groups must share it, got {group[argument]!r} and "
                f"{first[argument]!r}",
                "E_GROUP_SHARED",
            )


def check_group(kind: Kind, names: Names, first: Mapping[str, Any], group: Mapping[str, Any]) -> None:
    """
    Check a parameter group before its state is made: its settings, and its parameters.

    Raises
    ------
    InvalidTypeError, InvalidValueError
    """
    check_settings(kind, names, group)
    check_shared(names, first, group)
    check_tensors(group["params"], first["params"][0].device)


class Conventions(TypedDict, total=False):
    """
    Arguments of PyTorch's optimizers that code may pass to any of them.

    Attributes
    ----------
    capturable : bool
        Whether a CUDA graph may capture the step; it always may: no value is read on the
        host, and the state is written in place.
    foreach : bool or None
        False: tensor by tensor, with all results in memory before any is written; otherwise
        many small tensors at once and large ones in chunks, see `momo_torch.streamed`.
    fused : bool or None
        Whether kernels on the CPU take the steps, see `momo_torch.fused`; None where they can.
    maximize, differentiable : bool
        Only False.
    """

    capturable: bool
    foreach: bool | None
    fused: bool | None
    maximize: bool
    differentiable: bool


_REFUSED = {
    "maximize": "the loss, which has a lower bound, is minimised; minimise its negative",
    "differentiable": "no gradient passes through a step",
}


def check_conventions(**conventions: Unpack[Conventions]) -> None:
    """
    Refuse what PyTorch's optimizers offer and these cannot.

    Raises
    ------
    InvalidTypeError, InvalidValueError
    """
    for name, value in conventions.items():
        if not isinstance(value, bool) and not (name in ("foreach", "fused") and value is None):
            raise InvalidTypeError(f"{name} must be a bool, got {value!r}", f"E_{name.upper()}_TYPE")
        if value and name in _REFUSED:
            raise InvalidValueError(f"Invalid {name}: {_REFUSED[name]}", f"E_{name.upper()}")


def drop_duplicates(group: dict[str, Any]) -> None:
    """Keep the first of each parameter that a group lists twice, with its name."""
    names = group.get("param_names", group["params"])
    first = dict(reversed(list(zip(group["params"], names, strict=True))))
    kept = {param: first[param] for param in group["params"]}
    group["params"] = list(kept)
    if "param_names" in group:
        group["param_names"] = list(kept.values())


def check_tensors(params: Sequence[Tensor], device: torch.device) -> None:
    """
    Check that the parameters can be written in one sweep: on one device, each element in its own place.

    Raises
    ------
    InvalidTypeError, InvalidValueError
    """
    for param in params:
        if param.layout != torch.strided:
            raise InvalidTypeError(f"parameters must be dense, got {param.layout}", "E_PARAMS_LAYOUT")
        if param.device != device:
            raise InvalidValueError(
                f"parameters must be on one device, got {param.device} and {device}", "E_PARAMS_DEVICE"
            )
        if shares_memory_with_itself(param):
            raise InvalidValueError(
                f"elements of a parameter share memory: shape {tuple(param.shape)}, strides {param.stride()}",
                "E_PARAMS_OVERLAP",
            )


def shares_memory_with_itself(tensor: Tensor) -> bool:
    """Whether a dimension strides over less than the shorter ones reach, as in an expanded tensor."""
    reach = 0
    strides = zip(tensor.stride(), tensor.shape, strict=True)
    for stride, size in sorted((stride, size) for stride, size in strides if size > 1):
        if stride <= reach:
            return tensor.numel() > 0
        reach += stride * (size - 1)
    return False
