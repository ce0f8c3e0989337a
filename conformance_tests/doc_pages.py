"""
What the pages of the documentation claim to run: blocks of Python, and commands.

The blocks of a page are one program, from top to bottom.  What a page leaves to the reader (a model,
data) and what it claims about a result stands in comments of the page, which nobody sees:

    <!-- python
    model = torch.nn.Linear(3, 1)
    -->
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
WITH_TEST_OF_ITS_OWN = ROOT / "README.md"  # test_readme.py

_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)\n(?P<shown>.*?)^ *```$|^<!-- python\n(?P<hidden>.*?)^-->$",
    flags=re.MULTILINE | re.DOTALL,
)
_INLINE = re.compile(r"(?<!`)`((?:momo|make) [^`\n]+)`(?!`)")


class Block(NamedTuple):
    """Text between fences or in a comment, and the number of its first line."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """All pages of the repository with something to run."""
    folders = [page for folder in ("docs", "spec", "backends") for page in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *folders])


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, in order."""
    for found in _BLOCK.finditer(text):
        shown = found["shown"]
        group = "hidden" if shown is None else "shown"
        line = text.count("\n", 0, found.start(group)) + 1
        yield Block(found["language"] or "python", dedent(found[group]), line)


def python_blocks(text: str) -> list[Block]:
    """The blocks that Python runs."""
    return [block for block in blocks(text) if block.language == "python"]


def commands(text: str) -> list[list[str]]:
    """The commands of the blocks for a shell, split into words, comments left out."""
    scripts = [block.text.replace("\\\n", " ") for block in blocks(text) if block.language in ("sh", "bash")]
    lines = [shlex.split(line, comments=True) for script in scripts for line in script.splitlines()]
    return [words for words in lines if words]


def mentioned_commands(text: str) -> list[list[str]]:
    """The commands that stand within the text, split into words."""
    return [shlex.split(command) for command in _INLINE.findall(text)]


def run_page(text: str, name: str) -> None:
    """
    Run the blocks of a page in one namespace.

    Raises
    ------
    Exception
        What a block raises; its traceback has the page and the line.
    """
    namespace = {"__name__": name}
    for block in python_blocks(text):
        code = "\n" * (block.line - 1) + block.text
        exec(compile(code, name, "exec"), namespace)
