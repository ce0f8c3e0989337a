"""The PyTorch optimizers as a training loop sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import momo as authors
import pytest
import torch

import momo_torch
from conformance_tests.comparisons import assert_apart, assert_within
from conformance_tests.least_squares import Batch, Training
from conformance_tests.roundings import assert_rounded
from conformance_tests.torch_problems import (
    ADAPTING,
    CLASSES,
    NEED_LOSS,
    NEED_NONE,
    PROBLEM,
    Class,
    accepted,
    snapshot,
    unchanged,
)
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError
from momo_spec.bounds import Rows
from momo_torch import AMSGD, SGDM, AMAdamW, Momo, MomoAdam, MomoAM
from momo_torch.settings import canonical_hyper

RIGHT_IN_MOMO_OPT: list[tuple[str, dict[str, Any]]] = [
    ("Momo", {"lr": 0.5}),
    ("Momo", {"lr": 0.5, "weight_decay": 0.05}),
    ("Momo", {"lr": 1.0, "weight_decay": 0.05, "use_fstar": True}),
    ("Momo", {"lr": 1.0, "bias_correction": True, "lb": 0.1, "weight_decay": 0.01}),
    ("MomoAdam", {"lr": 0.1}),
    ("MomoAdam", {"lr": 0.1, "weight_decay": 0.1}),
    ("MomoAdam", {"lr": 0.3, "weight_decay": 0.1, "use_fstar": True, "betas": (0.8, 0.99)}),
]


@pytest.fixture
def float64_default() -> Any:
    """momo-opt keeps some scalars in the default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def rounding_of_training(optimizer: Any, steps: int) -> Rows:
    """How far rounding errors may carry a float64 run of `PROBLEM.train`, after each step."""
    hyper = canonical_hyper(optimizer.param_groups[0], optimizer.names)
    batches = [
        Batch(PROBLEM.rows[rows].numpy(), PROBLEM.targets[rows].numpy())
        for rows in map(PROBLEM.batch, range(steps))
    ]
    start = [param.numpy() for param in PROBLEM.start]
    return Training(optimizer.rule_name, hyper, start, batches).bound("float64")[1:]


@pytest.mark.parametrize(("name", "options"), RIGHT_IN_MOMO_OPT)
def test_parity_with_the_authors_code(float64_default: None, name: str, options: dict[str, Any]) -> None:
    ours, theirs = PROBLEM.params(), PROBLEM.params()
    optimizer = getattr(momo_torch, name)(ours, **options)
    a = PROBLEM.train(optimizer, ours, range(30))
    b = PROBLEM.train(getattr(authors, name)(theirs, **options), theirs, range(30))
    bound = rounding_of_training(optimizer, 30)
    assert_within(a.numpy(), b.numpy(), bound, bound)


def test_parity_with_the_authors_adamw_decay_needs_their_numerator(float64_default: None) -> None:
    options = {"lr": 0.5, "weight_decay": 0.3, "divide": False}
    ours, theirs = PROBLEM.params(), PROBLEM.params()
    optimizer = MomoAdam(ours, **options)
    a = PROBLEM.train(optimizer, ours, range(20))
    b = PROBLEM.train(authors.MomoAdam(theirs, **options), theirs, range(20))
    bound = rounding_of_training(optimizer, 20)
    assert_apart(a.numpy(), b.numpy(), bound, bound)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_first_step_of_the_paper(dtype: torch.dtype) -> None:
    x = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0], dtype=dtype))
    optimizer = Momo([x], lr=1.0, weight_decay=0.1)
    loss = (x**2).sum()
    loss.backward()
    optimizer.step(loss=loss)
    # The settings, d * x and the model value are rounded, and each operation on them: less than 16.
    name = str(dtype).removeprefix("torch.")
    assert_rounded(x.detach(), [0.5, 1.0, 1.5], 16, name)
    assert_rounded(optimizer.last_info.step_size.item(), 0.225, 16, name)


def closure_for(optimizer: Any, params: list[torch.nn.Parameter], step: int) -> Callable[[], torch.Tensor]:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = PROBLEM.loss(params, step)
        loss.backward()
        return loss

    return closure


