"""A direction of one's own with the step of MoMo, in PyTorch: the mean size of the gradients as metric."""

from typing import Any

import torch

import momo_core
import momo_torch


def precondition(grad: Any, grad_avg: Any, leaf: Any, hyper: Any, *, xp: Any) -> Any:
    """New state of a tensor, and its direction."""
    size = 0.99 * leaf["size"] + 0.01 * xp.abs(grad)
    return {"size": size}, grad_avg / (size + hyper["eps"])


class Mine(momo_torch.OwnOptimizer):
    """MoMo with that direction."""

    direction = momo_core.preconditioned(precondition, ["size"])
    kind = momo_core.own_kind("mine", direction, hyper={"beta": (0.9, "[0, 1)"), "eps": (1e-8, "(0, inf)")})


def main() -> None:
    """Fit a line."""
    torch.manual_seed(0)
    model, inputs = torch.nn.Linear(4, 1), torch.randn(64, 4)
    targets = inputs @ torch.arange(4.0)[:, None]
    optimizer = Mine(model.parameters(), lr=1.0)
    for step in range(200):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step(loss=loss)
        if step % 50 == 0:
            print(f"{step:4d}  loss {loss.item():.2e}  step size {optimizer.last_info.step_size.item():.2e}")
    print(f"last  loss {loss.item():.2e}")


if __name__ == "__main__":
    main()
