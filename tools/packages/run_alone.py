"""
Run a user's program, then the doctests of some modules, in the environment of this interpreter.

``python -P run_alone.py PROGRAM [MODULE]...``: the last line of output is the top-level modules that were
loaded, as JSON.
"""

from __future__ import annotations

import doctest
import importlib
import json
import runpy
import sys


def main() -> None:
    """Run what the command line says."""
    _, program, *modules = sys.argv
    runpy.run_path(program, run_name="__main__")
    for name in modules:
        assert doctest.testmod(importlib.import_module(name)).failed == 0, name
    sys.stdout.write("\n" + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))


if __name__ == "__main__":
    main()
