"""The Trainer of Hugging Face's transformers takes the steps of the plain loop, to the bit."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.utils.data import SequentialSampler

from conformance_tests.trainer_problems import (
    BATCHES,
    INPUTS,
    MAKERS,
    TARGETS,
    assert_same,
    network,
    plain_loop,
)
from momo_core import MissingLossError
from momo_core.state import LOGGED
from momo_torch import ModelBasedOptimizer, MomoAdam
from momo_torch.trainers import unwrapped
from momo_torch.transformers import LossMixin

transformers = pytest.importorskip("transformers", reason="not run: transformers is not installed")
pytest.importorskip("accelerate", reason="not run: accelerate is not installed")

SAMPLES = [{"x": x, "labels": y} for x, y in zip(INPUTS, TARGETS, strict=True)]


class Ordered(transformers.Trainer):  # type: ignore[misc, name-defined]
    """Takes the samples as they come."""

    def _get_train_sampler(self, *arguments: Any) -> Any:
        return SequentialSampler(self.train_dataset)


class MomoTrainer(LossMixin, Ordered):
    pass


class Regression(torch.nn.Module):
    """A module that returns its loss, as the Trainer wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"loss": mse_loss(self.network(x), labels)}


def arguments(folder: Path, **options: Any) -> Any:
    plain = {
        "per_device_train_batch_size": 4,
        "num_train_epochs": 1,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": True,
    }
    return transformers.TrainingArguments(output_dir=str(folder), **{**plain, **options})


def trainer(folder: Path, name: str, *, cls: Any = MomoTrainer, **options: Any) -> Any:
    model = Regression()
    optimizer = MAKERS[name](model.parameters())
    constant = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    given = {"model": model, "args": arguments(folder, **options), "train_dataset": SAMPLES}
    return cls(optimizers=(optimizer, constant), **given)


def optimizer_of(trained: Any) -> ModelBasedOptimizer:
    optimizer = unwrapped(trained.optimizer)
    assert optimizer is not None
    return optimizer


def mean_of_window(model: Any, batch: Any, window: list[Any], accumulate: int) -> Tensor:
    """The Trainer divides by the number of small batches that the step has."""
    x, y = batch
    return mse_loss(model(x), y) / len(window)


@pytest.mark.reliability("R81", "R87")
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", MAKERS)
def test_is_the_plain_loop(tmp_path: Path, name: str, accumulate: int) -> None:
    """Hugging Face's Trainer, with small batches of which the last step of an epoch has fewer, too."""
    trained = trainer(tmp_path, name, num_train_epochs=2, gradient_accumulation_steps=accumulate)
    trained.train()
    expected = plain_loop(MAKERS[name], accumulate=accumulate, epochs=2, part=mean_of_window)
    assert_same(optimizer_of(trained), expected)


def test_without_the_mixin(tmp_path: Path) -> None:
    """The Trainer hands over nothing; a rule that needs no loss needs no mixin."""
    with pytest.raises(MissingLossError, match="record_loss"):
        trainer(tmp_path, "Momo", cls=Ordered).train()
    trained = trainer(tmp_path, "AMAdamW", cls=Ordered)
    trained.train()
    assert_same(optimizer_of(trained), plain_loop(MAKERS["AMAdamW"]))


def test_class_and_settings(tmp_path: Path) -> None:
    """With `optimizer_cls_and_kwargs` the Trainer makes the groups: biases without weight decay."""
    model, args = Regression(), arguments(tmp_path, weight_decay=0.05)
    given = {"model": model, "args": args, "train_dataset": SAMPLES}
    trained = MomoTrainer(optimizer_cls_and_kwargs=(MomoAdam, {"lr": 2.0}), **given)
    trained.train()

    def in_groups(params: Any) -> ModelBasedOptimizer:
        first, second, third, fourth = params
        decayed = {"params": [first, third], "weight_decay": 0.05}
        return MomoAdam([decayed, {"params": [second, fourth], "weight_decay": 0.0}], lr=2.0)

    assert_same(optimizer_of(trained), plain_loop(in_groups))