@pytest.mark.reliability("R25", "R27", "R87")
@pytest.mark.parametrize("cls", CLASSES)
def test_the_ways_to_hand_over_the_loss_agree(cls: Class) -> None:
    """A loss as a tensor, as a number, by a closure, with one, or recorded in parts: the same steps."""

    def run(hand_over: Callable[[Any, list[Any], int], None]) -> torch.Tensor:
        params = PROBLEM.params()
        optimizer = cls(params)
        for step in range(5):
            optimizer.zero_grad()
            hand_over(optimizer, params, step)
        return torch.cat(params).detach()

    def explicit(optimizer: Any, params: list[Any], step: int) -> None:
        loss = PROBLEM.loss(params, step)
        loss.backward()
        assert optimizer.step(loss=loss) is loss

    def number(optimizer: Any, params: list[Any], step: int) -> None:
        loss = PROBLEM.loss(params, step)
        loss.backward()
        optimizer.step(loss=loss.item())

    def by_closure(optimizer: Any, params: list[Any], step: int) -> None:
        assert optimizer.step(closure_for(optimizer, params, step)).ndim == 0

    def both(optimizer: Any, params: list[Any], step: int) -> None:
        loss = PROBLEM.loss(params, step)
        loss.backward()
        assert optimizer.step(lambda: None, loss=loss) is None

    def recorded(optimizer: Any, params: list[Any], step: int) -> None:
        for _ in range(2):
            half = PROBLEM.loss(params, step) / 2
            half.backward()
            optimizer.record_loss(half)
        optimizer.step()

    reference = run(explicit)
    for way in (number, by_closure, both, recorded):  # halves are exact, and so is their sum
        assert torch.equal(run(way), reference)


@pytest.mark.reliability("R87")
def test_recorded_losses_win_over_the_closure_and_are_used_once() -> None:
    """A recorded loss wins over the closure, and serves one step."""
    params = PROBLEM.params()
    optimizer = Momo(params, lr=1e9)

    def closure() -> torch.Tensor:
        loss = PROBLEM.loss(params, 0)
        loss.backward()
        optimizer.record_loss(torch.tensor(0.0))
        return loss

    optimizer.step(closure)
    assert optimizer.last_info.step_size == 0
    with pytest.raises(MissingLossError):
        optimizer.step()
    optimizer.record_loss(1.0)
    optimizer.zero_grad()
    PROBLEM.loss(params, 0).backward()
    with pytest.raises(MissingLossError, match="record_loss"):
        optimizer.step()


BAD_LOSSES = [
    (torch.ones(2), InvalidValueError),
    (torch.ones(2, 3), InvalidValueError),
    (torch.tensor(1j), InvalidTypeError),
    (torch.tensor(True), InvalidTypeError),
    ("1", InvalidTypeError),
    (True, InvalidTypeError),
]


@pytest.mark.reliability("R29", "R30")
@pytest.mark.parametrize(("loss", "error"), BAD_LOSSES)
@pytest.mark.parametrize("cls", NEED_LOSS)
def test_a_bad_loss_is_refused_before_anything_is_written(
    cls: Class, loss: Any, error: type[Exception]
) -> None:
    """A loss that is no real scalar is refused, and nothing is written."""
    params = PROBLEM.params()
    optimizer = cls(params)
    PROBLEM.train(optimizer, params, range(3))
    before = snapshot(optimizer)
    with pytest.raises(error):
        optimizer.step(loss=loss)
    assert unchanged(before, optimizer)


@pytest.mark.reliability("R29")
@pytest.mark.parametrize("loss", [torch.tensor(1.0), 1.0])
@pytest.mark.parametrize("cls", CLASSES)
def test_a_loss_in_the_place_of_the_closure_is_refused(cls: Class, loss: Any) -> None:
    """`step(loss)` says how to hand it over, and writes nothing."""
    params = PROBLEM.params()
    optimizer = cls(params)
    PROBLEM.train(optimizer, params, range(3))
    before = snapshot(optimizer)
    with pytest.raises(InvalidTypeError, match=r"step\(loss=loss\)"):
        optimizer.step(loss)
    assert unchanged(before, optimizer)


