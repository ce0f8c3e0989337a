"""`momo bench`: that it runs and reports; how fast anything is, is no test."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

pytest.importorskip("typer", reason="not run: typer is not installed")

from conformance_tests.profiles import mostly
from conformance_tests.roundings import assert_rounded
from momo_cli.bench import processes
from momo_cli.bench.cases import PARAMETER_SETS, REFERENCE, Case
from momo_cli.bench.command import sets_of
from momo_cli.bench.first_step import FirstStep
from momo_cli.bench.measure import Result, measure
from momo_cli.bench.processes import FRAMEWORKS, events_of, in_turn
from momo_cli.bench.report import Report, tables
from momo_cli.bench.scaling import PAST_CACHE, SIZES, growths, scaling_sets
from momo_cli.bench.worker import Absent, Found, Over, Request
from momo_cli.main import app

SHAPES = "64x64*2,128"
TENSORS = 3
PARAMETERS = 2 * 64 * 64 + 128
OWN = {
    "torch": "Momo generic",
    "jax": "momo_jax momo",
    "keras-tensorflow": "momo_keras Momo",
    "keras-jax": "momo_keras Momo",
    "keras-torch": "momo_keras Momo",
}
RESULT = Result(
    "ours", "torch", 100, 2.0, 1.5, 2.5, 1.25, ratio=2.0, peer="theirs", peer_ratio=0.5, words=7, limit=1.6,
    first=3.0, temporaries=0.25, state_bytes=8.0,
)  # fmt: skip


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["bench", *arguments])


@pytest.mark.parametrize("framework", mostly(FRAMEWORKS, ["torch"]))
def test_each_framework_is_timed(framework: str, tmp_path: Path) -> None:
    """A run on small tensors writes figures of the rule, its peer and the reference that fit together."""
    if missing := processes.BACKENDS[framework].missing_packages():
        pytest.skip(f"not run: {', '.join(missing)} not installed")
    result = run(
        "--frameworks", framework, "--shapes", SHAPES, "--rules", "momo", "--rounds", "2",
        "--out", str(tmp_path),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert report["schema"] == 1
    assert report["not_run"] == []
    assert report["frameworks"][framework]["versions"]
    assert (tmp_path / "bench.png").exists()
    rows = {row["name"]: row for row in report["results"]}
    own = rows[OWN[framework]]
    assert own["peer"] in rows
    assert own["peer_ratio"] > 0
    for row in rows.values():
        assert row["process"] == framework
        assert row["parameters"] == PARAMETERS
        assert 0 < row["fastest"] <= row["quartile_low"] <= row["median"] <= row["quartile_high"]
        assert row["first"] > 0
        # One or two averages, and some scalars.
        assert 4 <= row["state_bytes"] < 9
        assert row["temporaries"] is None or row["temporaries"] >= 0
    if importlib.util.find_spec("torch") is not None:
        assert rows[REFERENCE]["ratio"] == 1
        assert rows[REFERENCE]["temporaries"] * 4 * PARAMETERS <= 4 * TENSORS
        assert own["ratio"] > 0
    if importlib.util.find_spec("numba") is not None:
        assert own["words"] > 0
        first_steps = [
            step["rule"] for step in report["first_steps"] if min(step["cold"], step["cached"]) > 0
        ]
        assert first_steps == (["momo"] if framework == "torch" else [])


def test_keras_is_timed_with_the_gradient(tmp_path: Path) -> None:
    """Where the tensors make a model: with each size of a batch next to Keras's own optimizer."""
    if missing := processes.BACKENDS["keras-torch"].missing_packages():
        pytest.skip(f"not run: {', '.join(missing)} not installed")
    options = ("--shapes", "8x16,16x4", "--rules", "momo", "--rounds", "2", "--out", str(tmp_path))
    assert run("--frameworks", "keras-torch", *options).exit_code == 0
    report = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in report["results"]}
    for batch in (8, 128):
        peer, own = rows[f"keras Adam, fit {batch}"], rows[f"momo_keras Momo, fit {batch}"]
        assert own["peer"] == peer["name"]
        assert own["peer_ratio"] > 0
        assert own["parameters"] == peer["parameters"] == 8 * 16 + 16 * 4


