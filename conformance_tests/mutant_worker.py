"""Process of `mutants.judged`: put each mutant in the place of its package and test it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from conformance_tests.mutant_cases import Test, adapter_tests, engine_tests, vector_tests
from conformance_tests.mutants import JUDGES, ROOT

OURS = ("momo_core", "momo_torch")
EVERYTHING = "everything"
"""A judge: the vectors of all algorithms and the tests of the engine."""


def first_failure(judge: str) -> str:
    """Name and error of the first test that fails, empty if none does."""
    try:
        for name, test in tests(judge):
            try:
                test()
            except Exception as error:
                return f"{name} ({type(error).__name__})"
    except Exception as error:
        return f"import ({type(error).__name__}: {error})"
    return ""


def tests(judge: str) -> Iterator[Test]:
    """The tests of a judge, on packages imported anew."""
    if judge == "momo_torch":
        yield from adapter_tests(anew("momo_torch"))
    elif judge == EVERYTHING:
        core = anew("momo_core")
        for name in core.KINDS:
            yield from vector_tests(core, name)
        yield from engine_tests(core)
    else:
        core = anew("momo_core")
        yield from vector_tests(core, judge)
        yield from engine_tests(core)


def anew(package: str) -> ModuleType:
    """Import a package and what it needs of ours again."""
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return importlib.import_module(package)


def place(order: Mapping[str, Any], folder: Path) -> None:
    """Copy a package, with what is compiled of it, and write the mutant's file into the copy."""
    file = Path(order["file"])
    depth = file.parts.index(order["package"])
    source, copy = ROOT.joinpath(*file.parts[: depth + 1]), folder / order["package"]
    shutil.copytree(source, copy)
    copy.joinpath(*file.parts[depth + 1 :]).write_text(order["text"], encoding="utf-8")


def judge_mutant(order: Mapping[str, Any]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        place(order, Path(folder))
        sys.path.insert(0, folder)
        try:
            failure = first_failure(order["judge"])
            tested = sys.modules.get(order["package"])  # none if the mutant cannot even be imported
            assert tested is None or (tested.__file__ or "").startswith(os.fspath(folder)), f"tested {tested}"
            return failure
        finally:
            sys.path.remove(folder)


def main() -> None:
    """Orders on the standard input, verdicts by id on the standard output."""
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True
    orders = json.load(sys.stdin)
    judges = [judge for judge in JUDGES if any(order["judge"] == judge for order in orders)]
    verdicts = {judge: first_failure(judge) for judge in judges}
    verdicts |= {order["id"]: judge_mutant(order) for order in orders}
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main()