@pytest.mark.parametrize("cls", NEED_NONE)
def test_a_rule_without_a_loss_needs_none_and_ignores_one(cls: Class) -> None:
    def run(*losses: Any) -> torch.Tensor:
        params = PROBLEM.params()
        optimizer = cls(params)
        for step in range(4):
            optimizer.zero_grad()
            PROBLEM.loss(params, step).backward()
            for loss in losses:
                optimizer.record_loss(loss)
            assert optimizer.step(loss=losses[0] if losses else None) is (losses[0] if losses else None)
            assert not optimizer.last_info.skipped
        return torch.cat(params).detach()

    reference = run()
    for ignored in (torch.tensor(1.0), float("nan"), torch.tensor(-float("inf")), torch.ones(2)):
        assert torch.equal(run(ignored), reference)
    params = PROBLEM.params()
    optimizer = cls(params)
    for step in range(4):
        optimizer.step(closure_for(optimizer, params, step))
    assert torch.equal(torch.cat(params), reference)


@pytest.mark.reliability("R24")
@pytest.mark.parametrize("cls", NEED_LOSS)
def test_a_rule_with_a_loss_needs_one(cls: Class) -> None:
    """A step without the loss is a ValueError that names the ways to hand it over."""
    params = PROBLEM.params()
    optimizer = cls(params)
    PROBLEM.loss(params, 0).backward()
    before = snapshot(optimizer)
    with pytest.raises(MissingLossError, match=f"{cls.__name__} needs the loss"):
        optimizer.step()
    assert unchanged(before, optimizer)


BAD_SETTINGS = [
    ({"lr": -1.0}, ValueError, "Invalid learning rate: -1.0"),
    ({"lr": float("nan")}, ValueError, "Invalid learning rate: nan"),
    ({"lr": "0.1"}, TypeError, "learning_rate must be a real number"),
    ({"lr": None}, TypeError, "learning_rate must be a real number"),
    ({"lr": 1j}, TypeError, "learning_rate must be a real number"),
    ({"lr": torch.ones(2)}, TypeError, "learning_rate must be a real number"),
    ({"lr": float("inf"), "weight_decay": 0.1}, ValueError, "rate: inf|inf needs weight_decay == 0"),
    ({"weight_decay": -1.0}, ValueError, "Invalid weight_decay value: -1.0"),
    ({"weight_decay": float("nan")}, ValueError, "Invalid weight_decay value: nan"),
    ({"weight_decay": None}, TypeError, "weight_decay must be"),
    ({"lb": float("nan")}, ValueError, "Invalid lower_bound: nan"),
    ({"lb": float("inf")}, ValueError, "Invalid lower_bound: inf"),
    ({"lb": float("-inf"), "use_fstar": True}, ValueError, "Invalid lower_bound: -inf"),
    ({"use_fstar": 1}, TypeError, "adapt_lower_bound must be a bool"),
    ({"on_nonfinite": "ignore"}, ValueError, "Invalid on_nonfinite"),
]


