"""The PyTorch optimizers compiled, captured, scaled, scheduled, averaged and hooked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import Parameter
from torch.optim import lr_scheduler as schedules
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn

from conformance_tests.profiles import PARTS, mostly
from conformance_tests.roundings import assert_rounded
from conformance_tests.torch_problems import (
    CLASSES,
    NEED_LOSS,
    PROBLEM,
    VARIANTS,
    Class,
    accepted,
    flat,
    snapshot,
    unchanged,
)
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError
from momo_torch import ModelBasedOptimizer, Momo, MomoAdam

COMPILED = mostly(
    VARIANTS, [(cls, options) for cls, options in VARIANTS if options or cls.rule_name in PARTS]
)
"""Rules made of the same parts compile alike."""


class Scheduled:
    """An optimizer of two groups whose gradients, loss and learning rates stay where they are."""

    def __init__(self, cls: Class, options: dict[str, Any], dtype: torch.dtype = torch.float64) -> None:
        self.params = PROBLEM.params(dtype)
        self.loss = torch.zeros((), dtype=dtype)
        self.rates = [torch.tensor(0.1, dtype=dtype) for _ in self.params]
        groups = [
            {"params": [param], "lr": rate} for param, rate in zip(self.params, self.rates, strict=True)
        ]
        self.optimizer = cls(groups, **options)
        for param in self.params:
            param.grad = torch.zeros_like(param)

    def fill(self, step: int) -> None:
        """Gradients, loss and learning rates of a step."""
        loss = PROBLEM.loss(self.params, step)
        grads = torch.autograd.grad(loss, self.params)
        for param, grad, rate, scale in zip(self.params, grads, self.rates, (1.0, 0.5), strict=True):
            param.grad.copy_(grad)  # type: ignore[union-attr]
            rate.fill_(0.1 * scale / (1 + step))
        self.loss.copy_(loss.detach())

    def train(self, steps: range, step: Callable[[torch.Tensor], object]) -> torch.Tensor:
        rows = []
        for number in steps:
            self.fill(number)
            step(self.loss)
            rows.append(flat(self.params))
        return torch.stack(rows)

    def take_step(self, loss: torch.Tensor) -> None:
        self.optimizer.step(loss=loss)


class TestCompiled:
    """torch.compile(fullgraph=True); the backends "eager" and "aot_eager" run what was traced as it is."""

    @pytest.fixture(autouse=True)
    def fresh(self) -> Iterator[None]:
        torch._dynamo.reset()
        yield
        torch._dynamo.reset()

    def compiled(self, run: Scheduled, name: str = "eager") -> tuple[Any, CompileCounterWithBackend]:
        backend = CompileCounterWithBackend(name)
        return torch.compile(run.optimizer.step, fullgraph=True, backend=backend), backend

    @pytest.mark.reliability("R83")
    @pytest.mark.parametrize(("cls", "options"), COMPILED)
    def test_a_compiled_step_is_traced_once_and_is_the_eager_step(
        self, cls: Class, options: dict[str, Any]
    ) -> None:
        """A step compiles without a graph break, once for all steps, and changes no bit of the result."""
        run, eager = Scheduled(cls, options, torch.float32), Scheduled(cls, options, torch.float32)
        step, backend = self.compiled(run)
        rows = run.train(range(20), lambda loss: step(loss=loss))
        assert torch.equal(rows, eager.train(range(20), eager.take_step))
        assert all(map(torch.equal, snapshot(run.optimizer), snapshot(eager.optimizer)))
        assert backend.frame_count == 1

    @pytest.mark.reliability("R53", "R83")
    def test_a_compiled_step_keeps_its_float64_scalars(self) -> None:
        """A compiled step of float64 parameters is the eager step, scalars included."""
        run, eager = Scheduled(Momo, {}), Scheduled(Momo, {})
        step, _ = self.compiled(run, "aot_eager")
        rows = run.train(range(8), lambda loss: step(loss=loss))
        assert torch.equal(rows, eager.train(range(8), eager.take_step))
        assert all(map(torch.equal, snapshot(run.optimizer), snapshot(eager.optimizer)))

    @pytest.mark.reliability("R83")
    def test_learning_rates_that_are_numbers_compile_once_more(self) -> None:
        """A learning rate that is a number costs one compilation more when it first changes, and no third."""
        run, eager = (Scheduled(Momo, {}, torch.float32) for _ in range(2))
        step, backend = self.compiled(run, "aot_eager")
        for number in range(6):
            for each in (run, eager):
                each.fill(number)
                for group in each.optimizer.param_groups:
                    group["lr"] = 0.1 / (1 + number)
            step(loss=run.loss)
            eager.take_step(eager.loss)
            assert torch.equal(flat(run.params), flat(eager.params))
        assert backend.frame_count == 2

    def test_a_recorded_loss_does_not_reach_a_compiled_step(self) -> None:
        run = Scheduled(Momo, {})
        step, _ = self.compiled(run)
        run.fill(0)
        before = snapshot(run.optimizer)
        run.optimizer.record_loss(run.loss)
        with pytest.raises(torch._dynamo.exc.Unsupported, match="call step.loss=loss."):
            step()
        assert unchanged(before, run.optimizer)
        broken = torch.compile(run.optimizer.step, backend="eager")
        broken()
        assert not unchanged(before, run.optimizer)
        with pytest.raises(MissingLossError):
            run.optimizer.step()

    def test_a_step_that_raises_breaks_the_graph(self) -> None:
        run = Scheduled(Momo, {"on_nonfinite": "raise"})
        step, _ = self.compiled(run)
        before = snapshot(run.optimizer)
        run.fill(0)
        with pytest.raises(Exception, match='on_nonfinite == "raise"'):
            step(loss=run.loss)
        assert unchanged(before, run.optimizer)

    @pytest.mark.reliability("R33")
    def test_a_loss_that_is_not_finite_does_not_compile_again(self) -> None:
        """A compiled step skips a NaN loss as an eager one does."""
        run = Scheduled(Momo, {}, torch.float32)
        step, backend = self.compiled(run)
        run.train(range(2), lambda loss: step(loss=loss))
        before = snapshot(run.optimizer)
        step(loss=torch.tensor(float("nan")))
        assert unchanged(before, run.optimizer)
        assert run.optimizer.last_info.skipped
        assert run.optimizer.param_groups[0]["skipped_steps"] == 1
        assert backend.frame_count == 1


@pytest.mark.reliability("R83")
@pytest.mark.parametrize(("cls", "options"), COMPILED)
def test_operations_captured_once_can_be_replayed(cls: Class, options: dict[str, Any]) -> None:
    """The operations of one step, replayed without Python as by a CUDA graph, take the next steps."""
    captured, eager = Scheduled(cls, options), Scheduled(cls, options)
    captured.fill(0)
    graph = make_fx(lambda loss: captured.take_step(loss))(captured.loss)
    eager.train(range(1), eager.take_step)

    def replay(loss: torch.Tensor) -> None:
        with torch.no_grad():
            graph(loss)

    rows = captured.train(range(1, 8), replay)
    assert torch.equal(rows, eager.train(range(1, 8), eager.take_step))
    assert all(map(torch.equal, snapshot(captured.optimizer), snapshot(eager.optimizer)))


def fake_step(optimizer: ModelBasedOptimizer, params: list[Parameter]) -> None:
    for param in params:
        param.grad = torch.ones_like(param)
    optimizer.step(loss=torch.ones(()))


@pytest.mark.reliability("R83")
@pytest.mark.parametrize(("cls", "options"), VARIANTS)
def test_the_step_reads_no_value_on_the_host(cls: Class, options: dict[str, Any]) -> None:
    """No step waits for the device: every rule takes its steps on tensors that have no values."""
    with FakeTensorMode():
        params = [Parameter(torch.ones(3)), Parameter(torch.ones(2, 2)), Parameter(torch.ones(()))]
        groups = [{"params": params[:1], "lr": 0.5}, {"params": params[1:]}]
        optimizer = cls(groups, **{**accepted(cls, weight_decay=0.1), **options})
        optimizer.param_groups[1]["lr"] = torch.ones(())
        fake_step(optimizer, params)
        params[1].requires_grad_(False)
        fake_step(optimizer, [params[0], params[2]])
        fake_step(optimizer, params)
        optimizer.record_loss(torch.ones(()))
        optimizer.step()
        optimizer.step(lambda: torch.ones(()))
        optimizer.zero_grad()
        optimizer.step(loss=torch.ones(()))
        with pytest.raises(DataDependentOutputException, match="local_scalar"):
            optimizer.last_info.step_size.item()


@pytest.mark.parametrize("cls", CLASSES)
def test_the_info_of_a_step_stays_what_it_was(cls: Class) -> None:
    params = PROBLEM.params()
    optimizer = cls(params)
    PROBLEM.train(optimizer, params, range(1))
    first = optimizer.last_info
    kept = [value.clone() for value in first if value is not None]
    places = [value.data_ptr() for value in optimizer.param_groups[0].values() if hasattr(value, "data_ptr")]
    PROBLEM.train(optimizer, params, range(1, 6))
    assert all(map(torch.equal, kept, (value for value in first if value is not None)))
    assert len(set(places)) == len(places)


class TestConventions:
    """Arguments that code passes to any optimizer of PyTorch."""

    @pytest.mark.parametrize("cls", CLASSES)
    @pytest.mark.parametrize("capturable", [True, False])
    def test_every_step_can_be_captured(self, cls: Class, capturable: bool) -> None:
        optimizer = cls(PROBLEM.params(), capturable=capturable, maximize=False, differentiable=False)
        assert all(group["capturable"] for group in optimizer.param_groups)

    @pytest.mark.reliability("R88")
    @pytest.mark.parametrize("cls", CLASSES)
    def test_what_cannot_be_is_refused(self, cls: Class) -> None:
        """Maximizing and differentiating through a step are refused, with the reason."""
        with pytest.raises(InvalidValueError, match="minimise its negative") as caught:
            cls(PROBLEM.params(), maximize=True)
        assert caught.value.code == "E_MAXIMIZE"
        with pytest.raises(InvalidValueError, match="no gradient passes through a step"):
            cls(PROBLEM.params(), differentiable=True)
        with pytest.raises(InvalidTypeError, match="maximize must be a bool"):
            cls(PROBLEM.params(), maximize=1)  # type: ignore[arg-type]

    @pytest.mark.reliability("R88")
    def test_to_maximize_minimise_the_negative(self) -> None:
        """A loss that is bounded from above is maximized through its negative."""
        param = Parameter(torch.tensor([3.0, -2.0]))
        optimizer = Momo([param], lr=10.0, beta=0.0)
        for _ in range(60):
            optimizer.zero_grad()
            gain = -(param**2).sum()
            (-gain).backward()
            optimizer.step(loss=-gain)
        # A Polyak step of a sum of squares halves the parameters.
        assert param.abs().max() <= 3 * 2.0**-60


class TestGradScaler:
    """torch.amp.GradScaler; a power of two scales without rounding."""

    SCALE = 2.0**10

    def scaler(self) -> torch.amp.GradScaler:
        return torch.amp.GradScaler("cpu", init_scale=self.SCALE, growth_interval=1000)

    def backward(self, scaler: Any, optimizer: Any, params: list[Parameter], step: int) -> torch.Tensor:
        optimizer.zero_grad()
        loss = PROBLEM.loss(params, step)
        scaler.scale(loss).backward()
        return loss

    @pytest.mark.reliability("R86")
    @pytest.mark.parametrize("recorded", [False, True])
    @pytest.mark.parametrize("cls", CLASSES)
    def test_a_scaled_run_is_the_run(self, cls: Class, recorded: bool) -> None:
        """`scaler.step(optimizer, loss=loss)` and a recorded loss give the bits of a run without scaling."""
        params, plain = PROBLEM.params(), PROBLEM.params()
        optimizer, scaler, rows = cls(params), self.scaler(), []
        for step in range(8):
            loss = self.backward(scaler, optimizer, params, step)
            if recorded:
                optimizer.record_loss(loss)
            scaler.step(optimizer, **({} if recorded else {"loss": loss}))
            scaler.update()
            rows.append(flat(params))
        assert torch.equal(torch.stack(rows), PROBLEM.train(cls(plain), plain, range(8)))

    @pytest.mark.reliability("R86")
    @pytest.mark.parametrize("cls", CLASSES)
    def test_a_step_that_the_scaler_skips_changes_nothing(self, cls: Class) -> None:
        """An infinite gradient under a GradScaler leaves parameters, state and every counter as they were."""
        params = PROBLEM.params()
        optimizer, scaler = cls(params), self.scaler()
        PROBLEM.train(optimizer, params, range(3))
        before = snapshot(optimizer)
        loss = self.backward(scaler, optimizer, params, 3)
        params[0].grad[0] = float("inf")  # type: ignore[index]
        scaler.step(optimizer, loss=loss)
        scaler.update()
        assert unchanged(before, optimizer)
        assert optimizer.param_groups[0]["skipped_steps"] == 0
        assert scaler.get_scale() < self.SCALE
        PROBLEM.train(optimizer, params, range(3, 4))
        assert not unchanged(before, optimizer)

    @pytest.mark.reliability("R86")
    @pytest.mark.parametrize("asked_again", [False, True])
    def test_a_skipped_step_clears_the_recorded_loss(self, asked_again: bool) -> None:
        """What was recorded for a step that a GradScaler skipped does not reach the next step."""
        params, scaler = PROBLEM.params(), self.scaler()
        optimizer = Momo(params)
        for step, bad in enumerate([True, False]):
            for param in params:
                param.grad = None
            loss = PROBLEM.loss(params, step)
            for half in (loss / 2, loss / 2):
                scaler.scale(half).backward(retain_graph=True)
                optimizer.record_loss(half)
            if bad:
                params[0].grad[0] = float("inf")  # type: ignore[index]
            if asked_again:  # as trainers do before they clip gradients
                assert not optimizer._step_supports_amp_scaling
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
        assert optimizer.last_info.predicted_loss is not None
        plain = PROBLEM.params()
        other = Momo(plain)
        PROBLEM.train(other, plain, range(1, 2))
        assert torch.equal(flat(params), flat(plain))

    @pytest.mark.reliability("R86")
    def test_a_closure_is_refused_by_the_scaler(self) -> None:
        """A closure under a GradScaler is PyTorch's RuntimeError, and nothing changes."""
        params, scaler = PROBLEM.params(), self.scaler()
        optimizer = Momo(params)
        before = snapshot(optimizer)
        loss = self.backward(scaler, optimizer, params, 0)
        with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
            scaler.step(optimizer, closure=lambda: loss)
        assert unchanged(before, optimizer)


SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "LambdaLR": lambda opt: schedules.LambdaLR(opt, lambda step: 1 / (1 + step)),
    "MultiplicativeLR": lambda opt: schedules.MultiplicativeLR(opt, lambda step: 0.9),
    "StepLR": lambda opt: schedules.StepLR(opt, 3),
    "MultiStepLR": lambda opt: schedules.MultiStepLR(opt, [2, 5]),
    "ConstantLR": lambda opt: schedules.ConstantLR(opt, total_iters=4),
    "LinearLR": lambda opt: schedules.LinearLR(opt, total_iters=6),
    "ExponentialLR": lambda opt: schedules.ExponentialLR(opt, 0.5),
    "PolynomialLR": lambda opt: schedules.PolynomialLR(opt, total_iters=8),
    "CosineAnnealingLR": lambda opt: schedules.CosineAnnealingLR(opt, T_max=8),
    "CosineAnnealingWarmRestarts": lambda opt: schedules.CosineAnnealingWarmRestarts(opt, T_0=4),
    "CyclicLR": lambda opt: schedules.CyclicLR(opt, 0.01, 0.2, step_size_up=3, cycle_momentum=False),
    "OneCycleLR": lambda opt: schedules.OneCycleLR(opt, 0.2, total_steps=12, cycle_momentum=False),
    "ReduceLROnPlateau": lambda opt: schedules.ReduceLROnPlateau(opt, patience=1),
    "SequentialLR": lambda opt: schedules.SequentialLR(
        opt, [schedules.LinearLR(opt, 0.1, total_iters=3), schedules.ExponentialLR(opt, 0.8)], [3]
    ),
    "ChainedScheduler": lambda opt: schedules.ChainedScheduler(
        [schedules.LinearLR(opt, 0.1, total_iters=3), schedules.ExponentialLR(opt, 0.8)]
    ),
    "SWALR": lambda opt: SWALR(opt, 0.01, anneal_epochs=4),
    "warm-up from 0": lambda opt: schedules.LambdaLR(opt, lambda step: min(step, 4) / 4),
}


