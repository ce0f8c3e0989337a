"""Equations of Markdown as MathML, which browsers typeset without a script."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor

INLINE = r"\$`([^`]+)`\$"
"""GitHub's form of an equation within a line."""

BEFORE_CODE = 195
"""Priority: the backticks are part of the equation, and Python-Markdown takes code at 190."""

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_ALIGNED = re.compile(r"\s*\\begin\{aligned\}\n(.*)\n\\end\{aligned\}\s*", flags=re.DOTALL)
_WORD = re.compile(r"\\mathrm\{([^{}]*)\}")


def mathml(latex: str, display: str = "inline") -> ElementTree.Element:
    """
    Convert an equation, or equations that are aligned at their signs.

    Parameters
    ----------
    latex : str
        As `momo_spec.latex` writes it: of environments, ``aligned`` around everything, with one
        equation a line, and ``cases``.
    display : "inline" or "block"

    Raises
    ------
    ValueError
        If a command or an alignment is not understood; it would be typeset by its name.
    """
    aligned = _ALIGNED.fullmatch(latex)
    math = _aligned(aligned.group(1).split(" \\\\\n")) if aligned else _converted(latex)
    math.set("display", display)
    math.set("xmlns", _NAMESPACE)
    if unknown := re.search(r"\\[A-Za-z]+|&", "".join(math.itertext())):
        raise ValueError(f"no MathML for {unknown.group()} in {latex}")
    return math


def markup(latex: str, display: str) -> str:
    """An equation as text of an HTML page."""
    return ElementTree.tostring(mathml(latex, display), encoding="unicode")


def _converted(latex: str) -> ElementTree.Element:
    """A single equation; variables that are words stay together."""
    words = _WORD.sub(lambda word: rf"\text{{{word.group(1)}}}".replace(r"\_", "_"), latex)
    markup: str = convert(words)
    return ElementTree.fromstring(markup.replace(f' xmlns="{_NAMESPACE}"', ""))


def _aligned(lines: list[str]) -> ElementTree.Element:
    """A table with a row for each equation: what is before the first ``&``, and the rest."""
    math = ElementTree.Element("math")
    table = ElementTree.SubElement(math, "mtable", {"class": "aligned"})
    for line in lines:
        row = ElementTree.SubElement(table, "mtr")
        for side in line.split("&", 1):
            ElementTree.SubElement(row, "mtd").extend(_converted(side))
    return math


class InlineEquation(InlineProcessor):
    """An equation within a line."""

    def handleMatch(  # noqa: N802  (the name that Markdown calls)
        self, m: re.Match[str], data: str
    ) -> tuple[str, int, int]:
        """Text in the place of the match."""
        del data
        return self.md.htmlStash.store(markup(m.group(1), "inline")), m.start(0), m.end(0)


class Equations(Extension):
    """Equations within lines, for Python-Markdown."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Register the pattern."""
        md.inlinePatterns.register(InlineEquation(INLINE, md), "equation", BEFORE_CODE)


def fence(source: str, *_: Any, **__: Any) -> str:
    """A fenced block of mathematics, for `pymdownx.superfences`."""
    return f'<div class="equation">{markup(source, "block")}</div>'


FENCE = {"name": "math", "class": "equation", "format": fence}
