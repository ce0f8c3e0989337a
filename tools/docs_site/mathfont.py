"""
The font of the equations: with one that has measures for mathematics, brackets and roots grow.

Not every machine has such a font.  STIX Two Math (SIL Open Font License) comes with `ziamath`; the site
gets its letters and operators.
"""

from __future__ import annotations

from importlib.metadata import distribution
from io import BytesIO

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

PLACE = "assets/fonts/math.woff"
LETTERS = (range(0x20, 0x7F), range(0x391, 0x3D7), range(0x1D434, 0x1D468), range(0x1D6E2, 0x1D71C))
"""Latin and Greek, upright and italic."""

OPERATORS = "\N{NO-BREAK SPACE}ℎ·×±−‖′…←→∂∇∈∏∑√∞∫≈≠≤≥"


def math_font() -> bytes:
    """The part of the font that equations need, as a WOFF file."""
    path = distribution("ziamath").locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf")
    with TTFont(str(path)) as font:
        options = Options()
        options.layout_features = ["*"]
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=[letter for letters in LETTERS for letter in letters], text=OPERATORS)
        subsetter.subset(font)
        font.flavor = "woff"
        written = BytesIO()
        font.save(written)
    return written.getvalue()
