"""`momo bench`: that it runs and reports; how fast anything is, is no test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="not run: torch is not installed")
pytest.importorskip("numba", reason="not run: numba is not installed")

from momo_cli.main import app


def test_bench_reports_every_optimizer(tmp_path: Path) -> None:
    """A run on small tensors writes the figures of both paths and of PyTorch's own optimizers."""
    arguments = ["bench", "--shapes", "3x2*2,5", "--rules", "momo,schedule_free_sps", "--rounds", "2"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    names = {row["name"] for row in report["results"]["own shapes"]}
    assert {"torch AdamW fused", "Momo fused", "Momo generic", "ScheduleFreeSPS generic"} <= names
    assert "ScheduleFreeSPS fused" not in names
    assert (tmp_path / "bench.png").exists()


@pytest.mark.parametrize(
    ("option", "value", "message"), [("--shapes", "3x", "no shape"), ("--rules", "sgdmm", "no rule")]
)
def test_bench_refuses_what_it_does_not_know(option: str, value: str, message: str) -> None:
    """A shape or a rule that is not one is an error that says so."""
    result = CliRunner().invoke(app, ["bench", option, value])
    assert result.exit_code == 2
    assert message in result.output
