"""Loops with Accelerate, and skorch, take the steps of the plain loop, to the bit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import mse_loss

from conformance_tests.trainer_problems import (
    INPUTS,
    MAKERS,
    TARGETS,
    Make,
    assert_same,
    batches,
    network,
    plain_loop,
)
from momo_torch import ModelBasedOptimizer, Momo


@pytest.fixture
def accelerator_of() -> Any:
    accelerate = pytest.importorskip("accelerate", reason="not run: accelerate is not installed")
    yield partial(accelerate.Accelerator, cpu=True)
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerate.state.GradientState._reset_state()


def prepared(accelerator: Any, make: Make) -> tuple[Any, ...]:
    """Model, optimizer and data as Accelerate wraps them."""
    model = network()
    wrapped: tuple[Any, ...] = accelerator.prepare(model, make(model.parameters()), batches())
    return wrapped


def epoch(accelerator: Any, model: Any, optimizer: Any, data: Any) -> ModelBasedOptimizer:
    """The recipe: record the part of the loss that `accelerator.backward` backpropagates."""
    inner: ModelBasedOptimizer = optimizer.optimizer
    for x, y in data:
        with accelerator.accumulate(model):
            loss = mse_loss(model(x), y)
            inner.record_loss(loss / accelerator.gradient_accumulation_steps)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
    return inner


@pytest.mark.reliability("R81", "R87")
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", MAKERS)
def test_recorded(accelerator_of: Any, name: str, accumulate: int) -> None:
    """Accelerate with recorded losses, in small batches too, and with a state that `prepare` has copied."""
    accelerator = accelerator_of(gradient_accumulation_steps=accumulate)
    inner = epoch(accelerator, *prepared(accelerator, MAKERS[name]))
    assert_same(inner, plain_loop(MAKERS[name], accumulate=accumulate))


@pytest.mark.reliability("R87")
def test_closure(accelerator_of: Any) -> None:
    """Accelerate hands on a closure that only returns the loss, and nothing else."""
    accelerator = accelerator_of()
    model, optimizer, data = prepared(accelerator, MAKERS["MomoAdam"])
    for x, y in data:
        optimizer.zero_grad()
        loss = mse_loss(model(x), y)
        accelerator.backward(loss)
        optimizer.step(lambda loss=loss: loss)
    assert_same(optimizer.optimizer, plain_loop(MAKERS["MomoAdam"]))
    with pytest.raises(TypeError, match="loss"):
        optimizer.step(loss=loss)


@pytest.mark.reliability("R86")
def test_mixed_precision(accelerator_of: Any) -> None:
    """Accelerate in mixed bfloat16; float16 needs a GPU."""
    accelerator = accelerator_of(mixed_precision="bf16", gradient_accumulation_steps=2)
    inner = epoch(accelerator, *prepared(accelerator, MAKERS["Momo"]))

    def part(model: Any, batch: Any, window: list[Any], accumulate: int) -> torch.Tensor:
        x, y = batch
        return mse_loss(model(x).float(), y) / accumulate

    autocast = partial(torch.autocast, "cpu", dtype=torch.bfloat16)
    assert_same(inner, plain_loop(MAKERS["Momo"], accumulate=2, part=part, autocast=autocast))


@pytest.mark.reliability("R63")
@pytest.mark.parametrize("name", MAKERS)
def test_resumed(accelerator_of: Any, tmp_path: Path, name: str) -> None:
    """With Accelerate `save_state` and `load_state` go on to the bit."""
    accelerator = accelerator_of()
    epoch(accelerator, *prepared(accelerator, MAKERS[name]))
    accelerator.save_state(tmp_path)
    accelerator.free_memory()
    model, optimizer, data = prepared(accelerator, MAKERS[name])
    accelerator.load_state(tmp_path)
    assert_same(epoch(accelerator, model, optimizer, data), plain_loop(MAKERS[name], epochs=2))


def test_skorch() -> None:
    """skorch hands the optimizer a closure, which has the loss."""
    skorch = pytest.importorskip("skorch", reason="not run: skorch is not installed")
    given: dict[str, Any] = {"lr": 4.0, "weight_decay": 0.01, "use_fstar": True}
    net = skorch.NeuralNetRegressor(
        network,
        optimizer=Momo,
        batch_size=4,
        max_epochs=2,
        train_split=None,
        verbose=0,
        **{f"optimizer__{name}": value for name, value in given.items()},
    )
    net.fit(INPUTS, TARGETS)
    assert_same(net.optimizer_, plain_loop(MAKERS["Momo"], epochs=2))
