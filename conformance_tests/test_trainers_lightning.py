"""Lightning takes the steps of the plain loop, to the bit."""

from __future__ import annotations

import csv
import importlib
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.nn.functional import mse_loss

from conformance_tests.trainer_problems import MAKERS, Make, assert_same, batches, network, plain_loop
from momo_core import MissingLossError
from momo_core.state import LOGGED
from momo_torch import Momo

pl = pytest.importorskip("lightning.pytorch", reason="not run: lightning is not installed")
LossCallback = importlib.import_module("momo_torch.lightning").LossCallback


class Steps:
    """What the module of either package does."""

    network: Any

    def __init__(self, make: Make) -> None:
        super().__init__()
        self.network, self.make = network(), make

    def loss(self, batch: Any) -> torch.Tensor:
        x, y = batch
        return mse_loss(self.network(x), y)

    def training_step(self, batch: Any, index: int) -> Any:
        return self.loss(batch)

    def configure_optimizers(self) -> Any:
        return self.make(self.network.parameters())


class Regression(Steps, pl.LightningModule):  # type: ignore[misc, name-defined]
    """Automatic optimization."""


class Manual(Regression):
    """Manual optimization; `accumulate` small batches a step."""

    accumulate = 1
    hands_over = False

    def __init__(self, make: Make) -> None:
        super().__init__(make)
        self.automatic_optimization = False

    def training_step(self, batch: Any, index: int) -> None:
        optimizer = self.optimizers()
        if index % self.accumulate == 0:
            optimizer.zero_grad()
        loss = self.loss(batch) / self.accumulate
        self.manual_backward(loss)
        if (index + 1) % self.accumulate == 0 or self.trainer.is_last_batch:
            optimizer.step(loss=loss.detach()) if self.hands_over else optimizer.step()


class ManualTwo(Manual):
    accumulate = 2


class ManualWithLoss(Manual):
    hands_over = True


def trainer(folder: Path, *, package: Any = pl, callbacks: Any = None, **options: Any) -> Any:
    plain = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "max_epochs": 1,
        "log_every_n_steps": 1,
    }
    callbacks = [LossCallback()] if callbacks is None else callbacks
    return package.Trainer(default_root_dir=folder, callbacks=callbacks, **{**plain, **options})


def fit(folder: Path, module: Any, **options: Any) -> Any:
    """The optimizer after training."""
    made = trainer(folder, **options)
    made.fit(module, batches())
    return made.optimizers[0]


autocast = partial(torch.autocast, "cpu", cache_enabled=False)


@pytest.mark.parametrize("module", [Regression, Manual])
@pytest.mark.parametrize("name", MAKERS)
def test_is_the_plain_loop(tmp_path: Path, name: str, module: Any) -> None:
    """Automatic and manual optimization, two epochs."""
    optimizer = fit(tmp_path, module(MAKERS[name]), max_epochs=2)
    assert_same(optimizer, plain_loop(MAKERS[name], epochs=2))


@pytest.mark.reliability("R81", "R87")
@pytest.mark.parametrize("name", ["Momo", "MomoAdam"])
def test_small_batches_are_added(tmp_path: Path, name: str) -> None:
    """In Lightning the losses of small batches add up, also where an epoch ends with fewer of them."""
    expected = plain_loop(MAKERS[name], accumulate=2)
    assert_same(fit(tmp_path, Regression(MAKERS[name]), accumulate_grad_batches=2), expected)
    assert_same(fit(tmp_path, ManualTwo(MAKERS[name])), expected)


@pytest.mark.reliability("R87")
def test_without_the_callback(tmp_path: Path) -> None:
    """Lightning's closure has the loss of the last small batch: right without accumulation, else not."""
    make, none = MAKERS["Momo"], {"callbacks": []}
    assert_same(fit(tmp_path, Regression(make), **none), plain_loop(make))
    assert_same(fit(tmp_path, ManualWithLoss(make), **none), plain_loop(make))
    alone = fit(tmp_path, Regression(make), accumulate_grad_batches=2, **none)
    with pytest.raises(AssertionError):
        assert_same(alone, plain_loop(make, accumulate=2))
    with pytest.raises(MissingLossError):
        fit(tmp_path, Manual(make), **none)


@pytest.mark.reliability("R25")
def test_given_loss_wins(tmp_path: Path) -> None:
    """With the callback for Lightning, too, the loss that is given to the step is used."""
    assert_same(fit(tmp_path, ManualWithLoss(MAKERS["Momo"])), plain_loop(MAKERS["Momo"]))


