"""What an implementation did with the vectors: in the terminal, as JSON, HTML and Markdown."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from momo_spec import SPEC_VERSION

from .findings import Finding, FlagRow, find, rows
from .judge import Status, Verdict
from .words import account, refused

REPORT_VERSION = 1
STATUSES: tuple[Status, ...] = ("pass", "fail", "unsupported", "not run")
STYLES = {"pass": "green", "fail": "bold red", "unsupported": "yellow", "not run": "dim"}


@dataclass(frozen=True)
class Report:
    """
    Verdicts on an implementation.

    Attributes
    ----------
    subject, rule : str
        Name of the implementation; optimizer of the specification.
    dtypes : tuple of str
        Those that were asked for.
    verdicts : sequence of Verdict
    checkpoints : bool
        Whether runs were dumped and loaded, too.
    """

    subject: str
    rule: str
    dtypes: tuple[str, ...]
    verdicts: Sequence[Verdict]
    checkpoints: bool = False

    @cached_property
    def findings(self) -> list[Finding]:
        """What the failures have in common."""
        return find(self.verdicts)

    @cached_property
    def rows(self) -> list[FlagRow]:
        """A row for each flag."""
        return rows(self.verdicts, self.findings)

    @property
    def counts(self) -> Counter[Status]:
        """Number of vectors by status."""
        return Counter(verdict.status for verdict in self.verdicts)

    @property
    def conforms(self) -> bool:
        """Whether nothing failed or was left out, and some trajectory passed."""
        passed = any(verdict.status == "pass" and verdict.tier != "invalid" for verdict in self.verdicts)
        return passed and not self.counts["fail"] and not self.counts["not run"]

    @property
    def broken(self) -> str:
        """Why the implementation could not be asked any more; empty if it could."""
        failures = [failure for verdict in self.verdicts for failure in verdict.failures]
        return next((failure.message for failure in failures if failure.quantity == "broken"), "")

    @property
    def summary(self) -> str:
        """Counts in a sentence."""
        told = ", ".join(f"{self.counts[status]} {status}" for status in STATUSES)
        return f"{len(self.verdicts)} vectors of {self.rule}: {told}"

    @property
    def bound_used(self) -> float:
        """Largest part of a bound that was used."""
        return max((verdict.bound_used for verdict in self.verdicts), default=0.0)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why vectors are unsupported, and how many."""
        return Counter(v.reason for v in self.verdicts if v.status == "unsupported").most_common()


def show(report: Report, console: Console) -> None:
    """Print the report."""
    table = Table(
        Column("flag", min_width=20), *STATUSES, "failures", title=f"{report.subject}: {report.rule}"
    )
    for row in report.rows:
        cells = [Text(str(row.counts[status] or ""), STYLES[status]) for status in STATUSES]
        table.add_row(Text(row.flag, STYLES[row.status]), *cells, Text(_about(row)))
    console.print(table)
    for number, finding in enumerate(report.findings, 1):
        head = f"{number}. {finding.title}: {len(finding.failed)} of {finding.run} vectors fail"
        console.print(f"\n{head}", style="bold red", markup=False, highlight=False)
        for line in (*finding.notes, *account(finding.smallest)):
            console.print(f"   {line}", markup=False, highlight=False)
    for reason, count in report.reasons:
        console.print(f"unsupported, {count}: {reason}", style="yellow", markup=False, highlight=False)
    told = "resumed in a fresh process" if report.checkpoints else "unsupported"
    console.print(f"checkpoints: {told}", markup=False, highlight=False)
    if report.broken:
        console.print(f"Broken: {report.broken}", style="bold red", markup=False, highlight=False)
    console.print(
        f"\n{report.summary}; at most {report.bound_used:.2g} of a bound used", markup=False, highlight=False
    )


def as_json(report: Report) -> str:
    """The report as JSON, by `spec/conformance_report.schema.json`."""
    document = {
        "schema": "conformance_report.schema.json",
        "report_version": REPORT_VERSION,
        "spec_version": SPEC_VERSION,
        "subject": report.subject,
        "rule": report.rule,
        "dtypes": list(report.dtypes),
        "conforms": report.conforms,
        "broken": report.broken or None,
        "checkpoints": "run" if report.checkpoints else "unsupported",
        "counts": _counted(report.counts),
        "flags": [
            {
                "flag": row.flag,
                "note": row.note,
                "status": row.status,
                "counts": _counted(row.counts),
                "explained_by": list(row.explained),
            }
            for row in report.rows
        ],
        "findings": [
            {
                "flags": list(finding.flags),
                "notes": list(finding.notes),
                "run": finding.run,
                "failed": [verdict.vector.tc_id for verdict in finding.failed],
                "smallest": finding.smallest.vector.tc_id,
            }
            for finding in report.findings
        ],
        "tests": [_test(verdict) for verdict in report.verdicts],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def as_page(report: Report, kind: str, **more: Any) -> str:
    """The report as ``html`` or ``md``; a page of its own, without anything from elsewhere."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=kind == "html",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.get_template(f"report.{kind}.j2")
    return template.render(report=report, statuses=STATUSES, account=account, refused=refused, **more)


def _about(row: FlagRow) -> str:
    """The note of a flag that fails on its own account, or what else its failures belong to."""
    if row.status != "fail":
        return ""
    return f"see {'; '.join(row.explained)}" if row.explained else row.note


def _counted(counts: Counter[Status]) -> dict[str, int]:
    return {status: counts[status] for status in STATUSES}


def _test(verdict: Verdict) -> dict[str, Any]:
    return {
        "tcId": verdict.vector.tc_id,
        "tier": verdict.tier,
        "comment": verdict.vector.comment,
        "flags": list(verdict.flags),
        "status": verdict.status,
        "passed": list(verdict.passed),
        "reason": verdict.reason,
        "bound_used": verdict.bound_used,
        "failures": [
            asdict(failure) | {"error": failure.error if math.isfinite(failure.error or 0) else None}
            for failure in verdict.failures
        ],
    }
