"""A step in PyTorch."""

import torch

from momo_torch import Momo

x = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
optimizer = Momo([x], lr=1.0)
loss = (x**2).sum()
loss.backward()  # type: ignore[no-untyped-call]
optimizer.step(loss=loss)
assert x.tolist() == [0.5, 1.0, 1.5]
assert optimizer.implementation.startswith("generic")
