"""Numbers of tests, which are never used again: a test keeps its own, a new one gets the next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

FIRST_ID = {"T0": 1, "T2": 1001, "invalid": 2001, "T1": 3001, "T3": 4001}
"""Number of the first test of each tier."""

TOLD = ("tcId", "comment", "flags", "margin")
"""What is said about a test: it may change, the rest is the test itself."""


def numbered_group(
    tier: str, tests: Sequence[Mapping[str, Any]], written: Mapping[str, Any] | None
) -> dict[str, Any]:
    """
    Number the tests of a tier.

    Parameters
    ----------
    tier : str
        A key of `FIRST_ID`.
    tests : sequence of mappings
        Without ``tcId``.
    written : mapping or None
        The group as it was written last.

    Returns
    -------
    dict
        ``tests`` by number, and ``withdrawn``, the numbers of tests that are gone, if there are any.
    """
    written = written or {"tests": []}
    known = {_content(test): test["tcId"] for test in written["tests"]}
    used = {*known.values(), *written.get("withdrawn", ())}
    new = count(max(used, default=FIRST_ID[tier] - 1) + 1)
    numbered = [{**test, "tcId": known.get(_content(test)) or next(new)} for test in tests]
    withdrawn = sorted(used - {test["tcId"] for test in numbered})
    ordered = sorted(numbered, key=lambda test: int(test["tcId"]))
    return {"tests": ordered, **({"withdrawn": withdrawn} if withdrawn else {})}


def is_dense(group: Mapping[str, Any]) -> bool:
    """Whether tests and withdrawn numbers are all from the first one on, each once, in order."""
    ids = [test["tcId"] for test in group["tests"]]
    every = sorted([*ids, *group.get("withdrawn", ())])
    first = FIRST_ID[group["tier"]]
    return ids == sorted(ids) and every == list(range(first, first + len(every)))


def _content(test: Mapping[str, Any]) -> str:
    return json.dumps({key: value for key, value in test.items() if key not in TOLD}, sort_keys=True)
