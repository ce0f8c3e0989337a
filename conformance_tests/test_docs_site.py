"""The site: what happens to the pages of docs/ on their way to it."""

from __future__ import annotations

import doctest
import importlib
import re
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from mkdocs.exceptions import PluginError

from conformance_tests.doc_pages import ROOT, blocks, pages

SITE = ROOT / "tools" / "docs_site"
MODULES = sorted(path.stem for path in SITE.glob("*.py"))
EQUATIONS = [
    equation
    for page in pages()
    for text in [page.read_text(encoding="utf-8")]
    for equation in [
        *(block.text.rstrip("\n") for block in blocks(text) if block.language == "math"),
        *re.findall(r"\$`([^`]+)`\$", text),
    ]
]


@pytest.fixture(params=MODULES)
def module(request: pytest.FixtureRequest, site: dict[str, ModuleType]) -> ModuleType:
    return site[request.param]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The modules of the site by name; they are no package, as MkDocs wants it."""
    monkeypatch.syspath_prepend(str(SITE))
    return {name: importlib.import_module(name) for name in MODULES}


def test_examples(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def test_equations_become_mathml(site: dict[str, Any]) -> None:
    """Each is understood, and the font has what it is written with."""
    font, text = site["mathfont"], set[str]()
    for equation in EQUATIONS:
        text |= set("".join(site["equations"].mathml(equation).itertext()))
    known = {chr(letter) for letters in font.LETTERS for letter in letters} | set(font.OPERATORS)
    assert len(EQUATIONS) > 100
    assert text - known == set()


def test_equations_are_aligned_at_their_signs(site: dict[str, Any]) -> None:
    lines = [
        r"\beta_k &= \begin{cases} a & \text{if } b \\ c & \text{otherwise} \end{cases} \\",
        r"d &\leftarrow \mathrm{old\_share} \cdot d",
    ]
    math = site["equations"].mathml("\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"]))
    rows = [["".join(cell.itertext()) for cell in row] for row in math[0]]
    assert [row[0] for row in rows] == ["βk", "d"]
    assert rows[0][1].startswith("={a")
    assert rows[1][1] == "←old_share·d"


@pytest.mark.parametrize("equation", [r"\nosuchcommand x", r"a & b"])
def test_an_equation_that_is_not_understood_is_an_error(site: dict[str, Any], equation: str) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        site["equations"].mathml(equation)


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("docs/am.md", "rules/momo.md", "rules/momo.md"),
        ("docs/rules/momo.md", "../../spec/README.md", "../spec/README.md"),
        ("spec/README.md", "../docs/portable.md", "../portable.md"),
        ("docs/conformance.md", "../examples/harness.js", "source/examples/harness.js.md"),
        ("docs/am.md", "https://arxiv.org/abs/2510.04988", "https://arxiv.org/abs/2510.04988"),
        ("docs/am.md", "nosuch.md", "nosuch.md"),
    ],
)
def test_links_lead_to_pages(site: dict[str, Any], page: str, link: str, expected: str) -> None:
    assert site["sources"].with_site_links(f"[a]({link}#b)", page) == f"[a]({expected}#b)"


@pytest.mark.parametrize(
    "request_of_a_page",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<img alt="a" src=//example.org/a.png>',
        '<link rel="stylesheet" href="https://fonts.example/css">',
        '<link href="https://fonts.example" rel="preconnect">',
        '<div class="mermaid">a</div>',
    ],
)
def test_a_page_that_asks_another_host_is_refused(site: dict[str, Any], request_of_a_page: str) -> None:
    page: Any = SimpleNamespace(file=SimpleNamespace(src_uri="a.md"))
    allowed = '<a href="https://arxiv.org">a</a><img src="a.png"><link rel="stylesheet" href="../a.css">'
    hooks = site["hooks"]
    assert hooks.on_post_page(allowed, page=page, config=None) == allowed
    with pytest.raises(PluginError, match=r"a\.md asks another host"):
        hooks.on_post_page(allowed + request_of_a_page, page=page, config=None)


def test_every_command_has_its_options(site: dict[str, Any]) -> None:
    text = site["reference"].command_line_page()
    assert "## momo train" in text
    assert "## momo spec show" in text
    assert "| `--seed` | `0` |" in text
    assert "| `--check` |  |" in text
