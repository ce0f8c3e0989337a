"""Docstrings as Markdown: examples in a block of code, sections that NumPy's form does not know as text."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^>>> .*?(?=\n\n|\Z)", flags=re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^(Source)\n-+\n", flags=re.MULTILINE)


def as_markdown(docstring: str) -> str:
    r"""
    Write a docstring for the site.

    >>> as_markdown("Add.\n\n>>> 1 + 1\n2\n\nSource\n------\na paper")
    'Add.\n\n```pycon\n>>> 1 + 1\n2\n```\n\n**Source:** a paper'
    """
    fenced = _EXAMPLE.sub(lambda example: f"```pycon\n{example.group()}\n```", docstring)
    return _SECTION.sub(r"**\1:** ", fenced)


class Docstrings(griffe.Extension):
    """Rewrite the docstrings that are read from the sources."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each object."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)
