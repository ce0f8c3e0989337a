"""
Run pages of the documentation; writes one JSON object, page to error, to standard output.

All pages in one process: importing the frameworks takes longer than the pages do.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

from conformance_tests.doc_pages import run_page


def error_of(page: Path) -> str:
    """The traceback of a page, or nothing."""
    try:
        run_page(page.read_text(encoding="utf-8"), str(page))
    except Exception:
        return traceback.format_exc()
    return ""


def main() -> None:
    """Run the pages that are named on the command line, in an empty folder."""
    files = [Path(name).resolve() for name in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        os.chdir(folder)
        errors = {str(page): error_of(page) for page in files}
    print(json.dumps(errors))


if __name__ == "__main__":
    main()
