"""Hypothesis profiles, the cells as fixtures, and the count of what did not run."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from conformance_tests.cells import Cell, all_cells

# Most tests of the optimizers are of the generic path; kernels would be compiled for all of them.
os.environ.setdefault("MOMO_TORCH_FUSED", "0")
os.environ.setdefault("MOMO_JAX_FUSED", "0")

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
settings.register_profile("dev", max_examples=10, **_COMMON)
settings.register_profile("ci", max_examples=25, derandomize=True, database=None, **_COMMON)
settings.register_profile("nightly", max_examples=500, **_COMMON)
settings.load_profile(os.environ.get("MOMO_PROFILE", "ci"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize(
            "cell",
            [
                pytest.param(cell, id=cell.name, marks=pytest.mark.xdist_group(cell.group))
                for cell in all_cells()
            ],
        )


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """What is made once goes to one worker: fixtures of a module, and what JAX and Numba compile."""
    for item in items:
        if isinstance(item, pytest.Function) and not item.get_closest_marker("xdist_group"):
            module, fixtures = item.module.__name__, item._fixtureinfo.name2fixturedefs.values()
            if "ranks" in item.fixturenames:
                item.add_marker(pytest.mark.xdist_group("ranks"))
            elif any(defined[-1].scope == "module" for defined in fixtures):
                item.add_marker(pytest.mark.xdist_group(module))
            elif "_jax" in module:
                item.add_marker(pytest.mark.xdist_group("jax"))
            elif "test_torch_fused" in module:
                item.add_marker(pytest.mark.xdist_group("torch"))
    yield
    name_groups(items)


def pytest_collection_finish() -> None:
    """Keep what was imported and collected, which is never garbage, out of the way of the collector."""
    gc.freeze()


def name_groups(items: list[pytest.Item]) -> None:
    """Put the group that pytest-xdist 3.8 writes into ``_nodeid`` where pytest 9.2 has it: in ``id``."""
    for item in items:
        if name := vars(item).get("_nodeid"):
            item._id = type(item.id).parse(name)


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest, cell: Cell) -> str:
    name: str = request.param
    if cell.name in ("numpy", "array-api-strict") and name != "cpu":
        pytest.skip("not run: the cell is for the CPU")
    if name not in cell.call("devices"):
        pytest.skip(f"not run: no {name} device")
    return name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the cells that did not run, by reason."""
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count:5d} skipped: {reason.removeprefix('Skipped: ')}")
    ratios: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for key, value in getattr(report, "user_properties", []):
                ratios[key] = max(ratios.get(key, 0.0), float(value))
    for key, value in sorted(ratios.items()):
        terminalreporter.write_line(f"largest {key}: {value:.3g}")
