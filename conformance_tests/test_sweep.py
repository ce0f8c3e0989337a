"""`momo sweep`: its tasks, its file of finished runs, the window of good rates and what it writes."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("typer", reason="not run: typer is not installed")
pytest.importorskip("sklearn", reason="not run: scikit-learn is not installed")

from typer.testing import CliRunner, Result

from conformance_tests.roundings import gamma
from momo_cli.main import app
from momo_cli.sweep import networks
from momo_cli.sweep.execute import execute
from momo_cli.sweep.journal import Journal
from momo_cli.sweep.optimizers import DEFAULTS, parse
from momo_cli.sweep.problem import Problem, prepare
from momo_cli.sweep.runs import Record, Run, learning_rates, plan, train
from momo_cli.sweep.tasks import TASKS
from momo_cli.sweep.window import Curve, curves
from momo_cli.train.backends import BACKENDS
from momo_spec import load_spec
from momo_spec.bounds import SAFETY

UNIT_ROUNDOFF = 2.0**-24
GRID = ("--lowest", "0.1", "--highest", "1", "--per-decade", "1", "--seeds", "1", "--steps", "4")
TWO = ("--optimizer", "momo,builtin_sgdm", "--task", "wine-logistic")
NAMESPACES = {"torch": "array_api_compat.torch", "jax": "jax.numpy"}


def sweep(*options: str, out: Path) -> Result:
    return CliRunner().invoke(app, ["sweep", *options, "--out", str(out)], env={"COLUMNS": "120"})


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]


def a_run(**changes: Any) -> Run:
    run = Run("torch", "wine-logistic", "momo", 0.1, 0, 10, 16, "data")
    return replace(run, **changes)


def a_record(loss: float, skipped: int = 0, **changes: Any) -> Record:
    return Record(a_run(**changes), loss, 2.0, skipped, 0.1, {})


def perturbed(problem: Problem, size: float, seed: int) -> Problem:
    """The problem with the initial weights off by a relative `size`, or by `size` where they are 0."""
    generator = np.random.default_rng(seed)
    weights = [
        (w + np.where(w, w, 1) * size * generator.uniform(-1, 1, w.shape)).astype(w.dtype)
        for w in problem.weights
    ]
    return replace(problem, weights=weights)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the time of drawing."""
    monkeypatch.setattr("momo_cli.sweep.picture.draw", lambda *arguments: None)


