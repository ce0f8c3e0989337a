"""Installations for real, each in a fresh environment."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from .alone import PROJECT, run
from .archives import ROOT, build
from .installations import FRAMEWORKS, Installation


class FailedError(Exception):
    """A command that failed."""


def output_of(command: Sequence[str | Path], folder: Path) -> str:
    """
    Run a command in a folder; returns its standard output.

    Raises
    ------
    FailedError
    """
    words = list(map(str, command))
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise FailedError(f"{' '.join(words)}\n{result.stdout[-3000:]}{result.stderr[-3000:]}")
    return result.stdout


def sources(folder: Path) -> dict[str, Path]:
    """What pip can install: a wheel, a source distribution, and a clone."""
    output_of(["git", "clone", "--quiet", ROOT, folder / "clone"], folder)
    return {
        "wheel": build("wheel", folder / "wheel"),
        "sdist": build("sdist", folder / "sdist"),
        "clone": folder / "clone",
    }


def problems(installation: Installation, source: Path, folder: Path) -> Iterator[str]:
    """
    Install into a new environment in a folder, and try it.

    Raises
    ------
    FailedError
        If it cannot be installed, its requirements disagree, a command fails, or a strict type checker
        complains about the program.
    RuntimeError
        If the program or a doctest fails.
    """
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    ours = f"{PROJECT}[{installation.extras}] @ {source.as_uri()}"
    pip = (python, "-m", "pip", "--disable-pip-version-check")
    constraints = ("--constraint", ROOT / "constraints.txt")
    output_of([*pip, "install", "--quiet", "--no-compile", *constraints, ours, *installation.beside], folder)
    output_of([*pip, "check"], folder)
    distributions = {
        entry["name"] for entry in json.loads(output_of([*pip, "list", "--format=json"], folder))
    }
    if strangers := FRAMEWORKS & distributions - installation.frameworks:
        yield f"installs {', '.join(strangers)}"
    if strangers := FRAMEWORKS & run(installation, [str(python)], {}) - installation.frameworks:
        yield f"loads {', '.join(strangers)}"
    for command in installation.commands:
        output_of([folder / "bin" / "momo", *command], folder)
    output_of(type_check(installation, python), folder)


def type_check(installation: Installation, python: Path) -> list[str | Path]:
    """Command that checks the types of a program, with the packages that an interpreter has."""
    options = ("--strict", "--config-file=", "--python-executable", python)
    return [sys.executable, "-m", "mypy", *options, installation.path]