def steps_of(scheduler: Any, rates: Callable[[], list[float]]) -> Iterator[list[float]]:
    """The learning rates of ten steps; a plateau scheduler sees the same metric for ever."""
    for _ in range(10):
        yield rates()
        scheduler.step(1.0) if isinstance(scheduler, schedules.ReduceLROnPlateau) else scheduler.step()


def groups_of(params: list[Parameter]) -> list[dict[str, Any]]:
    return [{"params": [params[0]]}, {"params": [params[1]], "lr": 0.05}]


@pytest.mark.filterwarnings("ignore:Detected call of:UserWarning")
class TestSchedules:
    """The schedulers of PyTorch, on two groups, against the rates they give to PyTorch's own SGD."""

    def rates(self, name: str) -> list[list[float]]:
        sgd = torch.optim.SGD(groups_of(PROBLEM.params()), lr=0.1)
        scheduler = SCHEDULES[name](sgd)
        return list(steps_of(scheduler, lambda: [group["lr"] for group in sgd.param_groups]))

    @pytest.mark.reliability("R88")
    @pytest.mark.parametrize("tensor", [False, True])
    @pytest.mark.parametrize("name", SCHEDULES)
    def test_a_schedule_sets_the_learning_rates_of_the_steps(self, name: str, tensor: bool) -> None:
        """Every scheduler of PyTorch drives the learning rate, a number or a tensor."""
        params, by_hand = PROBLEM.params(), PROBLEM.params()
        optimizer, other = MomoAdam(groups_of(params), lr=0.1), MomoAdam(groups_of(by_hand), lr=0.1)
        if tensor:
            for group in optimizer.param_groups:
                group["lr"] = torch.tensor(group["lr"], dtype=torch.float64)
        scheduler = SCHEDULES[name](optimizer)
        values = steps_of(scheduler, lambda: [float(group["lr"]) for group in optimizer.param_groups])
        wanted = self.rates(name)
        highest = [max(rates) for rates in zip(*wanted, strict=True)]
        for step, (given, expected) in enumerate(zip(values, wanted, strict=True)):
            if tensor:  # up to four operations a step, on numbers up to the highest rate
                assert_rounded(given, expected, 4 * (step + 1), terms=highest)
            else:
                assert given == expected
            for group, rate in zip(other.param_groups, given, strict=True):
                group["lr"] = rate
            rows = PROBLEM.train(optimizer, params, range(step, step + 1))
            assert torch.equal(rows, PROBLEM.train(other, by_hand, range(step, step + 1)))
        assert len({tuple(rates) for rates in wanted}) > 1

    @pytest.mark.reliability("R88")
    def test_a_schedule_may_cycle_the_momentum(self) -> None:
        """`OneCycleLR` moves the learning rate and `betas` of MoMo-Adam, step by step."""
        params, by_hand = PROBLEM.params(), PROBLEM.params()
        optimizer, other = MomoAdam(params, lr=0.1), MomoAdam(by_hand, lr=0.1)
        scheduler = schedules.OneCycleLR(optimizer, 0.2, total_steps=10)
        seen = set()
        for step in range(9):
            group = optimizer.param_groups[0]
            seen.add(group["betas"])
            other.param_groups[0].update(lr=group["lr"], betas=group["betas"])
            rows = PROBLEM.train(optimizer, params, range(step, step + 1))
            assert torch.equal(rows, PROBLEM.train(other, by_hand, range(step, step + 1)))
            scheduler.step()
        assert len(seen) > 5

    @pytest.mark.reliability("R88")
    @pytest.mark.parametrize("cls", CLASSES)
    def test_rate_and_decay_may_be_tensors(self, cls: Class) -> None:
        """Learning rate and weight decay given as tensors are those numbers, to the bit."""
        options = accepted(cls, lr=0.125, weight_decay=0.0625)
        tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in options.items()}
        params, others = PROBLEM.params(), PROBLEM.params()
        rows = PROBLEM.train(cls(params, **options), params, range(8))
        assert torch.equal(PROBLEM.train(cls(others, **tensors), others, range(8)), rows)
        assert options


