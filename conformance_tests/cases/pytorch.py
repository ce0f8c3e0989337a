"""Cases of what only PyTorch has: lists of parameters, closures, graphs, frozen tensors, devices."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

from conformance_tests.cases import only
from conformance_tests.cases.given_steps import GRADS, walk
from conformance_tests.comparisons import assert_within, problem_and_bound
from conformance_tests.rigs import CUT, RULES, START, Rig, assert_same, unchanged
from momo_core import MissingLossError
from momo_spec.bounds import flattened
from momo_spec.problem import Problem, Step


def construct(rig: Rig, rule: str, params: Any) -> Any:
    """An optimizer of PyTorch for what stands in the place of its parameters."""
    return type(optimizer_of(rig.make(rule)))(params)


def optimizer_of(run: Any) -> Any:
    return run.optimizer


@only("torch")
def r18_tensor_for_the_list(rig: Rig) -> None:
    """A tensor in the place of the list of parameters is PyTorch's TypeError."""
    for rule in RULES:
        with pytest.raises(TypeError, match="should be an iterable of Tensors or dicts"):
            construct(rig, rule, rig.array([1.0]))


@only("torch")
def r19_what_cannot_be_trained(rig: Rig) -> None:
    """A member that is no tensor is a TypeError, one that is no leaf a ValueError, as in PyTorch."""
    computed = 2 * rig.array([1.0]).requires_grad_()
    for rule in RULES:
        with pytest.raises(TypeError, match="can only optimize Tensors"):
            construct(rig, rule, [1.0])
        with pytest.raises(ValueError, match="non-leaf"):
            construct(rig, rule, [computed])


@only("torch")
def r20_the_same_parameter_twice(rig: Rig) -> None:
    """The same parameter twice in a group is warned of and moved once; in two groups a ValueError."""
    for rule in RULES:
        run, plain = rig.make(rule), rig.make(rule)
        once, twice = plain.leaves, [*run.leaves, run.leaves[0]]  # type: ignore[attr-defined]
        with pytest.warns(UserWarning, match="duplicate parameters"):
            run.optimizer = construct(rig, rule, twice)  # type: ignore[attr-defined]
        plain.optimizer = construct(rig, rule, once)  # type: ignore[attr-defined]
        assert_same(walk(run).snapshot(), walk(plain).snapshot())
        with pytest.raises(ValueError, match="more than one parameter group"):
            construct(rig, rule, [{"params": once}, {"params": once[:1]}])


@only("torch")
def r25_closure_and_loss(rig: Rig) -> None:
    """With a closure and a loss the loss is used, and what the closure returned is returned."""
    for rule in CUT:
        run, plain = walk(rig.make(rule)), walk(rig.make(rule))
        run.step(GRADS, 2.0)
        for leaf in plain.leaves:  # type: ignore[attr-defined]
            leaf.grad = None

        def closure(plain: Any = plain) -> str:
            for leaf, grad in zip(plain.leaves, GRADS, strict=True):
                leaf.grad = rig.array(grad)
            return "returned"

        assert optimizer_of(plain).step(closure, loss=2.0) == "returned"
        assert_same(run.snapshot(), plain.snapshot())


@only("torch")
def r26_closure_without_a_value(rig: Rig) -> None:
    """A closure that returns None hands over no loss: a ValueError that names the three ways."""
    for rule in CUT:
        run = walk(rig.make(rule))
        with unchanged(run), pytest.raises(MissingLossError, match="step.loss=loss. or step.closure., or"):
            optimizer_of(run).step(lambda: None)


@only("torch")
def r32_graph_of_the_loss(rig: Rig) -> None:
    """The graph of a loss is not kept, by a step or a recorded loss: what backward has saved is freed."""
    for rule in CUT:
        for hand_over in ("record_loss", "step"):
            run = rig.make(rule)
            saved = 2 * run.leaves[1]  # type: ignore[attr-defined]
            loss = (saved**2).sum()
            loss.backward(retain_graph=True)
            alive = weakref.ref(saved)
            del saved
            getattr(optimizer_of(run), hand_over)(loss=loss)
            assert alive() is not None
            del loss
            assert alive() is None, hand_over


@only("torch")
def r48_frozen_parameter(rig: Rig) -> None:
    """A frozen parameter in the list stays as it is, and the others go as if it were not there."""
    for rule in RULES:
        run, alone = rig.make(rule), rig.make(rule, params=START[1:])
        run.leaves[0].requires_grad_(False)  # type: ignore[attr-defined]
        for loss in (1.0, 0.5):
            run.step([None, GRADS[1]], loss)
            alone.step(GRADS[1:], loss)
        np.testing.assert_array_equal(run.params[0], START[0])
        np.testing.assert_array_equal(run.params[1], alone.params[0])


