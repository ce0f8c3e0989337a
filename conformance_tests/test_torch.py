"""The PyTorch optimizers as a training loop sees them."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import momo as authors
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import momo_torch
from momo_core import KINDS, InvalidTypeError, InvalidValueError, MissingLossError
from momo_torch import AMSGD, SGDM, AMAdamW, ModelBasedOptimizer, Momo, MomoAdam, MomoAM
from momo_torch.state import scalar_names

EPSILON = torch.finfo(torch.float64).eps
Make = Callable[[list[torch.nn.Parameter]], Any]
CLASSES = [getattr(momo_torch, name) for name in momo_torch.optimizers.__all__]
NEED_LOSS = [cls for cls in CLASSES if KINDS[cls.rule_name].model.needs_loss]
NEED_NONE = [cls for cls in CLASSES if cls not in NEED_LOSS]
DECAYING = {"weight_decay": 0.05}
ADAPTING = {"weight_decay": 0.05, "use_fstar": True}


def accepted(cls: type[ModelBasedOptimizer], **options: Any) -> dict[str, Any]:
    """Those of the options that a class knows and may set."""
    hyper = {name: KINDS[cls.rule_name].table.hyper[targets[0]] for name, targets in cls.names.items()}
    return {
        name: value for name, value in options.items() if name in hyper and hyper[name].domain != "[0, 0]"
    }


class LeastSquares:
    """Rows of a least-squares problem, three at a time, in float64."""

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        options: Any = {"generator": generator, "dtype": torch.float64}
        self.rows, self.targets = torch.randn(30, 8, **options), torch.randn(30, **options)
        self.start = [torch.randn(5, **options), torch.randn(3, **options)]

    def params(self, dtype: torch.dtype = torch.float64) -> list[torch.nn.Parameter]:
        return [torch.nn.Parameter(start.to(dtype, copy=True)) for start in self.start]

    def loss(self, params: list[torch.nn.Parameter], step: int) -> torch.Tensor:
        batch = [(3 * step + offset) % 30 for offset in range(3)]
        x = torch.cat([param.to(torch.float64) for param in params])
        return ((self.rows[batch] @ x - self.targets[batch]) ** 2).mean()

    def train(
        self, optimizer: Any, params: list[torch.nn.Parameter], steps: range, **options: Any
    ) -> torch.Tensor:
        trajectory = []
        for step in steps:
            optimizer.zero_grad()
            loss = self.loss(params, step)
            loss.backward()
            optimizer.step(loss=loss, **options)
            trajectory.append(torch.cat([param.detach().double() for param in params]))
        return torch.stack(trajectory) if trajectory else torch.empty(0)


PROBLEM = LeastSquares()

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


@pytest.mark.parametrize(("name", "options"), RIGHT_IN_MOMO_OPT)
def test_parity_with_the_authors_code(float64_default: None, name: str, options: dict[str, Any]) -> None:
    ours, theirs = PROBLEM.params(), PROBLEM.params()
    a = PROBLEM.train(getattr(momo_torch, name)(ours, **options), ours, range(60))
    b = PROBLEM.train(getattr(authors, name)(theirs, **options), theirs, range(60))
    assert (a - b).abs().max() <= 1e-12 * b.abs().max()


def test_parity_with_the_authors_adamw_decay_needs_their_numerator(float64_default: None) -> None:
    options = {"lr": 0.5, "weight_decay": 0.3, "divide": False}
    ours, theirs = PROBLEM.params(), PROBLEM.params()
    a = PROBLEM.train(MomoAdam(ours, **options), ours, range(20))
    b = PROBLEM.train(authors.MomoAdam(theirs, **options), theirs, range(20))
    assert (a - b).abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_first_step_of_the_paper(dtype: torch.dtype) -> None:
    x = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0], dtype=dtype))
    optimizer = Momo([x], lr=1.0, weight_decay=0.1)
    loss = (x**2).sum()
    loss.backward()
    optimizer.step(loss=loss)
    expected = torch.tensor([0.5, 1.0, 1.5], dtype=dtype)
    assert torch.allclose(x, expected, rtol=8 * torch.finfo(dtype).eps, atol=0)
    assert optimizer.last_info.step_size.item() == pytest.approx(0.225, rel=8 * torch.finfo(dtype).eps)


def closure_for(optimizer: Any, params: list[torch.nn.Parameter], step: int) -> Callable[[], torch.Tensor]:
    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = PROBLEM.loss(params, step)
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("cls", CLASSES)
def test_the_ways_to_hand_over_the_loss_agree(cls: type[ModelBasedOptimizer]) -> None:
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
    for way in (number, by_closure, both):
        assert torch.equal(run(way), reference)
    assert torch.allclose(run(recorded), reference, rtol=0, atol=64 * EPSILON * reference.abs().max())


def test_recorded_losses_win_over_the_closure_and_are_used_once() -> None:
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


def test_the_graph_of_the_loss_is_not_kept() -> None:
    params = PROBLEM.params()
    optimizer = Momo(params)
    optimizer.record_loss(PROBLEM.loss(params, 0))
    PROBLEM.train(optimizer, params, range(1))
    tensors = [value for group in optimizer.param_groups for value in group.values()]
    assert not any(t.requires_grad for t in tensors if isinstance(t, torch.Tensor))


def snapshot(optimizer: ModelBasedOptimizer) -> list[torch.Tensor]:
    params = [param for group in optimizer.param_groups for param in group["params"]]
    averages = [optimizer.state[param][name] for param in params for name in sorted(optimizer.state[param])]
    group = optimizer.param_groups[0]
    scalars = [group[name] for name in scalar_names(optimizer._kind) if name != "skipped_steps"]
    return [tensor.detach().clone() for tensor in [*params, *averages, *scalars]]


def unchanged(before: list[torch.Tensor], optimizer: ModelBasedOptimizer) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, snapshot(optimizer), strict=True))


BAD_LOSSES = [
    (torch.ones(2), InvalidValueError),
    (torch.ones(2, 3), InvalidValueError),
    (torch.tensor(1j), InvalidTypeError),
    (torch.tensor(True), InvalidTypeError),
    ("1", InvalidTypeError),
    (True, InvalidTypeError),
]


@pytest.mark.parametrize(("loss", "error"), BAD_LOSSES)
@pytest.mark.parametrize("cls", NEED_LOSS)
def test_a_bad_loss_is_refused_before_anything_is_written(
    cls: type[ModelBasedOptimizer], loss: Any, error: type[Exception]
) -> None:
    params = PROBLEM.params()
    optimizer = cls(params)
    PROBLEM.train(optimizer, params, range(3))
    before = snapshot(optimizer)
    with pytest.raises(error):
        optimizer.step(loss=loss)
    assert unchanged(before, optimizer)


@pytest.mark.parametrize("cls", NEED_NONE)
def test_a_rule_without_a_loss_needs_none_and_ignores_one(cls: type[ModelBasedOptimizer]) -> None:
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


@pytest.mark.parametrize("cls", NEED_NONE)
def test_a_rule_without_a_loss_sends_none_to_other_ranks(
    cls: type[ModelBasedOptimizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda group: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda *_, **__: pytest.fail("not for this rule"))
    params = PROBLEM.params()
    optimizer = cls(params)
    PROBLEM.loss(params, 0).backward()
    optimizer.step()
    assert not torch.equal(params[0], PROBLEM.start[0])


@pytest.mark.parametrize("cls", NEED_LOSS)
def test_a_rule_with_a_loss_needs_one(cls: type[ModelBasedOptimizer]) -> None:
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
    ({"lr": float("inf"), "weight_decay": 0.1}, ValueError, "inf needs weight_decay == 0"),
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
    cls: type[ModelBasedOptimizer], options: dict[str, Any], error: type[Exception], message: str
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


def test_a_bad_group_leaves_the_optimizer_as_it_was() -> None:
    params = PROBLEM.params()
    optimizer = Momo(params[:1])
    for settings in ({"lr": -1.0}, {"weight_decay": "x"}, {"beta": 0.5}, {"use_fstar": True}):
        with pytest.raises((ValueError, TypeError)):
            optimizer.add_param_group({"params": params[1:], **settings})
        assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        Momo([{"params": params, "lr": -1}])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    ("cls", "where"), [(cls, "gradient") for cls in CLASSES] + [(cls, "loss") for cls in NEED_LOSS]
)
def test_a_step_that_is_not_finite_changes_only_the_counter(
    cls: type[ModelBasedOptimizer], where: str, bad: float
) -> None:
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


def resumed_by_state_dict(optimizer: Any, params: list[Any]) -> tuple[Any, list[Any]]:
    fresh = [torch.nn.Parameter(param.detach().clone()) for param in params]
    restored = type(optimizer)(fresh)
    restored.load_state_dict(optimizer.state_dict())
    return restored, fresh


def resumed_by_file(optimizer: Any, params: list[Any]) -> tuple[Any, list[Any]]:
    buffer = io.BytesIO()
    torch.save({"optimizer": optimizer.state_dict(), "params": params}, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=True)
    restored = type(optimizer)(loaded["params"])
    restored.load_state_dict(loaded["optimizer"])
    return restored, loaded["params"]


def resumed_by_deepcopy(optimizer: Any, params: list[Any]) -> tuple[Any, list[Any]]:
    return copy.deepcopy((optimizer, params))


def resumed_by_pickle(optimizer: Any, params: list[Any]) -> tuple[Any, list[Any]]:
    return pickle.loads(pickle.dumps((optimizer, params)))


ROUTES = [resumed_by_state_dict, resumed_by_file, resumed_by_deepcopy, resumed_by_pickle]
SETUPS: list[tuple[type[ModelBasedOptimizer], dict[str, Any]]] = [
    *((cls, {}) for cls in CLASSES),
    *((cls, ADAPTING) for cls in (Momo, MomoAdam, MomoAM)),
    (SGDM, DECAYING),
    (AMSGD, {"beta_scope": "tensor", **DECAYING}),
    (AMAdamW, {"beta_scope": "global", "metric_penalty": True}),
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("stop", [0, 1, 4])
@pytest.mark.parametrize("resume", ROUTES)
@pytest.mark.parametrize(("cls", "options"), SETUPS)
def test_resuming_is_bit_identical(
    cls: type[ModelBasedOptimizer], options: dict[str, Any], resume: Any, stop: int, dtype: torch.dtype
) -> None:
    params = PROBLEM.params(dtype)
    optimizer = cls(params, **options)
    PROBLEM.train(optimizer, params, range(stop))
    restored, fresh = resume(optimizer, params)
    scalars = {restored.param_groups[0][name].dtype for name in scalar_names(restored._kind)}
    assert scalars == {torch.float64 if dtype == torch.float64 else torch.float32, torch.int32}
    continued = PROBLEM.train(optimizer, params, range(stop, stop + 6))
    assert torch.equal(PROBLEM.train(restored, fresh, range(stop, stop + 6)), continued)


def test_a_state_of_another_rule_is_refused() -> None:
    optimizer, params = MomoAdam(PROBLEM.params()), PROBLEM.params()
    other = Momo(params)
    before = snapshot(other)
    with pytest.raises(ValueError, match="a state of 'momo_adam' cannot be loaded into 'momo'"):
        other.load_state_dict(optimizer.state_dict())
    assert unchanged(before, other)


@pytest.mark.parametrize("cls", CLASSES)
def test_groups_with_equal_settings_are_one_group(cls: type[ModelBasedOptimizer]) -> None:
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


def test_learning_rates_keep_their_ratio_when_truncated() -> None:
    params = PROBLEM.params()
    optimizer = Momo([{"params": params[:1], "lr": 100.0}, {"params": params[1:], "lr": 1.0}], beta=0.0)
    before = [param.detach().clone() for param in params]
    PROBLEM.train(optimizer, params, range(1))
    assert 0 < optimizer.last_info.truncation < 1
    moves = [(old - new.detach()) / new.grad for old, new in zip(before, params, strict=True)]
    assert moves[0][0] / moves[1][0] == pytest.approx(100, rel=1e-9)


def test_a_scheduler_and_a_tensor_lr_agree_with_setting_it_by_hand() -> None:
    def run(lr: Any, scheduled: bool) -> torch.Tensor:
        params = PROBLEM.params()
        optimizer = MomoAdam(params, lr=lr)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5) if scheduled else None
        rows = []
        for step in range(5):
            if scheduler is None:
                optimizer.param_groups[0]["lr"] = 0.1 * 0.5**step
            rows.append(PROBLEM.train(optimizer, params, range(step, step + 1)))
            if scheduler is not None:
                scheduler.step()
        return torch.cat(rows)

    by_hand = run(0.1, scheduled=False)
    assert torch.equal(run(0.1, scheduled=True), by_hand)
    tensor = run(torch.tensor(0.1, dtype=torch.float64), scheduled=True)
    assert torch.equal(tensor, by_hand)


def test_missing_and_late_gradients() -> None:
    params = PROBLEM.params()
    optimizer = MomoAdam(params, lr=1e-3)
    for step in range(5):
        optimizer.zero_grad()
        loss = PROBLEM.loss([params[0], params[1].detach()], step)
        loss.backward()
        optimizer.step(loss=loss)
    assert torch.equal(params[1], PROBLEM.start[1])
    PROBLEM.train(optimizer, params, range(5, 6))
    first_move = (params[1].detach() - PROBLEM.start[1]).abs()
    assert torch.allclose(first_move, torch.full((3,), 1e-3, dtype=torch.float64), rtol=1e-6)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_step_without_any_gradient_changes_nothing(cls: type[ModelBasedOptimizer]) -> None:
    params = PROBLEM.params()
    optimizer = cls(params)
    before = snapshot(optimizer)
    optimizer.step(loss=1.0)
    assert unchanged(before, optimizer)
    assert not optimizer.last_info.skipped


def test_the_dummy_step_of_checkpointing_tools_is_harmless() -> None:
    params = PROBLEM.params()
    optimizer = Momo(params, lr=0.0)
    for param in params:
        param.grad = torch.zeros_like(param)
    before = snapshot(optimizer)
    optimizer.step()
    assert unchanged(before, optimizer)


def test_sparse_gradients_are_refused() -> None:
    embedding = torch.nn.Embedding(4, 2, sparse=True)
    optimizer = MomoAdam(embedding.parameters())
    loss = embedding(torch.tensor([1, 2])).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="sparse"):
        optimizer.step(loss=loss)


@pytest.mark.parametrize("cls", CLASSES)
def test_the_step_reads_no_value_on_the_host(cls: type[ModelBasedOptimizer]) -> None:
    """A fake tensor has no value, so reading one raises."""
    with FakeTensorMode():
        params = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(2, 2))]
        optimizer = cls(params, **accepted(cls, weight_decay=0.1))
        for _ in range(2):
            for param in params:
                param.grad = torch.ones_like(param)
            optimizer.step(loss=torch.ones(()) if cls in NEED_LOSS else None)
        with pytest.raises(Exception, match="local_scalar"):
            optimizer.last_info.step_size.item()


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
