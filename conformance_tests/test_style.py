"""No comparison of the suite has a tolerance that somebody chose."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance_tests.doc_pages import ROOT, pages, python_blocks

APPROXIMATE = {"allclose", "approx", "assert_allclose", "assert_almost_equal", "assert_close", "isclose"}
"""Functions with a tolerance, of which some has a default."""

EXACT = {"rtol": 0, "atol": 0, "rel": 0, "abs": 0}
SMALL = 1e-2
"""No unit, count or share of a test is as small as this; a chosen tolerance is."""

UNITS = {"EPS", "eps", "UNIT_ROUNDOFF"}

ALLOWED: dict[str, str] = {}
"""A comparison that has to stay, as ``file: source``, and why."""


def chosen_tolerances(source: str) -> Iterator[str]:
    """Comparisons of a program with a tolerance that is written down."""
    tree = ast.parse(source)
    small = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and is_small(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in APPROXIMATE and not is_exact(node):
            yield ast.unparse(node)
        if compares(node, small):
            yield ast.unparse(node)


def called(call: ast.Call) -> str:
    """Name of the function, without its module."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def is_exact(call: ast.Call) -> bool:
    """Whether both tolerances are given as 0."""
    given = {key.arg: key.value for key in call.keywords if key.arg in EXACT}
    zeros = [isinstance(value, ast.Constant) and value.value == 0 for value in given.values()]
    return len(zeros) == 2 and all(zeros)


def compares(node: ast.AST, small: set[str]) -> bool:
    """Whether an order is asked for between something and a small number, or what is made of one."""
    if not isinstance(node, ast.Compare):
        return False
    ordered = any(isinstance(each, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for each in node.ops)
    sides = (node.left, *node.comparators)
    return ordered and any(of_small(side, small) for side in sides)


def of_small(side: ast.expr, small: set[str]) -> bool:
    """Whether a side is a small number, its name, or a product or sum with one."""
    if isinstance(side, ast.BinOp):
        if is_multiple_of_a_unit(side):
            return True
        return of_small(side.left, small) or of_small(side.right, small)
    return is_small(side) or (isinstance(side, ast.Name) and side.id in small)


def is_multiple_of_a_unit(node: ast.BinOp) -> bool:
    """Whether it is so many units of rounding, and nothing was counted."""
    sides = (node.left, node.right)
    units = any(isinstance(side, ast.Name) and side.id in UNITS for side in sides)
    return isinstance(node.op, ast.Mult) and units and any(isinstance(side, ast.Constant) for side in sides)


def is_small(node: ast.expr) -> bool:
    """Whether it is a decimal number below `SMALL`; powers of two are units, of which there are counts."""
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < abs(node.value) < SMALL


def programs() -> list[object]:
    """Files of the suite and pages of the documentation."""
    files = sorted((ROOT / "conformance_tests").rglob("*.py"))
    return [pytest.param(path, id=name_of(path)) for path in (*files, *pages())]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def source_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return text if path.suffix == ".py" else "\n".join(block.text for block in python_blocks(text))


@pytest.mark.parametrize("path", programs())
def test_nothing_compares_with_a_chosen_tolerance(path: Path) -> None:
    found = [f"{name_of(path)}: {source}" for source in chosen_tolerances(source_of(path))]
    assert [each for each in found if each not in ALLOWED] == []


def test_every_exception_is_one() -> None:
    """An entry whose comparison is gone goes, too."""
    found = {
        f"{name_of(path)}: {source}"
        for path in (ROOT / "conformance_tests").rglob("*.py")
        for source in chosen_tolerances(source_of(path))
    }
    assert set(ALLOWED) <= found
    assert all(ALLOWED.values())


@pytest.mark.parametrize(
    "wrong",
    [
        "assert abs(a - b) < 1e-6",
        "assert (a - b).abs().max() <= 1e-12 * b.abs().max()",
        "ENOUGH = 1e-10\nassert error <= ENOUGH",
        "ENOUGH: float = 1e-10\nassert error <= 2 * ENOUGH",
        "assert not (error > 1e-3 + size)",
        "assert error <= size * (1 + 64 * EPS)",
        "def differ(a, b):\n    return np.max(abs(a - b)) > 1e-3",
        "np.testing.assert_allclose(a, b)",
        "np.testing.assert_allclose(a, b, rtol=0, atol=64 * EPS)",
        "assert a == pytest.approx(b, rel=1e-9)",
        "assert torch.allclose(a, b, atol=0)",
        "torch.testing.assert_close(a, b, rtol=1e-5, atol=0.0)",
        "assert math.isclose(a, b)",
    ],
)
def test_a_chosen_tolerance_is_found(wrong: str) -> None:
    assert len(list(chosen_tolerances(wrong))) == 1


@pytest.mark.parametrize(
    "right",
    [
        "assert abs(a - b) <= bound",
        "assert 0 < share < 0.5",
        "assert abs(a - b) <= gamma(5) * size",
        "assert abs(a - b) <= 2 * (len(a) + 1) * EPS",
        "torch.testing.assert_close(a, b, rtol=0, atol=0.0)",
        "rate = 1e-3\nassert run(rate) == run(2 * rate)",
    ],
)
def test_a_bound_is_none(right: str) -> None:
    assert list(chosen_tolerances(right)) == []
