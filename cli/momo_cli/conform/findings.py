"""
What the failures have in common.

A vector has several flags, and one fault makes all vectors of its flag fail, so that every other
flag fails somewhere too.  A finding is a flag, or two that come together, whose vectors fail always
or nearly so: the one that explains most failures first, then the one that explains most of the
rest, and so on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from momo_spec.notes import NOTES
from momo_spec.vector_file import Vector

from .judge import Status, Verdict

EVERYTHING = "Everything"
ONLY_IN = {"float64": "OnlyFloat64", "float32": "OnlyFloat32"}
CHECKPOINT = "Checkpoint"
NEARLY_ALWAYS = 0.8

OWN_NOTES = {
    EVERYTHING: "nearly all vectors fail: the formula itself, the mapping of the arguments, the loss.",
    ONLY_IN[
        "float64"
    ]: "right in float32 and not in float64: something is kept in float32, or rounded on the way.",
    CHECKPOINT: "a run that was dumped and loaded in a fresh process goes another way: state is lost.",
    ONLY_IN["float32"]: "right in float64 and not in float32: digits are lost on the way.",
}
"""Of findings that are no flag of the vectors."""


@dataclass(frozen=True)
class Finding:
    """
    What failures have in common.

    Attributes
    ----------
    flags : tuple of str
        One flag, or two that come together; or a key of `OWN_NOTES`.
    failed : tuple of Verdict
        All failures with these flags, those that no earlier finding explains first, by `_size`.
    run : int
        How many vectors with these flags were run.
    """

    flags: tuple[str, ...]
    failed: tuple[Verdict, ...]
    run: int

    @property
    def title(self) -> str:
        """The flags in words."""
        return " with ".join(self.flags)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the vectors of each flag catch."""
        return tuple(note(flag) for flag in self.flags)

    @property
    def smallest(self) -> Verdict:
        """The failure that is easiest to look into."""
        return self.failed[0]


@dataclass(frozen=True)
class FlagRow:
    """A flag and what became of its vectors; `explained` names the findings that its failures belong to."""

    flag: str
    counts: Counter[Status]
    status: Status
    explained: tuple[str, ...]

    @property
    def note(self) -> str:
        """What its vectors catch."""
        return note(self.flag)


def note(flag: str) -> str:
    """What the vectors of a flag catch."""
    return OWN_NOTES.get(flag) or NOTES[flag][1]


def find(verdicts: Sequence[Verdict]) -> list[Finding]:
    """Findings, the one with most failures first; those about refusals last."""
    run = [verdict for verdict in verdicts if verdict.status in ("pass", "fail")]
    groups = [[verdict for verdict in run if (verdict.tier == "invalid") is last] for last in (False, True)]
    return [finding for group in groups for finding in _without_parts(list(_found(group)))]


def rows(verdicts: Sequence[Verdict], findings: Sequence[Finding]) -> list[FlagRow]:
    """A row for each flag of the vectors, sorted."""
    return [_row(flag, verdicts, findings) for flag in sorted({f for v in verdicts for f in v.flags})]


def symptoms(verdict: Verdict) -> frozenset[str]:
    """Flags of a vector, or what the failure itself shows."""
    if any(failure.quantity == "checkpoint" for failure in verdict.failures):
        return frozenset((CHECKPOINT,))
    wrong = {failure.dtype for failure in verdict.failures}
    if len(wrong) == 1 and len({*wrong, *verdict.passed} & ONLY_IN.keys()) == len(ONLY_IN):
        return frozenset(ONLY_IN[dtype] for dtype in wrong)
    return frozenset(verdict.flags)


def _found(run: Sequence[Verdict]) -> Iterator[Finding]:
    failed = _failed(run)
    resumed = any(CHECKPOINT in symptoms(verdict) for verdict in failed)
    if failed and not resumed and failed[0].tier != "invalid" and len(failed) >= NEARLY_ALWAYS * len(run):
        yield Finding((EVERYTHING,), failed, len(run))
        return
    left = list(run)
    while failed := _failed(left):
        flags = _most_telling(left)
        mine = [verdict for verdict in run if symptoms(verdict).issuperset(flags)]
        new = [verdict for verdict in failed if verdict in mine]
        old = [verdict for verdict in _failed(mine) if verdict not in new]
        yield Finding(flags or (EVERYTHING,), (*new, *old), len(mine))
        left = [verdict for verdict in left if verdict.status == "pass" or verdict not in mine]


def _without_parts(findings: Sequence[Finding]) -> list[Finding]:
    """Findings that are not part of another one."""
    numbers = [{verdict.vector.tc_id for verdict in finding.failed} for finding in findings]
    return [
        finding
        for finding, own in zip(findings, numbers, strict=True)
        if not any(own < others for others in numbers)
    ]


def _failed(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    return tuple(sorted((verdict for verdict in verdicts if verdict.status == "fail"), key=_size))


def _most_telling(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """
    Flags whose vectors nearly always fail and explain most; else those with the largest share of failures.

    Of equals the one that is rarer elsewhere; no flags where failures have none.
    """
    run = Counter(flags for verdict in verdicts for flags in _candidates(verdict))
    lost = Counter(flags for verdict in _failed(verdicts) for flags in _candidates(verdict))

    def worth(flags: tuple[str, ...]) -> tuple[float, int, int, int]:
        share = min(lost[flags] / run[flags], NEARLY_ALWAYS)
        return share, lost[flags], -len(flags), -sum(run[flag,] for flag in flags)

    return max(sorted(lost), key=worth, default=())


def _candidates(verdict: Verdict) -> list[tuple[str, ...]]:
    flags = sorted(symptoms(verdict))
    return [*((flag,) for flag in flags), *combinations(flags, 2)]


def _row(flag: str, verdicts: Sequence[Verdict], findings: Sequence[Finding]) -> FlagRow:
    mine = [verdict for verdict in verdicts if flag in verdict.flags]
    counts: Counter[Status] = Counter(verdict.status for verdict in mine)
    order: tuple[Status, ...] = ("fail", "pass", "not run", "unsupported")
    status = next(status for status in order if counts[status])
    causes = [finding for finding in findings if any(verdict in finding.failed for verdict in mine)]
    own = any(finding.flags == (flag,) for finding in causes)
    return FlagRow(flag, counts, status, () if own else tuple(finding.title for finding in causes))


def _size(verdict: Verdict) -> tuple[int, int, int, int]:
    """How much there is to look at: steps, then flags, then parameters."""
    vector = verdict.vector
    start = vector.problem.x0 if isinstance(vector, Vector) else vector.x0
    step = min(failure.step or 0 for failure in verdict.failures)
    return step, len(verdict.flags), sum(param.size for param in start), vector.tc_id
