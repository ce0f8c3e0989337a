"""A step in PyTorch by the kernels that Numba compiles."""

import torch

from momo_torch import Momo

x = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
optimizer = Momo([x], lr=1.0, fused=True)
loss = (x**2).sum()
loss.backward()  # type: ignore[no-untyped-call]
optimizer.step(loss=loss)
assert x.tolist() == [0.5, 1.0, 1.5]
assert optimizer.implementation == "fused"