@only("torch")
def r49_sparse_gradient(rig: Rig) -> None:
    """A sparse gradient is a RuntimeError before anything is written."""
    for rule in RULES:
        run = walk(rig.make(rule))
        with unchanged(run), pytest.raises(RuntimeError, match="does not support sparse gradients"):
            run.step([GRADS[0], rig.array(GRADS[1]).to_sparse()], 1.0)


@only("torch")
def r57_parameters_on_two_devices(rig: Rig) -> None:
    """Parameters on different devices are a ValueError when the optimizer is made, in one group or two."""
    import torch

    params = [torch.nn.Parameter(torch.ones(2, device=device)) for device in ("cpu", "meta")]
    for rule in RULES:
        for groups in (params, [{"params": [param]} for param in params]):
            with pytest.raises(ValueError, match="must be on one device") as caught:
                construct(rig, rule, groups)
            assert caught.value.code == "E_PARAMS_DEVICE"


@only("torch")
def r58_loss_on_another_device(rig: Rig) -> None:
    """A loss on the CPU goes with parameters on any device, which all of the state is on."""
    import torch

    # A meta tensor has a device of its own on every machine, and no values.
    for device in ("meta", "cuda") if torch.cuda.is_available() else ("meta",):
        for rule in CUT:
            leaf = torch.nn.Parameter(torch.ones(3, device=device))
            optimizer = construct(rig, rule, [leaf])
            for loss in (torch.ones(()), torch.ones(1), 1.0):
                leaf.grad = torch.ones_like(leaf)
                optimizer.step(loss=loss)
            shared = [
                value for value in optimizer.param_groups[0].values() if isinstance(value, torch.Tensor)
            ]
            assert {value.device.type for value in [*optimizer.state[leaf].values(), *shared]} == {device}


@only("torch")
def r59_how_a_closure_is_called(rig: Rig) -> None:
    """A closure is called exactly once a step, with gradients on, also within `no_grad`."""
    import torch

    for rule in RULES:
        run, calls = rig.make(rule), []

        def closure(run: Any = run, calls: list[bool] = calls) -> Any:
            calls.append(torch.is_grad_enabled())
            loss = sum((leaf**2).sum() for leaf in run.leaves)
            loss.backward()
            return loss

        with torch.no_grad():
            optimizer_of(run).step(closure)
        assert calls == [True], rule
        assert all(not np.array_equal(one, other) for one, other in zip(run.params, START, strict=True))


@only("torch")
def r60_groups_in_any_order(rig: Rig) -> None:
    """One step size belongs to all groups, so that their order does not matter."""
    rates = ({"lr": 0.5, "weight_decay": 0.0}, {"lr": 0.25, "weight_decay": 0.5})
    groups = tuple({"learning_rate": each["lr"], "weight_decay": each["weight_decay"]} for each in rates)
    problem, losses = Problem({}, START, groups, (0, 1)), (1.0, 0.5, 0.125)
    for rule in CUT[:2]:
        ends = []
        for order in ((0, 1), (1, 0)):
            run = rig.make(rule)
            parts = [{"params": [run.leaves[index]], **rates[index]} for index in order]  # type: ignore[attr-defined]
            run.optimizer = construct(rig, rule, parts)  # type: ignore[attr-defined]
            for loss in losses:
                run.step(GRADS, loss)
            ends.append(flattened(run.params)[None])
        _, bound = problem_and_bound(rule, problem, [Step(tuple(GRADS), loss) for loss in losses], "float32")
        assert_within(*ends, bound[-1:], bound[-1:])


@only("torch")
def r81_recorded_parts_of_a_batch(rig: Rig) -> None:
    """Losses that are recorded part by part add up as their gradients do: the step of the whole batch."""
    for rule in CUT:
        whole, parts = rig.make(rule), rig.make(rule)
        for weights in ((1.0, 0.5, 2.0), (0.25, 0.5, 0.125)):  # sums of powers of two are exact
            loss = batch_loss(whole, sum(weights))
            loss.backward()
            optimizer_of(whole).step(loss=loss)
            for weight in weights:
                part = batch_loss(parts, weight)
                part.backward()
                optimizer_of(parts).record_loss(part)
            optimizer_of(parts).step()
            for run in (whole, parts):
                optimizer_of(run).zero_grad()
                round_to_eighths(run)
        assert_same(whole.snapshot(), parts.snapshot())


def batch_loss(run: Any, weight: float) -> Any:
    return weight * sum((leaf**2).sum() for leaf in run.leaves)


def round_to_eighths(run: Any) -> None:
    """Keep few digits, so that losses and gradients of the next step are exact."""
    for leaf in run.leaves:
        leaf.data.mul_(8).round_().div_(8)