@pytest.mark.reliability("R86", "R87")
def test_mixed_precision(tmp_path: Path) -> None:
    """Hugging Face's Trainer in mixed bfloat16."""
    trained = trainer(tmp_path, "MomoAdam", bf16=True, gradient_accumulation_steps=2)
    trained.train()
    autocast = partial(torch.autocast, "cpu", dtype=torch.bfloat16)
    expected = plain_loop(MAKERS["MomoAdam"], accumulate=2, part=mean_of_window, autocast=autocast)
    assert_same(optimizer_of(trained), expected)


@pytest.mark.reliability("R63")
@pytest.mark.parametrize("name", MAKERS)
def test_resumed(tmp_path: Path, name: str) -> None:
    """A run that Hugging Face's Trainer resumes within an epoch ends where the other ends."""
    trainer(tmp_path, name, save_strategy="steps", save_steps=3, max_steps=3).train()
    second = trainer(tmp_path, name)
    second.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert_same(optimizer_of(second), plain_loop(MAKERS[name]))


@pytest.mark.parametrize("name", MAKERS)
def test_log(tmp_path: Path, name: str) -> None:
    """Beside each training loss stands what the step did, as far as the rule has it."""
    trained = trainer(tmp_path, name, gradient_accumulation_steps=2)
    trained.train()
    history = [entry for entry in trained.state.log_history if "loss" in entry]
    steps = [{key: entry[key] for key in LOGGED if key in entry} for entry in history]
    infos = plain_loop(MAKERS[name], accumulate=2, part=mean_of_window).infos
    assert steps == [{key: info[key] for key in LOGGED if key in info} for info in infos]
    assert len(infos) == (BATCHES + 1) // 2
    assert not any(
        key in entry for key in LOGGED for entry in trained.state.log_history if entry not in history
    )


def test_other_optimizers_are_left_alone(tmp_path: Path) -> None:
    given = {"model": Regression(), "args": arguments(tmp_path, max_steps=2), "train_dataset": SAMPLES}
    trained = MomoTrainer(optimizer_cls_and_kwargs=(torch.optim.SGD, {"lr": 0.1}), **given)
    trained.train()
    assert not any(key in entry for key in LOGGED for entry in trained.state.log_history)


def language_model() -> Any:
    config = transformers.LlamaConfig(
        vocab_size=11,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=8,
        pad_token_id=0,
    )
    torch.manual_seed(2)
    return transformers.LlamaForCausalLM(config)


def sentences() -> list[dict[str, Tensor]]:
    """Of unequal numbers of tokens that count."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(1, 11, (12, 6), generator=generator)
    lengths = torch.randint(2, 7, (12,), generator=generator)
    kept = torch.arange(6) < lengths[:, None]
    return [
        {"input_ids": ids, "labels": labels}
        for ids, labels in zip(tokens, tokens.where(kept, -100), strict=True)
    ]


def mean_of_tokens(model: Any, batch: Any, window: list[Any], accumulate: int) -> Tensor:
    """Tokens, and not small batches, count alike; the first of a sentence is not predicted."""
    number = sum((each["labels"][:, 1:] != -100).sum() for each in window)
    loss: Tensor = model(**batch, num_items_in_batch=number).loss
    return loss


@pytest.mark.reliability("R81", "R87")
def test_language_model_in_small_batches(tmp_path: Path) -> None:
    """A language model in Hugging Face's Trainer, whose small batches are weighted by their tokens."""
    model, samples = language_model(), sentences()
    args = arguments(tmp_path, per_device_train_batch_size=2, gradient_accumulation_steps=2)
    given = {"model": model, "args": args, "train_dataset": samples}
    trained = MomoTrainer(optimizer_cls_and_kwargs=(MomoAdam, {"lr": 0.5}), **given)
    trained.train()

    def in_groups(params: Any) -> ModelBasedOptimizer:
        matrices, vectors = [], []
        for param in params:
            (vectors if param.ndim == 1 else matrices).append(param)
        return MomoAdam([{"params": matrices}, {"params": vectors}], lr=0.5)

    pairs = [samples[start:stop] for start, stop in pairwise(range(0, 13, 2))]
    small = [{key: torch.stack([one[key] for one in pair]) for key in pair[0]} for pair in pairs]
    expected = plain_loop(in_groups, model=language_model(), small=small, part=mean_of_tokens, accumulate=2)
    assert_same(optimizer_of(trained), expected)