class TestRun:
    @pytest.mark.parametrize("backend", ["torch", "jax"])
    def test_a_tiny_sweep_writes_everything(self, tmp_path: Path, backend: str) -> None:
        pytest.importorskip(backend, reason=f"not run: {backend} is not installed")
        result = sweep("--backend", backend, *TWO, *GRID, out=tmp_path)
        assert result.exit_code == 0, result.output
        runs = [(line["run"]["optimizer"], line["run"]["learning_rate"]) for line in lines(tmp_path)]
        assert runs == [("momo", 0.1), ("momo", 1.0), ("builtin_sgdm", 0.1), ("builtin_sgdm", 1.0)]
        document = json.loads((tmp_path / "sweep.json").read_text())
        losses = document["tasks"]["wine-logistic"]["momo"]["losses"]
        assert losses == [[line["loss"]] for line in lines(tmp_path)[:2]]
        assert all(line["loss"] < line["initial_loss"] for line in lines(tmp_path)[:2])
        assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
        assert "| wine-logistic | built-in SGD-M |" in (tmp_path / "sweep.md").read_text()
        assert "MoMo" in result.output

    @pytest.mark.usefixtures("undrawn")
    def test_finished_runs_are_not_done_again(self, tmp_path: Path) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        sweep(*TWO, *GRID, out=tmp_path)
        journal = tmp_path / "runs.jsonl"
        whole = journal.read_text().splitlines()
        journal.write_text("\n".join([*whole[:2], whole[3]]) + "\n")
        result = sweep(*TWO, *GRID, out=tmp_path)
        assert "3 of 4 runs are finished already" in result.output
        again = journal.read_text().splitlines()
        assert again[:3] == [*whole[:2], whole[3]]
        assert len(again) == 4
        redone, first = json.loads(again[3]), json.loads(whole[2])
        assert (redone["run"], redone["loss"]) == (first["run"], first["loss"])

    @pytest.mark.usefixtures("undrawn")
    def test_a_half_written_line_is_done_again(self, tmp_path: Path) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        sweep(*TWO, *GRID, out=tmp_path)
        journal = tmp_path / "runs.jsonl"
        whole = journal.read_text()
        journal.write_text(whole[:-40])
        result = sweep(*TWO, *GRID, out=tmp_path)
        assert "1 broken lines" in result.output
        *others, half, redone = journal.read_text().splitlines()
        assert [*others, half] == whole[:-40].splitlines()
        assert json.loads(redone)["run"] == json.loads(whole.splitlines()[-1])["run"]

    @pytest.mark.usefixtures("undrawn")
    def test_other_settings_are_noticed_and_kept(self, tmp_path: Path) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        sweep(*TWO, *GRID, out=tmp_path)
        result = sweep(*TWO, *GRID, "--steps", "5", out=tmp_path)
        assert "4 runs of other settings or data" in result.output
        assert [line["run"]["steps"] for line in lines(tmp_path)] == [4] * 4 + [5] * 4
        widened = sweep(*TWO, *GRID, "--highest", "10", out=tmp_path)
        assert "4 of 6 runs are finished already" in widened.output

    def test_several_processes_find_the_same_losses(self, tmp_path: Path) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        runs = list(plan("torch", ["wine-logistic"], ["momo"], [0.1, 1.0], seeds=1, steps=4))
        alone, together = (
            {record.run: record.loss for record in execute(runs, jobs=jobs, ray=False)} for jobs in (1, 2)
        )
        assert list(alone) == runs
        assert alone == together

    def test_a_cluster_finds_the_same_losses(self) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        pytest.importorskip("ray", reason="not run: ray is not installed")
        runs = list(plan("torch", ["wine-logistic"], ["momo"], [0.1, 1.0], seeds=1, steps=4))
        alone, together = (
            {record.run: record.loss for record in execute(runs, jobs=1, ray=ray)} for ray in (False, True)
        )
        assert alone == together

    def test_keras_trains_as_torch_does(self, tmp_path: Path) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        needs_keras()
        options = ["--backend", "keras-jax", *TWO, *GRID, "--highest", "0.1", "--out", str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "momo_cli.main", "sweep", *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for line in lines(tmp_path):
            run = replace(Run(**line["run"]), backend="torch")
            assert abs(train(run).loss - line["loss"]) <= spread("torch", run)


def needs_keras() -> None:
    """Skip without Keras and JAX, which need not be imported here to see that."""
    if missing := BACKENDS["keras-jax"].missing_packages():
        pytest.skip(f"not run: {', '.join(missing)} not installed")


def spread(backend: str, run: Run) -> float:
    """
    How far roundings of float32 can move the final loss of a short run.

    Each step rounds a weight, and a gradient by less.  Adam's bias correction ``1 - beta2**t`` is
    at least ``1 - beta2``, and is off by up to as many roundings as that goes into 1 where a framework
    computes it in float32: as a learning rate that is off by as much.
    """
    correction = math.ceil(1 / (1 - load_spec("adam").hyper["beta2"].default))
    problem = prepare(run.task, run.seed, run.steps, run.batch_size)
    trainer, choice = import_module(f"momo_cli.sweep.run_{backend}"), parse(run.optimizer)

    def loss(start: Problem, factor: float = 1.0) -> float:
        return problem.loss(trainer.train(start, choice, factor * run.learning_rate)[0])

    near = [loss(perturbed(problem, run.steps * UNIT_ROUNDOFF, seed)) for seed in range(4)]
    near += [loss(problem, 1 + sign * correction * UNIT_ROUNDOFF) for sign in (-1, 1)]
    here = loss(problem)
    return SAFETY * max(abs(other - here) for other in near)


@pytest.mark.parametrize(
    "optimizer", ["momo_adam:beta1=0.5", "builtin_sgdm", "builtin_adamw", "schedule_free"]
)
def test_torch_and_jax_train_alike(optimizer: str) -> None:
    pytest.importorskip("torch", reason="not run: torch is not installed")
    pytest.importorskip("jax", reason="not run: jax is not installed")
    if obstacle := parse(optimizer).obstacle("torch"):
        pytest.skip(f"not run: {obstacle}")
    run = a_run(optimizer=optimizer)
    losses = [train(replace(run, backend=backend)).loss for backend in ("torch", "jax")]
    assert abs(losses[0] - losses[1]) <= spread("torch", run)


class TestNetworks:
    @pytest.mark.parametrize("framework", ["torch", "jax"])
    @pytest.mark.parametrize("task", ["digits-cnn", "text-transformer", "digits-diffusion", "wine-logistic"])
    def test_a_framework_computes_the_same_loss(self, task: str, framework: str) -> None:
        """
        The loss in float32 is that of weights which are off by the rounding of the longest sum.

        A sum of n products in any order is the exact one of factors off by at most n roundings.
        """
        module = pytest.importorskip(framework, reason=f"not run: {framework} is not installed")
        xp = import_module(NAMESPACES[framework])
        convert = module.tensor if framework == "torch" else xp.asarray
        problem = prepare(task, 0, 2, 8)
        arrays = [convert(array) for array in (problem.x[0], problem.y[0])]
        loss = float(problem.task.objective([convert(w) for w in problem.weights], *arrays, xp=xp))
        longest = max(shape[0] for shape in problem.task.shapes)
        exact, *others = (exact_loss(each) for each in (problem, *neighbours(problem, longest)))
        assert abs(loss - exact) <= max(abs(other - exact) for other in others)

    def test_the_cnn_is_that_of_torch(self) -> None:
        """Small integers are exact in every order of summation."""
        torch = pytest.importorskip("torch", reason="not run: torch is not installed")
        generator = np.random.default_rng(0)
        x = generator.integers(-4, 5, (3, 64)).astype(float)
        weights = [generator.integers(-3, 4, shape).astype(float) for shape in networks.CNN_SHAPES]
        w1, b1, w2, b2, w3, b3 = map(torch.tensor, weights)
        f1, f2 = networks.FILTERS
        maps = torch.nn.functional.conv2d(
            torch.tensor(x).reshape(-1, 1, 8, 8), w1.reshape(3, 3, 1, f1).permute(3, 2, 0, 1), b1
        )
        maps = torch.nn.functional.max_pool2d(torch.relu(maps), 2)
        maps = torch.nn.functional.conv2d(maps, w2.reshape(3, 3, f1, f2).permute(3, 2, 0, 1), b2)
        expected = torch.relu(maps).flatten(1) @ w3 + b3
        assert np.array_equal(networks.cnn(weights, x, xp=np), expected.numpy())

    def test_the_transformer_sees_no_character_ahead(self) -> None:
        problem = prepare("text-transformer", 0, 1, 2)
        text = problem.x[0]
        changed = text.copy()
        changed[:, 7] = (changed[:, 7] + 1) % 48
        before, after = (networks.transformer(problem.weights, each, xp=np) for each in (text, changed))
        assert np.array_equal(before[:, :7], after[:, :7])
        assert (before[:, 7:] != after[:, 7:]).any(axis=-1).all()


def neighbours(problem: Problem, roundings: int) -> list[Problem]:
    wide = replace(problem, weights=[weight.astype(np.float64) for weight in problem.weights])
    return [perturbed(wide, roundings * UNIT_ROUNDOFF, seed) for seed in range(8)]


def exact_loss(problem: Problem) -> float:
    """The loss of the first batch in float64."""
    weights = [weight.astype(np.float64) for weight in problem.weights]
    return float(problem.task.objective(weights, problem.x[0], problem.y[0], xp=np))


class TestTasks:
    @pytest.mark.parametrize("task", TASKS)
    def test_the_same_seed_gives_the_same_numbers(self, task: str) -> None:
        def fresh(seed: int) -> str:
            return prepare.__wrapped__(task, seed, 2, 4).fingerprint()

        assert fresh(0) == fresh(0) != fresh(1)

    def test_noise_keeps_the_variance(self) -> None:
        """Image and noise are mixed with cosine and sine, and the target is the noise."""
        task = TASKS["digits-diffusion"]
        x, noise = task.draw((np.zeros((20, 64), np.float32), np.zeros(20)), np.random.default_rng(0))
        cosine = x[:, 64]  # of pi t
        share = np.sqrt((1 - cosine) / 2)[:, None]
        # A rounding of cosine is half of one in share^2.  Five more: 1 - cosine, the root, noises, product.
        allowed = gamma(5, "float32") * share + UNIT_ROUNDOFF / (2 * share)
        assert np.all(abs(x[:, :64] - share * noise) <= allowed * abs(noise))

    def test_rates_are_the_same_in_any_grid(self) -> None:
        assert learning_rates(1e-4, 1e-2, 2) == [0.0001, 0.000316, 0.001, 0.00316, 0.01]
        assert set(learning_rates(0.1, 10, 1)) < set(learning_rates(1e-4, 1e2, 3))


class TestJournal:
    def test_a_record_survives_the_file(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "runs.jsonl")
        records = [a_record(0.5), a_record(math.inf, seed=1), a_record(0.25, skipped=3, seed=2)]
        for record in records:
            journal.append(record)
        found = journal.read([record.run for record in records])
        assert list(found.records.values()) == records
        assert [record.finite for record in records] == [True, False, False]
        assert (found.others, found.broken) == (0, 0)

    @pytest.mark.parametrize("field", ["backend", "learning_rate", "steps", "batch_size", "data"])
    def test_another_setting_is_another_run(self, tmp_path: Path, field: str) -> None:
        journal = Journal(tmp_path / "runs.jsonl")
        journal.append(a_record(0.5))
        changed = 7 if field in ("steps", "batch_size", "learning_rate") else "other"
        found = journal.read([a_run(**{field: changed})])
        assert (found.records, found.others) == ({}, 1)


RATES = (0.01, 0.1, 1.0, 10.0, 100.0)


class TestWindow:
    @pytest.mark.parametrize(
        ("losses", "first", "last", "ends"),
        [
            ((3.0, 1.1, 1.0, 1.05, 9.0), 0.1, 10.0, (False, False)),
            ((1.01, 3.0, 1.05, 1.0, 1.2), 1.0, 10.0, (False, False)),  # the first lies behind a gap
            ((1.0, 1.2, 1.3, 1.4, 1.5), 0.01, 0.01, (True, False)),
            ((2.0, 2.0, 1.0, 1.0, 1.0), 1.0, 100.0, (False, True)),
            ((2.0, 2.0, 1.0, math.inf, 1.0), 1.0, 1.0, (False, False)),
            ((3e-9, 1e-9, 1.05e-9, 1.2e-9, 1.0), 0.1, 1.0, (False, False)),
        ],
    )
    def test_it_is_the_stretch_around_the_best(
        self, losses: tuple[float, ...], first: float, last: float, ends: tuple[bool, bool]
    ) -> None:
        window = Curve(RATES, tuple((loss,) for loss in losses)).window()
        assert (window.first, window.last) == (first, last)
        assert (window.open_below, window.open_above) == ends
        assert window.points == round(window.decades) + 1 == RATES.index(last) - RATES.index(first) + 1

    def test_a_curve_that_only_diverges_has_none(self) -> None:
        assert Curve(RATES, ((math.inf,),) * 5).window() is None

    def test_it_can_be_measured_from_the_best_of_all(self) -> None:
        curve = Curve(RATES, ((5.0,), (1.05,), (1.0,), (1.09,), (4.0,)))
        assert curve.window(0.99).points == 2
        assert curve.window(0.5) is None

    def test_one_seed_that_is_not_finite_spoils_a_rate(self) -> None:
        records = [a_record(1.0), a_record(1.0, seed=1), a_record(0.9, learning_rate=1.0)]
        records.append(a_record(0.9, skipped=2, learning_rate=1.0, seed=1))
        curve = curves(records)["wine-logistic"]["momo"]
        assert curve == Curve((0.1, 1.0), ((1.0, 1.0), (0.9, math.inf)), diverged=1)
        assert curve.best_rate == 0.1

    def test_a_run_that_ends_above_its_start_diverged(self) -> None:
        records = [a_record(2.5), a_record(1.5, learning_rate=1.0)]
        assert curves(records)["wine-logistic"]["momo"] == Curve((0.1, 1.0), ((2.5,), (1.5,)), diverged=1)

    def test_a_run_that_diverges_says_so(self, tmp_path: Path) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        options = ("--lowest", "1e20", "--highest", "1e20", "--seeds", "1", "--steps", "8")
        result = sweep(*TWO, *options, out=tmp_path)
        assert result.exit_code == 0, result.output
        built_in = lines(tmp_path)[1]
        assert (built_in["run"]["optimizer"], built_in["loss"]) == ("builtin_sgdm", None)
        assert "1/1" in result.output
        assert (tmp_path / "sweep.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backend", "numpy"], "no backend 'numpy'"),
        (["--task", "imagenet"], "no task 'imagenet'"),
        (["--optimizer", "momoo"], "no optimizer 'momoo'"),
        (["--optimizer", "momo:beta=2"], "beta"),
        (["--optimizer", "momo:gamma=2"], "momo has no gamma"),
        (["--optimizer", "momo:beta=high"], "must be a number"),
        (["--optimizer", "momo:learning_rate=1"], "is what the sweep varies"),
        (["--optimizer", "prodigy:beta=0.5"], "no optimizer"),
        (["--lowest", "1", "--highest", "0.1"], "no learning rate"),
        (["--seeds", "0"], "--seeds"),
    ],
)
def test_a_bad_option_stops_before_any_work(tmp_path: Path, options: list[str], message: str) -> None:
    result = sweep(*options, out=tmp_path / "out")
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


