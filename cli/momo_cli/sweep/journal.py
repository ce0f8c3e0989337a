"""The file of finished runs: one JSON object a line, only ever appended to."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from momo_cli.sweep.runs import Record, Run


@dataclass(frozen=True)
class Found:
    """
    What a journal holds of a plan.

    `others` counts finished runs of other settings or data, `broken` the lines that are no record, as the
    last one is if a sweep was killed while it wrote.
    """

    records: dict[Run, Record]
    others: int
    broken: int


class Journal:
    """A file of records."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, plan: Collection[Run]) -> Found:
        """Return the records of the runs in `plan`."""
        wanted, records, others, broken = set(plan), {}, set(), 0
        for line in self._lines():
            try:
                record = Record.from_dict(json.loads(line))
            except (ValueError, TypeError, KeyError):
                broken += 1
                continue
            if record.run in wanted:
                records[record.run] = record
            else:
                others.add(record.run)
        return Found(records, len(others), broken)

    def append(self, record: Record) -> None:
        """Add a record, on a line of its own whatever the file ends with."""
        line = json.dumps(record.as_dict(), allow_nan=False) + "\n"
        if not self._ends_with_line():
            line = "\n" + line
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def _lines(self) -> list[bytes]:
        return [line for line in self._contents().split(b"\n") if line]

    def _contents(self) -> bytes:
        return self.path.read_bytes() if self.path.exists() else b""

    def _ends_with_line(self) -> bool:
        if not self.path.exists() or not self.path.stat().st_size:
            return True
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"
