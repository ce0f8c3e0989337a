"""
Seeded faults of the implementation, listed in ``mutants.toml``.

The suite is measured by them: every mutant must fail.  ``python -m conformance_tests.mutants``
prints which test kills which.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LIST = Path(__file__).with_suffix(".toml")
JUDGES = ("momo", "momo_adam", "am_sgd", "am_adamw", "momo_am", "momo_am_adam", "momo_torch")


@dataclass(frozen=True)
class Mutant:
    """
    A fault.

    Attributes
    ----------
    id, description : str
    judge : str
        Whose tests must find it: an algorithm (its golden vectors and the tests of the
        engine) or an adapter.
    file : str
        Relative to the root of the project.
    old, new : str
        What is replaced, which must occur exactly once, and by what.
    """

    id: str
    description: str
    judge: str
    file: str
    old: str
    new: str

    @property
    def package(self) -> str:
        """Name of the package that it is in."""
        return next(part for part in Path(self.file).parts if part.startswith("momo_"))

    def applied(self) -> str:
        """
        Text of its file with the fault.

        Raises
        ------
        ValueError
            If the old text does not occur exactly once.
        """
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.id}: {text.count(self.old)} times in {self.file}: {self.old!r}")
        return text.replace(self.old, self.new)


def read_mutants() -> tuple[Mutant, ...]:
    """All mutants; one that two judges must find counts twice."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutants"]
    return tuple(
        Mutant(name, entry["description"], judge, entry["file"], entry["old"], entry["new"])
        for entry in entries
        for judge, name in entry["ids"].items()
    )


MUTANTS = read_mutants()


def judged(mutants: tuple[Mutant, ...] = MUTANTS) -> dict[str, str]:
    """
    Run the tests on each mutant, in one fresh process.

    Returns
    -------
    dict
        The first test that fails by the id of the mutant, empty if none fails; the ids that
        are names of judges are the implementation without a fault.
    """
    return judged_orders(
        [asdict(mutant) | {"package": mutant.package, "text": mutant.applied()} for mutant in mutants]
    )


def judged_orders(orders: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Verdicts of a fresh process of `mutant_worker` on its orders, by their ids."""
    result = subprocess.run(
        [sys.executable, "-m", "conformance_tests.mutant_worker"],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MOMO_TORCH_FUSED": "0"},  # kernels have no mutants
        check=False,
    )
    if result.returncode:
        raise RuntimeError(result.stderr)
    verdicts: dict[str, str] = json.loads(result.stdout.splitlines()[-1])
    return verdicts


def main() -> int:
    """Print the table; the number of survivors."""
    verdicts = judged()
    for mutant in MUTANTS:
        print(f"{mutant.id:5} {mutant.description:48} {verdicts[mutant.id] or 'SURVIVES'}")
    survivors = [mutant.id for mutant in MUTANTS if not verdicts[mutant.id]]
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} mutants killed")
    return len(survivors)


if __name__ == "__main__":
    sys.exit(main())
