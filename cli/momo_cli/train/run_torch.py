"""The run in PyTorch: an `nn.Module`, autograd and an optimizer of `momo_torch`."""

from __future__ import annotations

from time import perf_counter

import torch
from torch import Tensor, nn

from momo_cli.train.backends import UnavailableError
from momo_cli.train.optimizers import framework_optimizer, reported_numbers
from momo_cli.train.recorder import Recorder
from momo_cli.train.task import Task


def run(task: Task, recorder: Recorder) -> None:
    """Train on the task's batches."""
    device = _device(task.config.device)
    x, y, weights = task.in_dtype(task.config.dtype)
    inputs, targets = torch.as_tensor(x, device=device), torch.as_tensor(y, device=device)
    model = _network(*map(torch.as_tensor, weights)).to(device)
    loss_function = nn.CrossEntropyLoss() if task.classifies else _half_squared_error
    factory, arguments = framework_optimizer(task.config.optimizer, task.config.hyper, "torch")
    optimizer = factory(model.parameters(), **arguments)
    names = reported_numbers(task.config)
    for batch in torch.as_tensor(task.batches, device=device):
        begin = perf_counter()
        optimizer.zero_grad()
        loss = loss_function(model(inputs[batch]), targets[batch])
        loss.backward()
        optimizer.step(loss=loss)
        value = loss.item()  # waits for the device
        seconds = perf_counter() - begin
        report = {name: getattr(optimizer.last_info, name) for name in names}
        recorder.record(_weights(model), report, loss=value, seconds=seconds)


def _device(name: str) -> torch.device:
    if name == "cuda" and not torch.cuda.is_available():
        raise UnavailableError("PyTorch finds no CUDA device")
    return torch.device(name)


def _network(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> nn.Sequential:
    """Return the network with these weights, which `nn.Linear` stores transposed."""
    first, second = (nn.Linear(w.shape[0], w.shape[1], dtype=w.dtype) for w in (w1, w2))
    model = nn.Sequential(first, nn.Tanh(), second)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), (w1.t(), b1, w2.t(), b2), strict=True):
            parameter.copy_(value)
    return model


def _weights(model: nn.Sequential) -> list[Tensor]:
    """Return the weights on the host, laid out as in the task."""
    return [parameter.detach().cpu().t() for parameter in model.parameters()]


def _half_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.mse_loss(outputs, targets) / 2
