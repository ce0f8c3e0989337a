"""
The process of one backend: ``python -m momo_cli.train.worker BACKEND TASK_FOLDER FOLDER``.

It writes one JSON object a line to its standard output; whatever a framework prints goes to the
standard error instead.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from pathlib import Path

from momo_cli.train.backends import BACKENDS, REFERENCE, UnavailableError
from momo_cli.train.recorder import Recorder
from momo_cli.train.task import load


def main(name: str, task_folder: str, folder: str) -> None:
    """Run the backend called `name` on the task in `task_folder`."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    backend = {**BACKENDS, REFERENCE.name: REFERENCE}[name]
    task = load(Path(task_folder))
    recorder = Recorder(task, Path(folder), channel)
    try:
        import_module(backend.module).run(task, recorder)
    except UnavailableError as error:
        recorder.send("unavailable", message=str(error))
    except Exception as error:
        traceback.print_exc()
        summary = str(error).strip().splitlines()[:1]
        recorder.send("failed", message=": ".join([type(error).__name__, *summary]))
    else:
        versions = {package: import_module(package).__version__ for package in backend.packages}
        recorder.send("done", versions=versions)


if __name__ == "__main__":
    main(*sys.argv[1:])
