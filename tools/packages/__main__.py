"""
Install the package in every way, each in a fresh environment, and run a program there.

``python -m tools.packages [NAME]...`` takes minutes, and what pip needs to install.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .fresh import FailedError, problems, sources
from .installations import INSTALLATIONS, Installation


def found(installation: Installation, source: Path) -> list[str]:
    """What is wrong with an installation."""
    with TemporaryDirectory(prefix="momo-packages-") as folder:
        try:
            return list(problems(installation, source, Path(folder)))
        except (FailedError, RuntimeError) as error:
            return [str(error)]


def main() -> int:
    """Try the installations of the command line, or all of them."""
    names = {installation.name for installation in INSTALLATIONS}
    chosen = set(sys.argv[1:]) or names
    if unknown := chosen - names:
        sys.exit(f"no installation {', '.join(unknown)}; there are {', '.join(sorted(names))}")
    bad = 0
    with TemporaryDirectory(prefix="momo-packages-") as folder:
        built = sources(Path(folder))
        for installation in INSTALLATIONS:
            if installation.name in chosen:
                wrong = found(installation, built[installation.source])
                bad += bool(wrong)
                sys.stdout.write(
                    "\n".join([f"{installation.name}: {'bad' if wrong else 'good'}", *wrong, ""])
                )
                sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