BAD_AM_SETTINGS = [
    ({"lambd": -0.1}, ValueError, "Invalid lambd: -0.1"),
    ({"lambd": float("inf")}, ValueError, "Invalid lambd: inf"),
    ({"lambd": "0.1"}, TypeError, "lambd must be a real number"),
    ({"beta_scope": "layer"}, ValueError, "Invalid beta_scope: 'layer' .must be one of 'global', 'tensor'."),
    ({"beta_scope": None}, ValueError, "Invalid beta_scope: None"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD_SETTINGS + BAD_AM_SETTINGS)
@pytest.mark.parametrize("cls", [Momo, MomoAdam, MomoAM, AMSGD, AMAdamW, SGDM])
def test_bad_settings_are_refused(
    cls: Class, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    if not options.keys() <= {*cls.names, "on_nonfinite"}:
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            cls(PROBLEM.params(), **options)
        return
    with pytest.raises(error, match=message) as caught:
        cls(PROBLEM.params(), **options)
    assert caught.value.code.startswith("E_")  # type: ignore[attr-defined]


def test_bad_betas_are_refused() -> None:
    for beta in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="Invalid beta parameter: "):
            Momo(PROBLEM.params(), beta=beta)
        with pytest.raises(ValueError, match="Invalid beta parameter at index 1: "):
            MomoAdam(PROBLEM.params(), betas=(0.9, beta))
        for adaptive in (AMSGD, MomoAM):
            with pytest.raises(ValueError, match="Invalid beta_max: "):
                adaptive(PROBLEM.params(), beta_max=beta)
        with pytest.raises(ValueError, match="Invalid beta parameter at index 0: "):
            AMAdamW(PROBLEM.params(), betas=(beta, 0.9))
    with pytest.raises(ValueError, match="Invalid epsilon value: -1.0"):
        MomoAdam(PROBLEM.params(), eps=-1.0)
    with pytest.raises(TypeError, match="beta_min"):
        AMSGD(PROBLEM.params(), beta_min=0.1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="betas must be a pair"):
        MomoAdam(PROBLEM.params(), betas=0.9)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="betas must be a pair"):
        MomoAdam(PROBLEM.params(), betas=(0.9, 0.99, 0.999))  # type: ignore[arg-type]


def test_bad_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="empty parameter list"):
        Momo([])
    with pytest.raises(TypeError):
        Momo(torch.ones(3))
    with pytest.raises(TypeError, match="real floating"):
        Momo([torch.nn.Parameter(torch.ones(2, dtype=torch.complex64))])


@pytest.mark.reliability("R21")
def test_a_bad_group_leaves_the_optimizer_as_it_was() -> None:
    """A group with a bad setting is refused, and the optimizer stays as it was."""
    params = PROBLEM.params()
    optimizer = Momo(params[:1])
    for settings in ({"lr": -1.0}, {"weight_decay": "x"}, {"beta": 0.5}, {"use_fstar": True}):
        with pytest.raises((ValueError, TypeError)):
            optimizer.add_param_group({"params": params[1:], **settings})
        assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        Momo([{"params": params, "lr": -1}])


@pytest.mark.reliability("R33", "R34", "R35", "R37", "R38")
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    ("cls", "where"), [(cls, "gradient") for cls in CLASSES] + [(cls, "loss") for cls in NEED_LOSS]
)
def test_a_step_that_is_not_finite_changes_only_the_counter(cls: Class, where: str, bad: float) -> None:
    """A loss or gradient that is not finite changes the counter of skipped steps and nothing else."""
    params = PROBLEM.params()
    optimizer = cls(params)
    PROBLEM.train(optimizer, params, range(3))
    before = snapshot(optimizer)
    optimizer.zero_grad()
    loss = PROBLEM.loss(params, 3)
    loss.backward()
    if where == "gradient":
        params[1].grad[1] = bad  # type: ignore[index]
        optimizer.step(loss=loss)
    else:
        optimizer.step(loss=bad)
    assert unchanged(before, optimizer)
    assert optimizer.last_info.skipped
    assert optimizer.param_groups[0]["skipped_steps"] == 1
    PROBLEM.train(optimizer, params, range(3, 4))
    assert not optimizer.last_info.skipped
    assert not unchanged(before, optimizer)


def test_on_nonfinite_raise_raises_and_propagate_propagates() -> None:
    params = PROBLEM.params()
    raising, spreading = Momo(params, on_nonfinite="raise"), Momo(params, on_nonfinite="propagate")
    PROBLEM.loss(params, 0).backward()
    before = snapshot(raising)
    with pytest.raises(FloatingPointError):
        raising.step(loss=float("nan"))
    assert unchanged(before, raising)
    spreading.step(loss=float("nan"))
    assert all(param.isnan().all() for param in params)