@pytest.mark.reliability("R88")
@pytest.mark.parametrize("clip", ["norm", "value"])
@pytest.mark.parametrize("cls", CLASSES)
def test_a_clipped_gradient_is_the_gradient_of_the_step(cls: Class, clip: str) -> None:
    """What a step sees are the clipped gradients and the loss, which clipping leaves alone."""
    params, others = PROBLEM.params(), PROBLEM.params()
    optimizer, other = cls(params), cls(others)
    for step in range(6):
        loss = PROBLEM.loss(params, step)
        params[0].grad, params[1].grad = raw = torch.autograd.grad(loss, params)
        before = torch.cat(raw)
        if clip == "norm":
            torch.nn.utils.clip_grad_norm_(params, 0.5)
        else:
            torch.nn.utils.clip_grad_value_(params, 0.1)
        for param, clipped in zip(others, params, strict=True):
            param.grad = clipped.grad.clone()  # type: ignore[union-attr]
        assert not torch.equal(torch.cat(raw), before)
        optimizer.step(loss=loss)
        other.step(loss=loss)
    assert torch.equal(flat(params), flat(others))


@pytest.mark.reliability("R88")
@pytest.mark.parametrize("average", [None, get_ema_multi_avg_fn(0.75)])
def test_averaged_weights_are_an_observer(average: Any) -> None:
    """EMA and SWA models average the weights of a run that they do not change."""
    net, plain = torch.nn.Linear(3, 2, dtype=torch.float64), torch.nn.Linear(3, 2, dtype=torch.float64)
    plain.load_state_dict(net.state_dict())
    averaged = AveragedModel(net, multi_avg_fn=average)
    expected, count = flat(list(net.parameters())), 0
    inputs = torch.arange(3.0, dtype=torch.float64)
    optimizers = [MomoAdam(each.parameters(), lr=0.05) for each in (net, plain)]
    for _ in range(6):
        for each, optimizer in zip((net, plain), optimizers, strict=True):
            optimizer.zero_grad()
            loss = (each(inputs) ** 2).sum()
            loss.backward()
            optimizer.step(loss=loss)
        averaged.update_parameters(net)
        now = flat(list(net.parameters()))
        if count == 0:
            expected = now
        elif average is None:
            expected = expected + (now - expected) / (count + 1)
        else:
            expected = expected * 0.75 + now * 0.25
        count += 1
    assert torch.equal(flat(list(net.parameters())), flat(list(plain.parameters())))
    got = flat(list(averaged.module.parameters()))
    # Three roundings in each of the averages.
    assert (got - expected).abs().max() <= 3 * count * torch.finfo(torch.float64).eps * expected.abs().max()


class TestHooks:
    """The hooks of torch.optim.Optimizer."""

    @pytest.mark.parametrize("cls", NEED_LOSS)
    def test_hooks_surround_a_step_and_may_hand_over_the_loss(self, cls: Class) -> None:
        params, others = PROBLEM.params(), PROBLEM.params()
        optimizer, seen = cls(params), []

        def before(opt: Any, args: Any, kwargs: dict[str, Any]) -> Any:
            seen.append(flat(params))
            return args, {**kwargs, "loss": PROBLEM.loss(params, 0)}

        def after(opt: Any, args: Any, kwargs: Any) -> None:
            seen.append(flat(params))

        handles = [optimizer.register_step_pre_hook(before), optimizer.register_step_post_hook(after)]
        PROBLEM.loss(params, 0).backward()
        optimizer.step()
        assert torch.equal(seen[0], torch.cat(PROBLEM.start))
        assert torch.equal(seen[1], PROBLEM.train(cls(others), others, range(1))[0])
        for handle in handles:
            handle.remove()
        with pytest.raises(MissingLossError):
            optimizer.step()
        assert len(seen) == 2
