"""`momo train`: the runs it makes, what it says of them and how it exits."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer")
pytest.importorskip("sklearn")

import typer
from typer.testing import CliRunner, Result

from conformance_tests.comparisons import assert_within
from conformance_tests.profiles import PROFILE, mostly
from conformance_tests.roundings import assert_rounded
from momo_cli.train import reference
from momo_cli.train.backends import BACKENDS
from momo_cli.train.command import train
from momo_cli.train.compare import compare
from momo_cli.train.config import Config
from momo_cli.train.network import Arithmetic, NoisyArithmetic, loss_and_gradients
from momo_cli.train.recorder import TRAJECTORY
from momo_cli.train.reference import BOUNDS
from momo_cli.train.task import load, prepare
from momo_spec import arithmetic as spec_arithmetic
from momo_spec.bounds import SAMPLES, UNIT_ROUNDOFF, Rows, rounding_bound

WRONG_RULE = '''
import torch

class MomoAdam(torch.optim.Adam):
    """Plain Adam, which forgets the loss."""

    last_info = type("Info", (), {"step_size": 0.0, "truncation": 1.0})

    def step(self, *, loss):
        super().step()
'''

CRASH = """
class MomoAdam:
    def __init__(self, params, **settings):
        raise RuntimeError("no such luck")
"""


def run(*options: str, out: Path) -> Result:
    app = typer.Typer()
    app.command()(train)
    return CliRunner().invoke(app, [*options, "--out", str(out)], env={"COLUMNS": "120"})


def saved(out: Path) -> dict[str, Any]:
    return json.loads((out / "run.json").read_text())


def config(**changes: Any) -> Config:
    small = Config("momo_adam", "digits", 5, 16, 4, 0, "float32", "cpu", {"learning_rate": 0.1})
    return replace(small, **changes)


@pytest.fixture
def fake_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a module called `momo_torch` before the real one, in the workers too."""

    def install(source: str) -> None:
        (tmp_path / "fake").mkdir()
        (tmp_path / "fake" / "momo_torch.py").write_text(source)
        monkeypatch.setattr(sys, "path", [str(tmp_path / "fake"), *sys.path])

    return install


def loss_bound(config: Config) -> Rows:
    """How far rounding errors of float32 may carry the losses of a run, by the noisy runs of its bound."""

    def losses(network: Arithmetic, optimizer: spec_arithmetic.Arithmetic) -> Rows:
        steps = reference._train(prepare(config), network, optimizer)
        return np.array([loss for _, loss, _ in steps])[:, None]

    unit = UNIT_ROUNDOFF["float32"]
    noisy = (
        losses(NoisyArithmetic(unit, seed=seed + SAMPLES), spec_arithmetic.Perturbed(unit, seed=seed))
        for seed in range(SAMPLES)
    )
    return rounding_bound(losses(Arithmetic(), spec_arithmetic.Float64()), noisy, unit)


