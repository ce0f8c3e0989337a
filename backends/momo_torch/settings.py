"""Settings of parameter groups: their names in the specification, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
