"""
The environment of an installation, imitated by links into one that has more.

That takes seconds, and finds an import that no requirement covers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .installations import Installation

RUNNER = Path(__file__).parent / "run_alone.py"
PROJECT = "momo-spec"


def run(installation: Installation, python: Sequence[str], more: Mapping[str, str]) -> set[str]:
    """
    Run the program of an installation with an interpreter and more variables of the environment.

    Returns
    -------
    set of str
        Top-level modules that were loaded.

    Raises
    ------
    RuntimeError
        If the program or a doctest fails.
    """
    others = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "KERAS_BACKEND")
    }
    result = subprocess.run(
        [*python, "-P", str(RUNNER), str(installation.path), *installation.doctests],
        env={**others, **installation.environment, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"{installation.name}:\n{result.stdout[-3000:]}{result.stderr[-3000:]}")
    return set(json.loads(result.stdout.splitlines()[-1]))


def loaded_alone(installation: Installation, site: Path, links: Path) -> set[str]:
    """
    Run the program of an installation where there is nothing but what it requires.

    Parameters
    ----------
    installation : Installation
    site : Path
        A folder with the content of the wheel.
    links : Path
        An empty folder.

    Returns
    -------
    set of str
        Top-level modules that were loaded.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If something is not installed that the installation requires.
    RuntimeError
        If the program or a doctest fails.
    """
    for name in required(installation, site) - {PROJECT}:
        for path in installed_paths(distribution(name)):
            if not (links / path.name).exists():
                (links / path.name).symlink_to(path)
    return run(installation, [sys.executable, "-S"], {"PYTHONPATH": f"{site}{os.pathsep}{links}"})


def installed_paths(found: Distribution) -> set[Path]:
    """Topmost files and folders of a distribution among the packages."""
    parts = {Path(path).parts[0] for path in found.files or []} - {"..", "__pycache__"}
    return {Path(str(found.locate_file(part))) for part in parts}


def required(installation: Installation, site: Path) -> set[str]:
    """Distributions that an installation has: what it requires, what that requires, and so on."""
    pending = [Requirement(text) for text in (f"{PROJECT}[{installation.extras}]", *installation.beside)]
    found: dict[str, set[str]] = {}
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        new = {"", *requirement.extras} - found.setdefault(name, set())
        found[name] |= new
        pending += requirements(metadata(name, site), new)
    return set(found)


def requirements(found: Distribution, extras: set[str]) -> Iterator[Requirement]:
    """What a distribution requires with some extras; nothing without any, the empty one included."""
    for requirement in map(Requirement, found.requires or []):
        if any(not requirement.marker or requirement.marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement


def metadata(name: str, site: Path) -> Distribution:
    """Metadata of a distribution; ours is the one in the folder."""
    if name != PROJECT:
        return distribution(name)
    (path,) = site.glob("*.dist-info")
    return Distribution.at(path)