class TestRun:
    @pytest.mark.parametrize("dataset", mostly(["digits", "text", "regression"], ["regression"]))
    def test_numpy_and_torch_stay_within_their_bounds(self, tmp_path, dataset):
        pytest.importorskip("torch")
        options = "--steps", "5", "--batch-size", "16", "--hidden", "8", "--dataset", dataset
        result = run("--backend", "numpy,torch", *options, out=tmp_path)
        assert result.exit_code == 0, result.output
        document = saved(tmp_path)
        assert document["bounds"]["float32"]["horizon"] == 6
        assert list(document["backends"]) == ["numpy", "torch"]
        for entry in document["backends"].values():
            assert entry["status"] == "ran"
            assert entry["within_bound"]
            assert 0 < entry["largest_deviation"] < entry["bound_there"]
            losses = np.array([entry["series"]["loss"], document["reference"]["loss"]])[..., None]
            assert_within(*losses, loss_bound(Config(**document["config"])))
        assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")

    def test_the_file_has_what_a_reader_needs(self, tmp_path):
        run("--backend", "numpy", "--steps", "3", "--lr", "0.05", out=tmp_path)
        document = saved(tmp_path)
        assert set(document) == {
            "config", "python", "numpy", "parameters", "reference", "bounds", "backends",
        }  # fmt: skip
        assert document["config"]["hyper"] == {"learning_rate": 0.05}
        assert document["parameters"] == 64 * 32 + 32 + 32 * 10 + 10
        entry = document["backends"]["numpy"]
        assert set(entry) == {
            "status", "message", "versions", "series", "final_loss", "test_accuracy",
            "milliseconds_per_step", "held_to", "largest_deviation", "bound_there", "bound_used",
            "worst_step", "within_bound",
        }  # fmt: skip
        series = {name: len(values) for name, values in entry["series"].items()}
        assert series == {
            "step": 3, "loss": 3, "seconds": 3, "step_size": 3, "truncation": 3, "deviation": 4,
        }  # fmt: skip

    @pytest.mark.parametrize("dtype", mostly(["float32", "float64"], ["float32"]))
    def test_every_framework_that_is_there_stays_within_its_bound(self, tmp_path, dtype):
        there = [name for name, backend in BACKENDS.items() if not backend.missing_packages()]
        if PROFILE != "nightly":  # the others take ten seconds to load
            there = [name for name in there if name not in ("keras-tensorflow", "keras-torch")]
        result = run("--backend", ",".join(there), "--steps", "4", "--dtype", dtype, out=tmp_path)
        assert result.exit_code == 0, result.output
        entries = saved(tmp_path)["backends"]
        held_to = {name: entry["held_to"] for name, entry in entries.items()}
        assert held_to == {name: BACKENDS[name].accuracy(dtype) for name in there}

    def test_a_wrong_rule_leaves_its_bound(self, tmp_path, fake_torch):
        pytest.importorskip("torch")
        fake_torch(WRONG_RULE)
        result = run("--backend", "torch", "--backend", "numpy", "--steps", "5", out=tmp_path)
        assert result.exit_code == 1
        assert "torch leaves its bound" in result.output
        entries = saved(tmp_path)["backends"]
        assert entries["torch"]["bound_used"] > 100
        assert not entries["torch"]["within_bound"]
        assert entries["numpy"]["within_bound"]

    def test_a_crash_is_one_line_and_a_log(self, tmp_path, fake_torch):
        pytest.importorskip("torch")
        fake_torch(CRASH)
        result = run("--backend", "torch,numpy", "--steps", "2", out=tmp_path)
        assert result.exit_code == 1
        assert "torch failed: RuntimeError: no such luck" in result.output
        assert "Traceback" not in result.output
        assert "Traceback" in (tmp_path / "torch.log").read_text()

    def test_what_is_not_installed_is_not_run(self, tmp_path, monkeypatch):
        for name in set(BACKENDS) - {"numpy", "torch"}:
            monkeypatch.delitem(BACKENDS, name)
        absent = replace(BACKENDS["torch"], packages=("a_package_that_is_not_there",))
        monkeypatch.setitem(BACKENDS, "torch", absent)
        silent = run("--steps", "2", out=tmp_path)
        assert "torch not run: not installed: a_package_that_is_not_there" in silent.output
        assert silent.exit_code == 0
        assert run("--steps", "2", "--backend", "numpy,torch", out=tmp_path).exit_code == 1

    def test_a_device_that_is_not_there(self, tmp_path):
        result = run("--backend", "numpy", "--steps", "2", "--device", "cuda", out=tmp_path)
        assert result.exit_code == 1
        assert "numpy not run: NumPy runs on the CPU only" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backend", "numpy,tensorlow"], "tensorlow"),
        (["--optimizer", "sgd"], "sgd"),
        (["--dataset", "imagenet"], "imagenet"),
        (["--steps", "0"], "--steps"),
        (["--batch-size", "0"], "--batch-size"),
        (["--lr", "-1"], "learning_rate"),
        (["--lr", "nan"], "learning_rate"),
        (["--weight-decay", "-0.1"], "weight_decay"),
        (["--lr", "inf", "--weight-decay", "0.1"], "inf"),
        (["--dtype", "float16"], "float16"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_a_bad_option_stops_before_any_work(tmp_path, options, message):
    result = run(*options, out=tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


class TestTask:
    def test_the_same_seed_gives_the_same_task(self):
        one, same, other = (prepare(config(seed=seed)) for seed in (3, 3, 4))
        assert np.array_equal(one.batches, same.batches)
        assert not np.array_equal(one.batches, other.batches)
        assert not np.array_equal(one.weights[0], other.weights[0])

    @pytest.mark.parametrize("dataset", ["digits", "text", "regression"])
    def test_it_survives_the_way_to_another_process(self, tmp_path, dataset):
        task = prepare(config(dataset=dataset))
        task.save(tmp_path)
        read = load(tmp_path)
        assert read.config == task.config
        for mine, theirs in zip(task.in_dtype("float64"), read.in_dtype("float64"), strict=True):
            for one, other in zip(mine, theirs, strict=True):
                assert np.array_equal(one, other)

    def test_its_numbers_are_the_same_in_both_types(self):
        task = prepare(config())
        for single, double in zip(task.in_dtype("float32"), task.in_dtype("float64"), strict=True):
            for one, other in zip(single, double, strict=True):
                assert np.array_equal(one.astype(np.float64), other)

    def test_an_epoch_sees_every_example_once(self):
        task = prepare(config(dataset="regression", steps=100, batch_size=7))
        examples = len(task.data.x_train)
        assert sorted(task.batches.ravel()[:examples]) == list(range(examples))


class TestNetwork:
    @pytest.mark.parametrize("dataset", ["digits", "regression"])
    def test_the_gradient_is_that_of_the_loss(self, dataset):
        task = prepare(config(dataset=dataset))
        x, y, weights = task.in_dtype("float64")
        x, y = x[:8], y[:8]
        generator = np.random.default_rng(0)
        directions = [generator.standard_normal(weight.shape) for weight in weights]
        _, gradients = loss_and_gradients(weights, x, y)

        def difference(step: float) -> float:
            ahead, behind = (
                loss_and_gradients([w + s * d for w, d in zip(weights, directions, strict=True)], x, y)[0]
                for s in (step, -step)
            )
            return (ahead - behind) / (2 * step)

        slope = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
        # Half the step leaves a quarter of the error, so that the change is three times what is left.
        coarse, fine = difference(2.0**-9), difference(2.0**-10)
        assert abs(fine - slope) <= abs(coarse - fine)
        assert abs(coarse - slope) > abs(coarse - fine)

    def test_the_noise_is_of_the_size_of_its_unit(self):
        x = np.linspace(1, 2, 1000)
        noisy = NoisyArithmetic(2.0**-10, seed=0)
        error = abs(noisy(x) / x - 1)
        assert 0.5 * 2.0**-10 < error.max() <= 2.0**-10
        a, b = np.ones((50, 64)), np.ones((64, 50))
        relative = abs(noisy.matmul(a, b) / Arithmetic().matmul(a, b) - 1)
        assert 2.0**-10 < relative.max() < 3 * 2.0**-10


class TestComparison:
    @pytest.fixture
    def folders(self, tmp_path):
        """A run of four steps, 1 away from the start after each more, bounded by 1e-3."""
        reference, other = tmp_path / "reference", tmp_path / "other"
        for folder in (reference, other):
            folder.mkdir()
            np.save(folder / TRAJECTORY, np.arange(5.0)[:, None] * [0.6, 0.8])
        np.savez(reference / BOUNDS, float32=np.full(5, 1e-3))
        return reference, other

    @staticmethod
    def spoil(folder: Path, step: int, value: float) -> None:
        rows = np.load(folder / TRAJECTORY)
        rows[step] += value
        np.save(folder / TRAJECTORY, rows)

    def test_deviation_and_bound_are_shares_of_the_way(self, folders):
        reference, other = folders
        self.spoil(other, 2, 5e-4)
        result = compare(other, reference, "float32")
        assert result.within
        assert result.worst_step == result.farthest_step == 2
        # The weights, their difference, squares, sum and root, the way gone likewise, the quotient.
        assert_rounded(result.use, 0.5 * 2**0.5, 16, terms=1e3)  # weights up to 1 over a bound of 1e-3
        assert_rounded(result.deviation[2], 5e-4 * 2**0.5 / 2, 16, terms=1.0)
        assert_rounded(result.bound[4], 2.5e-4, 16)

    @pytest.mark.parametrize("value", [1.0, np.inf, np.nan])
    def test_a_run_elsewhere_is_not_within(self, folders, value):
        reference, other = folders
        self.spoil(other, 3, value)
        result = compare(other, reference, "float32")
        assert not result.within
        assert result.worst_step == 3

    def test_another_start_is_not_within(self, folders):
        reference, other = folders
        self.spoil(other, 0, 1e-2)
        assert not compare(other, reference, "float32").within

    def test_nothing_counts_beyond_the_horizon(self, folders):
        reference, other = folders
        np.savez(reference / BOUNDS, float32=np.array([1e-3, 1e-3, 1e-3, 1, 1]))
        self.spoil(other, 3, 100.0)
        result = compare(other, reference, "float32")
        assert result.horizon == 3
        assert result.within