class TestWhatIsNotThere:
    def test_an_optimizer_that_was_asked_for_is_an_error(self, tmp_path: Path) -> None:
        needs_keras()
        result = sweep("--backend", "keras-jax", "--optimizer", "prodigy", out=tmp_path)
        assert result.exit_code == 2
        assert "prodigy is not run: not supported in keras" in " ".join(result.output.split())

    @pytest.mark.usefixtures("undrawn")
    def test_one_of_the_default_ones_is_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        monkeypatch.setattr(
            "momo_cli.sweep.optimizers.find_spec",
            lambda name: None if name == "prodigyopt" else find_spec(name),
        )
        options = ("--task", "wine-logistic", "--lowest", "1", "--highest", "1", "--seeds", "1")
        result = sweep(*options, "--steps", "1", out=tmp_path)
        assert "Prodigy not run: prodigyopt is not installed" in result.output
        there_are = {line["run"]["optimizer"] for line in lines(tmp_path)}
        assert set(DEFAULTS) - there_are >= {"prodigy"}
        assert "prodigy" in json.loads((tmp_path / "sweep.json").read_text())["not_run"]

    def test_ray(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("torch", reason="not run: torch is not installed")
        monkeypatch.setattr("momo_cli.sweep.execute.find_spec", lambda name: None)
        result = sweep(*TWO, *GRID, "--ray", out=tmp_path)
        assert result.exit_code == 1
        assert "not run: ray is not installed" in result.output

    def test_keras_on_another_backend(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        needs_keras()
        running = SimpleNamespace(
            __spec__=find_spec("keras"), backend=SimpleNamespace(backend=lambda: "tensorflow")
        )
        monkeypatch.setitem(sys.modules, "keras", running)
        result = sweep("--backend", "keras-jax", *TWO, *GRID, out=tmp_path)
        assert result.exit_code == 1
        assert "Keras runs on tensorflow in this process already" in result.output