@pytest.mark.reliability("R60")
@pytest.mark.parametrize("cls", CLASSES)
def test_groups_with_equal_settings_are_one_group(cls: Class) -> None:
    """Groups with equal settings take the steps of one group, to the bit."""
    one, two, options = PROBLEM.params(), PROBLEM.params(), accepted(cls, **ADAPTING)
    a = PROBLEM.train(cls(one, **options), one, range(20))
    groups = [{"params": [param]} for param in two]
    b = PROBLEM.train(cls(groups, **options), two, range(20))
    assert torch.equal(a, b)


def test_each_tensor_keeps_its_own_beta() -> None:
    params = PROBLEM.params()
    optimizer = AMAdamW(params, lr=0.1)
    PROBLEM.train(optimizer, params, range(10))
    products = [optimizer.state[param]["beta_product"] for param in params]
    assert all(product.shape == () for product in products)
    assert products[0] != products[1]
    assert 0 <= optimizer.last_info.beta <= 0.89


@pytest.mark.reliability("R60")
def test_learning_rates_keep_their_ratio_when_truncated() -> None:
    """One truncation for all groups: their learning rates keep their ratio."""
    params = PROBLEM.params()
    optimizer = Momo([{"params": params[:1], "lr": 100.0}, {"params": params[1:], "lr": 1.0}], beta=0.0)
    with torch.no_grad():
        for param in params:
            param.zero_()
    PROBLEM.train(optimizer, params, range(1))
    assert 0 < optimizer.last_info.truncation < 1
    lengths = [float(param.detach()[0] / param.grad[0]) for param in params]
    # From zero a move is a product: the share of a rate, the step size, the gradient, two quotients.
    assert_rounded(lengths[0] / lengths[1], 100.0, 10)


@pytest.mark.reliability("R46", "R47")
def test_missing_and_late_gradients() -> None:
    """A tensor without a gradient stays, and starts like the others when its first one comes."""
    params = PROBLEM.params()
    optimizer = MomoAdam(params, lr=1e-3)
    for step in range(5):
        optimizer.zero_grad()
        loss = PROBLEM.loss([params[0], params[1].detach()], step)
        loss.backward()
        optimizer.step(loss=loss)
    assert torch.equal(params[1], PROBLEM.start[1])
    PROBLEM.train(optimizer, params, range(5, 6))
    late, grad = params[1].detach(), params[1].grad
    expected = PROBLEM.start[1] - 1e-3 * grad / (grad.abs() + optimizer.defaults["eps"])
    # Of the move: the average, its weight, the metric with its root and weight, rate and quotient.
    assert_rounded(late, expected, 16, terms=PROBLEM.start[1].abs() + 1e-3)


@pytest.mark.reliability("R71")
def test_the_dummy_step_of_checkpointing_tools_is_harmless() -> None:
    """A step without a loss, with a learning rate of 0 and zero gradients, changes nothing."""
    params = PROBLEM.params()
    optimizer = Momo(params, lr=0.0)
    for param in params:
        param.grad = torch.zeros_like(param)
    before = snapshot(optimizer)
    optimizer.step()
    assert unchanged(before, optimizer)


@pytest.mark.reliability("R24")
def test_a_step_without_gradients_needs_no_loss() -> None:
    """Where a trainer leaves a batch out, a step without a loss and without gradients changes nothing."""
    params = PROBLEM.params()
    optimizer = Momo(params, lr=1.0)
    PROBLEM.train(optimizer, params, range(2))
    optimizer.zero_grad()
    before = snapshot(optimizer)
    optimizer.step()
    assert unchanged(before, optimizer)
    params[1].grad = torch.zeros_like(params[1])
    with pytest.raises(MissingLossError):
        optimizer.step()


def test_info_is_shown_in_the_parameter_groups() -> None:
    params = PROBLEM.params()
    optimizer = Momo([{"params": [param]} for param in params], lr=5.0, use_fstar=True)
    PROBLEM.train(optimizer, params, range(3))
    for group in optimizer.param_groups:
        assert 0 <= group["truncation"] <= 1
        assert group["step_size"] == group["truncation"] * 5.0
        assert group["lower_bound"] == optimizer.last_info.lower_bound > 0
        assert group["predicted_loss"].isfinite()
    assert "Momo" in repr(optimizer)
