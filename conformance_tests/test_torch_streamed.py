"""The PyTorch step in chunks: the same step as tensor by tensor, in little memory, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from conformance_tests.comparisons import assert_within
from conformance_tests.torch_problems import CLASSES, NEED_NONE, VARIANTS, Class, accepted, flat, snapshot
from momo_cli.bench.cases_torch import peak_temporaries
from momo_core import KINDS
from momo_spec.bounds import UNIT_ROUNDOFF, Rows, rounding_bound
from momo_torch import SGDM, MomoAdam, chunks, rows, state
from momo_torch.engine import engine
from momo_torch.streamed import StreamedStep

SHAPES = ((), (0, 2), (7,), (7,), (7,), (3, 5), (3, 5), (15,), (40, 6), (90,))
"""A number, none, packs, and with chunks of 64 elements two tensors of several chunks."""

SIZE = 64
UNSUMMED = [cls for cls in NEED_NONE if KINDS[cls.rule_name].direction.choose is None]
"""Rules whose parameters depend on no sum."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(chunks.SIZES, "cpu", SIZE)


@pytest.fixture(params=["two sweeps", "three sweeps", "as on a device"])
def sweeps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ways through a step: what each computes must be the same to the bit."""
    if request.param == "three sweeps":
        monkeypatch.setattr(StreamedStep, "_stays_small", lambda step: False)
    if request.param == "as on a device":
        monkeypatch.setattr(rows, "on_host", lambda scalar: False)
    return str(request.param)


def parameters(
    dtype: torch.dtype = torch.float64, shapes: Sequence[tuple[int, ...]] = SHAPES
) -> list[Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [
        Parameter(torch.randn(shape, dtype=torch.float64, generator=generator).to(dtype)) for shape in shapes
    ]


def gradients(params: Sequence[Parameter], step: int) -> None:
    generator = torch.Generator().manual_seed(1 + step)
    for param in params:
        grad = torch.randn(param.shape, dtype=torch.float64, generator=generator)
        param.grad = grad.to(param.dtype)


def train(
    cls: Class, params: list[Parameter], steps: int = 4, *, orders: Sequence[Tensor] = (), **options: Any
) -> Any:
    """An optimizer of two groups after some steps; one tensor comes late.  Gradients have the `orders`."""
    groups = [{"params": params[:4]}, {"params": params[4:], **accepted(cls, lr=0.5 * rate_of(cls))}]
    optimizer = cls(groups, **options)
    for step in range(steps):
        gradients(params, step)
        for param, order in zip(params, orders, strict=bool(orders)):
            param.grad = reordered(param.grad, order)
        if step == 0:
            params[3].grad = None
        optimizer.step(loss=2.0)
    return optimizer


def reordered(values: Any, order: Tensor) -> Tensor:
    """The same elements in another order, in a tensor of the same shape."""
    made: Tensor = values.detach().flatten()[order].view(values.shape)
    return made


def rate_of(cls: Class) -> float:
    return float(KINDS[cls.rule_name].table.hyper["learning_rate"].default)


def streams(optimizer: Any) -> bool:
    """Whether the optimizer sweeps over chunks."""
    params = state.all_params(optimizer.param_groups)
    read = state.read(optimizer._kind, optimizer.param_groups, optimizer.state)
    by = engine(optimizer._kind, params, [param.grad for param in params], read, optimizer._foreach)["by"]
    return by is StreamedStep


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("cls", UNSUMMED)
def test_what_depends_on_no_sum_is_equal_to_the_bit(cls: Class, dtype: torch.dtype, sweeps: str) -> None:
    """Parameters and averages of a plain rule are those of a step tensor by tensor."""
    ours, theirs = parameters(dtype), parameters(dtype)
    decay = accepted(cls, weight_decay=0.1)
    optimizer, plain = train(cls, ours, **decay), train(cls, theirs, foreach=False, **decay)
    assert streams(optimizer)
    assert not streams(plain)
    assert all(map(torch.equal, snapshot(optimizer), snapshot(plain)))


@pytest.mark.parametrize(("cls", "options"), VARIANTS)
def test_a_step_in_chunks_is_the_step_tensor_by_tensor(
    cls: Class, options: dict[str, Any], sweeps: str
) -> None:
    """Only the order of the additions differs: no more than if the elements had another order."""
    ours, theirs = parameters(), parameters()
    optimizer, plain = train(cls, ours, **options), train(cls, theirs, foreach=False, **options)
    assert streams(optimizer)
    expected = row(snapshot(plain))
    others = [row(of_another_order(cls, options, seed)) for seed in range(4)]
    bound = rounding_bound(expected, others, UNIT_ROUNDOFF["float64"])
    assert_within(row(snapshot(optimizer)), expected, bound)


def of_another_order(cls: Class, options: dict[str, Any], seed: int) -> list[Tensor]:
    """What tensor by tensor comes out for shuffled elements, put back into their places."""
    generator = torch.Generator().manual_seed(seed)
    params = parameters()
    orders = [torch.randperm(param.numel(), generator=generator) for param in params]
    shuffled = [Parameter(reordered(param, order)) for param, order in zip(params, orders, strict=True)]
    optimizer = train(cls, shuffled, orders=orders, foreach=False, **options)
    found, owned = snapshot(optimizer), len(optimizer.state[shuffled[0]])
    owners = [*orders, *(order for order in orders for _ in range(owned))]
    back = [
        reordered(value, order.argsort()) if value.numel() == order.numel() else value
        for value, order in zip(found, owners, strict=False)
    ]
    return [*back, *found[len(owners) :]]


def row(tensors: list[Tensor]) -> Rows:
    """A trajectory of one row."""
    return torch.cat([tensor.flatten().double() for tensor in tensors]).unsqueeze(0).numpy()


def laid_out(values: Tensor) -> Iterator[Tensor]:
    """The same numbers in other orders in memory."""
    yield values.clone()
    yield values.clone().contiguous(memory_format=torch.channels_last)
    yield values.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    yield torch.stack([values, values], dim=-1)[..., 0]


@pytest.mark.parametrize("like_param", [True, False])
@pytest.mark.parametrize("index", range(4))
def test_the_order_in_memory_changes_no_bit(index: int, like_param: bool, sweeps: str) -> None:
    """Large tensors of any strides, with gradients of the same and of other ones."""
    generator = torch.Generator().manual_seed(0)
    values, grad = (torch.randn(4, 5, 6, 7, generator=generator) for _ in range(2))
    ours, plain = Parameter(list(laid_out(values))[index]), Parameter(values.clone())
    ours.grad, plain.grad = list(laid_out(grad))[index if like_param else 0], grad
    one, other = SGDM([ours], weight_decay=0.1), SGDM([plain], weight_decay=0.1, foreach=False)
    for _ in range(3):
        one.step()
        other.step()
    assert streams(one)
    assert torch.equal(ours, plain)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_bad_number_anywhere_changes_nothing(cls: Class, sweeps: str) -> None:
    """In a pack, in the first and in the last chunk of a tensor, and in the loss."""
    params = parameters()
    optimizer = train(cls, params)
    before, counters = snapshot(optimizer), [int(optimizer.state[param]["step"]) for param in params]
    bad = [(0, 0), (3, 6), (6, 14), (8, 0), (8, 239), (9, 70)]
    for count, (tensor, element) in enumerate(bad, start=1):
        gradients(params, 9)
        params[tensor].grad.view(-1)[element] = float("nan")  # type: ignore[union-attr]
        optimizer.step(loss=2.0)
        assert all(map(torch.equal, snapshot(optimizer), before)), (tensor, element)
        assert optimizer.last_info.skipped
        assert optimizer.param_groups[0]["skipped_steps"] == count
    assert [int(optimizer.state[param]["step"]) for param in params] == counters
    gradients(params, 9)
    optimizer.step(loss=2.0)
    assert not torch.equal(flat(params), torch.cat([value.flatten() for value in before[: len(params)]]))


def test_a_move_that_overflows_changes_nothing(sweeps: str) -> None:
    """Sums of the gradients are finite here, and the new parameters are not."""
    params = [Parameter(torch.ones(200)), Parameter(torch.full((200,), 3e38))]
    optimizer = SGDM(params, lr=1e30)
    for param in params:
        param.grad = torch.full((200,), -1e10)
    before = snapshot(optimizer)
    optimizer.step()
    assert optimizer.last_info.skipped
    assert all(map(torch.equal, snapshot(optimizer), before))


def test_a_rate_that_overflows_changes_nothing(sweeps: str) -> None:
    """The rate is finite in float64 and not in float32, and the squares of the gradient are 0 there."""
    params = [Parameter(torch.zeros(5)), Parameter(torch.zeros(5, dtype=torch.float64))]
    optimizer = SGDM(params, lr=1e60)
    params[0].grad, params[1].grad = torch.full((5,), 1e-30), torch.zeros(5, dtype=torch.float64)
    before = snapshot(optimizer)
    optimizer.step()
    assert optimizer.last_info.skipped
    assert all(map(torch.equal, snapshot(optimizer), before))


def test_propagated_and_raised(sweeps: str) -> None:
    params = parameters()
    optimizer = train(MomoAdam, params, on_nonfinite="raise")
    before = snapshot(optimizer)
    gradients(params, 9)
    with pytest.raises(FloatingPointError):
        optimizer.step(loss=float("inf"))
    assert all(map(torch.equal, snapshot(optimizer), before))
    optimizer = train(MomoAdam, parameters(), on_nonfinite="propagate")
    params = state.all_params(optimizer.param_groups)
    params[8].grad[0, 0] = float("nan")  # type: ignore[index]
    optimizer.step(loss=2.0)
    assert optimizer.state[params[8]]["grad_avg"].isnan().any()
    assert not optimizer.last_info.skipped


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_writes_are_counted(mode: Any, sweeps: str) -> None:
    """Autograd learns of them, so that no graph uses the new numbers for the old ones."""
    params = parameters()
    optimizer = train(SGDM, params)
    versions = [param._version for param in params]
    gradients(params, 9)
    with mode():
        optimizer.step()
    assert all(param._version > old for param, old in zip(params, versions, strict=True) if param.numel())


@pytest.mark.parametrize("cls", [SGDM, MomoAdam])
def test_memory_does_not_grow_with_the_model(
    cls: Class, monkeypatch: pytest.MonkeyPatch, sweeps: str
) -> None:
    """The arrays of one chunk, and a few numbers for each."""
    size = 1 << 12
    monkeypatch.setitem(chunks.SIZES, "cpu", size)
    for count in (4, 16):
        params = parameters(torch.float32, [(4 * size,)] * count)
        optimizer = cls(params)
        gradients(params, 0)
        optimizer.step(loss=2.0)
        # Nine arrays: the averages twice, the direction, and what it takes to compute it.  Of each chunk
        # there remain eight numbers, of 64 bytes as the allocator counts them.
        assert (
            0
            < peak_temporaries(partial(optimizer.step, loss=2.0), "cpu")
            <= 9 * 4 * size + 4 * count * 8 * 64
        )


@pytest.mark.parametrize(("cls", "options"), VARIANTS)
def test_no_value_is_read_on_a_device(
    cls: Class, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tensors without values cannot be read, and take all steps."""
    monkeypatch.setattr("momo_torch.engine.share_memory", lambda written, read: False)
    monkeypatch.setattr(chunks, "LARGE", SIZE)
    params = [Parameter(torch.empty(shape, device="meta")) for shape in SHAPES]
    optimizer = cls(params, **{**accepted(cls, weight_decay=0.1), **options})
    for param in params:
        param.grad = torch.empty_like(param)
    assert streams(optimizer)
    for _ in range(2):
        optimizer.step(loss=torch.empty((), device="meta"))


@pytest.mark.parametrize("what", ["params", "grad", "subclass", "foreach"])
def test_where_the_order_matters_tensors_come_one_by_one(what: str) -> None:
    memory = torch.arange(300.0)
    params = [Parameter(memory[:200]), Parameter(memory[100:] if what == "params" else torch.ones(200))]
    for param in params:
        param.grad = torch.ones(200)
    if what == "grad":
        params[0].grad = params[1].detach()
    if what == "subclass":
        params[0] = Parameter(torch.ones(200).as_subclass(type("Own", (torch.Tensor,), {})))
        params[0].grad = torch.ones(200)
    optimizer = SGDM(params, foreach=False if what == "foreach" else None)
    assert not streams(optimizer)
    optimizer.step()
    assert not optimizer.last_info.skipped


def test_interleaved_parameters_do_not_share_memory() -> None:
    memory = torch.arange(400.0)
    assert not chunks.share_memory([memory[:200], memory[200:]], [torch.ones(3), torch.ones(3)])
    assert chunks.share_memory([memory[::2], memory[1::2]], [])
    assert chunks.share_memory([memory[:200]], [memory[199:210]])
    assert not chunks.share_memory([memory[:200]], [memory[200:], memory[300:]])