def clocked(name: str, durations: list[float], clock: list[float], peer: str = "") -> Case:
    """A case whose steps take given times by the clock, again and again."""
    taken = iter(range(10**6))

    def step() -> None:
        clock[0] += durations[next(taken) % len(durations)]

    return Case(name, "made up", step, lambda: None, 10, lambda: 80, lambda: 4, 7, peer)


def test_figures_are_those_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """With times that are known the ratios, the limit and the bytes are, too."""
    clock = [0.0]
    monkeypatch.setattr("momo_cli.bench.measure.time.perf_counter", lambda: clock[0])
    cases = [clocked(REFERENCE, [1.0], clock), clocked("a", [4.0], clock), clocked("b", [2.0], clock, "a")]
    reference, a, b = measure(cases, 3, bandwidth=140.0)
    assert (reference.ratio, reference.peer, reference.peer_ratio) == (1, None, None)
    assert (a.median, a.first, a.ratio) == (4, 4, 4)
    assert (b.ratio, b.peer, b.peer_ratio) == (2, "a", 0.5)
    assert b.limit == 7 * 4 * 10 / 140
    assert (b.temporaries, b.state_bytes) == (4 / 40, 8)


def test_without_a_reference_there_is_no_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyTorch is not installed the column stays empty, and so does the limit."""
    clock = [0.0]
    monkeypatch.setattr("momo_cli.bench.measure.time.perf_counter", lambda: clock[0])
    (result,) = measure([clocked("a", [1.0], clock)], 2)
    assert (result.ratio, result.limit) == (None, None)


def made_up(**options: Any) -> Report:
    slow = replace(RESULT, name="slow", ratio=None, peer=None, peer_ratio=None, limit=None, temporaries=None)
    report = Report("cpu", 3, {"small": ((10, 10),)}, **options)
    report.found += [Found("torch", "small", RESULT), Found("torch", "small", slow)]
    report.absent.append(Absent("jax", "", "", "jax is not installed"))
    report.first_steps.append(FirstStep("momo", 2.5, 0.25))
    return report


def test_tables_show_every_figure_in_100_columns() -> None:
    """Nothing is cut off, what is unknown is a dash, and what did not run says so."""
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    for table in tables(made_up()):
        console.print(table)
    shown = console.export_text()
    for figure in ("2e+03", "1.5e+03-2.5e+03", "2.00", "0.50", "1.25", "25 %", "8.0", "2.50", "0.25"):
        assert figure in shown
    assert "–" in shown
    assert "…" not in shown
    assert "peer of ours: theirs" in shown
    assert "not run: jax is not installed" in shown


def test_growth_is_judged_past_the_cache() -> None:
    """The spread is that of the sizes which fit into no cache."""
    sizes = [10**4, PAST_CACHE, 10 * PAST_CACHE]
    times = [1.0, 2e-9 * PAST_CACHE, 2.5e-9 * 10 * PAST_CACHE]
    found = [
        Found("torch", str(size), replace(RESULT, parameters=size, median=time))
        for size, time in zip(sizes, times, strict=True)
    ]
    (growth,) = growths(found)
    assert_rounded(growth.spread, 0.25, 4, terms=1.25)  # three quotients, and 1 taken away
    assert growth.nanoseconds[10**4] == 1e5
    assert growths(found[:2])[0].spread is None


def test_sizes_that_need_too_much_memory_are_left_out() -> None:
    """With little memory the large sizes are reported as not run."""
    sets, absent = scaling_sets(free=10**9)
    assert [*sets, *absent] == [f"{size:,}" for size in SIZES]
    assert list(absent) == ["30,000,000", "100,000,000"]
    assert all(small < large for small, large in pairwise(shapes[0] for shapes in sets.values()))
    assert scaling_sets(None)[1] == {}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--shapes", "3x", "no shape"),
        ("--rules", "sgdmm", "no rule"),
        ("--frameworks", "mxnet", "no framework"),
    ],
)
def test_bench_refuses_what_it_does_not_know(option: str, value: str, message: str) -> None:
    """A shape, a rule or a framework that is not one is an error that says so."""
    result = run(option, value)
    assert result.exit_code == 2
    assert message in result.output


def test_a_parameter_set_is_chosen_by_name_or_by_shapes() -> None:
    """The sets of the page have names; other shapes are one set of their own."""
    assert list(sets_of("")) == list(PARAMETER_SETS)
    assert sets_of("13.6k in 100") == {"13.6k in 100": ((136,),) * 100}
    assert sets_of("2x3*2,5") == {"own shapes": ((2, 3), (2, 3), (5,))}


def request(**options: Any) -> Request:
    return Request("", {"small": ((2,),), "large": ((3,),)}, ("", "momo"), 2, "cpu", **options)


def test_a_missing_package_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A framework that is not installed does not run, and the report says why."""
    backend = replace(processes.BACKENDS["keras-jax"], packages=("no_such_package",))
    monkeypatch.setitem(processes.BACKENDS, "keras-jax", backend)
    events = list(events_of(replace(request(), framework="keras-jax"), 60))
    assert events == [Absent("keras-jax", "", "", "no_such_package is not installed")]