@pytest.mark.reliability("R86", "R87")
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision(tmp_path: Path, precision: str, accumulate: int) -> None:
    """Lightning in bfloat16, and in float16, whose scale is taken out and skips a step that overflows."""
    make, half = MAKERS["MomoAdam"], precision == "16-mixed"
    dtype = torch.float16 if half else torch.bfloat16
    scalers = [torch.amp.GradScaler("cpu", init_scale=2.0**18) if half else None for _ in range(2)]
    plugin = pl.plugins.MixedPrecision(precision, "cpu", scaler=scalers[0])
    optimizer = fit(tmp_path, Regression(make), plugins=[plugin], accumulate_grad_batches=accumulate)
    expected = plain_loop(
        make, accumulate=accumulate, autocast=partial(autocast, dtype=dtype), scaler=scalers[1]
    )
    assert_same(optimizer, expected)
    if half:
        assert scalers[0].get_scale() == scalers[1].get_scale() < 2.0**18


@pytest.mark.reliability("R63")
@pytest.mark.parametrize("name", MAKERS)
def test_resumed(tmp_path: Path, name: str) -> None:
    """A run that Lightning resumes from a checkpoint ends where the other ends."""
    make, file = MAKERS[name], tmp_path / "one_epoch.ckpt"
    first = trainer(tmp_path)
    first.fit(Regression(make), batches())
    first.save_checkpoint(file)
    second = trainer(tmp_path, max_epochs=2)
    second.fit(Regression(make), batches(), ckpt_path=file)
    assert_same(second.optimizers[0], plain_loop(make, epochs=2))


@pytest.mark.parametrize("name", MAKERS)
def test_log(tmp_path: Path, name: str) -> None:
    """Each step's size, truncation, lower bound and beta are in the log, as far as the rule has them."""
    logger = pl.loggers.CSVLogger(tmp_path)
    fit(tmp_path, Regression(MAKERS[name]), logger=logger, accumulate_grad_batches=2)
    rows = list(csv.DictReader((Path(logger.log_dir) / "metrics.csv").open(encoding="utf-8")))
    steps = [{key: float(value) for key, value in row.items() if key in LOGGED} for row in rows]
    infos = plain_loop(MAKERS[name], accumulate=2).infos
    assert steps == [{key: info[key] for key in LOGGED if key in info} for info in infos]
    assert [int(row["step"]) for row in rows] == list(range(len(infos)))


def test_log_switched_off(tmp_path: Path) -> None:
    module = Regression(MAKERS["Momo"])
    made = trainer(tmp_path, callbacks=[LossCallback(log=False)])
    made.fit(module, batches())
    assert not set(made.logged_metrics) & set(LOGGED)
    assert_same(made.optimizers[0], plain_loop(MAKERS["Momo"]))


def test_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard has a curve of each."""
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))  # do not load TensorFlow
    pytest.importorskip("tensorboard", reason="not run: tensorboard is not installed")
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    logger = pl.loggers.TensorBoardLogger(tmp_path)
    fit(tmp_path, Regression(MAKERS["Momo"]), logger=logger)
    events = accumulator.EventAccumulator(logger.log_dir).Reload()
    for name in LOGGED:
        shown = [event.value for event in events.Scalars(name)]
        assert shown == [info[name] for info in plain_loop(MAKERS["Momo"]).infos]


class Sparing(Regression):
    """`training_step` returns None for a batch, which leaves it out."""

    def training_step(self, batch: Any, index: int) -> Any:
        return None if index == 2 else self.loss(batch)


@pytest.mark.parametrize("callbacks", [[], None], ids=["alone", "recorded"])
def test_batch_that_is_left_out(tmp_path: Path, callbacks: Any) -> None:
    """A step without gradients needs no loss, and changes nothing."""
    make = MAKERS["MomoAdam"]
    optimizer = fit(tmp_path, Sparing(make), callbacks=callbacks)
    assert_same(optimizer, plain_loop(make, leave_out=2))


class Two(Manual):
    def configure_optimizers(self) -> Any:
        head, tail = self.network[0], self.network[2]
        return [Momo(head.parameters()), torch.optim.SGD(tail.parameters())]


def test_several_optimizers_are_refused(tmp_path: Path) -> None:
    """The callback cannot know whose a loss is; it leaves optimizers of others alone."""
    with pytest.raises(ValueError, match="several optimizers"):
        fit(tmp_path, Two(MAKERS["Momo"]))
    fit(tmp_path, Regression(lambda params: torch.optim.SGD(params, lr=0.1)))  # type: ignore[arg-type, return-value]


def test_the_other_package(tmp_path: Path) -> None:
    """A Trainer of `pytorch_lightning` takes the callback too."""
    other = pytest.importorskip("pytorch_lightning", reason="not run: pytorch-lightning is not installed")
    module = type("Other", (Steps, other.LightningModule), {})(MAKERS["Momo"])
    optimizer = fit(tmp_path, module, package=other, accumulate_grad_batches=2)
    assert_same(optimizer, plain_loop(MAKERS["Momo"], accumulate=2))