def test_a_framework_out_of_time_says_what_it_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not reached is listed rule by rule; a framework that did not begin is one line."""
    late = Absent("torch", "", "", "late")

    def events(request: Request, limit: float) -> Any:
        yield from [Over("", "small"), late] if request.framework == "torch" else [late]

    monkeypatch.setattr(processes, "events_of", events)
    assert list(in_turn(request(), ["torch", "jax"], 1)) == [
        Over("", "small"),
        Absent("torch", "", "large", "late"),
        Absent("torch", "momo", "small", "late"),
        Absent("torch", "momo", "large", "late"),
        late,
    ]


def test_a_device_that_is_not_there_is_reported_once() -> None:
    """On a machine without a GPU `--device cuda` says so, and does not fail."""
    torch = pytest.importorskip("torch", reason="not run: torch is not installed")
    if torch.cuda.is_available():
        pytest.skip("not run: there is a GPU")
    result = run("--frameworks", "torch", "--device", "cuda", "--shapes", "5")
    assert result.exit_code == 0, result.output
    assert result.output.count("not run: PyTorch finds no GPU") == 1


def test_a_process_is_stopped_at_its_limit() -> None:
    """Without time nothing runs, and that is reported."""
    events = list(events_of(replace(request(), framework="torch"), 0.0))
    assert [event.reason for event in events] == ["no time was left after 0 s, see --minutes"]


def page_tool() -> Any:
    path = Path(__file__).parent.parent / "tools" / "benchmark_page.py"
    spec = importlib.util.spec_from_file_location("benchmark_page", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_takes_its_figures_from_the_report(tmp_path: Path) -> None:
    """Tables between markers are replaced, all else stays, and another schema is refused."""
    tool, path = page_tool(), tmp_path / "bench.json"
    path.write_text(json.dumps(made_up().as_json()), encoding="utf-8")
    made = tool.tables(tool.load([path]))
    assert "| ours | 2.00 / 0.50 / 1.25 | 2e+03 | 3 | 25 % | 8.0 | theirs |" in made["torch"]
    assert "| momo | 2.5 | 0.2 |" in made["first-steps"]
    page = "".join(f"{name}\n<!-- figures: {name} -->\nBEFORE\n<!-- end -->\n" for name in (*made, "scaling"))
    new = tool.filled(page, made)
    assert new.count("BEFORE") == 1
    assert tool.filled(new, made) == new
    with pytest.raises(ValueError, match="no marker for"):
        tool.filled("", made)
    path.write_text('{"schema": 0}', encoding="utf-8")
    with pytest.raises(ValueError, match="schema 0"):
        tool.load([path])


def test_the_page_shows_growth(tmp_path: Path) -> None:
    """The report of `--scaling` fills the table of growth and no other."""
    path = tmp_path / "bench.json"
    report = made_up(scaling=True)
    report.first_steps.clear()
    path.write_text(json.dumps(report.as_json()), encoding="utf-8")
    tool = page_tool()
    made = tool.tables(tool.load([path]))
    assert set(made) == {"machine", "scaling"}
    assert "| ours | 20000000.00 | – |" in made["scaling"]


def test_the_page_has_a_place_for_every_framework() -> None:
    """The markers of the page are those that the tool writes."""
    tool = page_tool()
    places = {match[2] for match in tool.MARKED.finditer(tool.PAGE.read_text(encoding="utf-8"))}
    assert places == {*FRAMEWORKS, "machine", "first-steps", "scaling"}
