"""
The tests that mutants must fail: golden vectors, and what vectors cannot express.

A test raises if it fails.  The packages under test are arguments, because they are
imported anew for each mutant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np

from conformance_tests.roundings import assert_rounded
from momo_spec.bounds import flattened
from momo_spec.problem import Step
from momo_spec.vector_file import InvalidVector, Vector, VectorFile, load_one_steps, load_vectors

Test = tuple[str, Callable[[], None]]


def vector_tests(core: ModuleType, algorithm: str) -> Iterator[Test]:
    """The golden vectors of an algorithm on `momo_core` and NumPy, exact ones first."""
    file = vectors(algorithm)
    for vector in file.tests:
        yield f"{algorithm} {vector.tc_id}: {vector.comment}", partial(follow, core, vector)
    for invalid in file.invalid:
        yield f"{algorithm} {invalid.tc_id}: {invalid.comment}", partial(refuse, core, invalid)
    for vector in one_steps(algorithm):
        yield f"{algorithm} {vector.tc_id}: {vector.comment}", partial(follow, core, vector)


@cache
def vectors(algorithm: str) -> VectorFile:
    return load_vectors(algorithm)


@cache
def one_steps(algorithm: str) -> tuple[Vector, ...]:
    return load_one_steps(algorithm)


def follow(core: ModuleType, vector: Vector) -> None:
    """Every step must give what the vector expects, to the bit in tier T0."""
    rule = core.KINDS[vector.algorithm].checked_rule(vector.problem.hyper)
    params = [np.array(param) for param in vector.problem.x0]
    state, fresh, skipped = rule.init(params), [np.array(True)] * len(params), 0
    for index, (step, expected) in enumerate(zip(vector.steps, vector.expect, strict=True)):
        params, state, info = take(rule, vector, step, params, state, fresh)
        if not expected.skipped:
            fresh = [old & (grad is None) for old, grad in zip(fresh, step.grads, strict=True)]
        skipped += expected.skipped
        assert bool(info.skipped) == expected.skipped
        assert int(state.scalars["skipped_steps"]) == skipped
        found = {name: float(getattr(info, name)) for name in expected.info} | {"params": flattened(params)}
        wanted = {**expected.info, "params": flattened(expected.params)}
        for name, value in wanted.items():
            bound = vector.tol["f64"].get(name) if vector.tol else None
            compare(found[name], value, bound[index] if bound else 0.0)


def take(
    rule: Any, vector: Vector, step: Step, params: list[Any], state: Any, fresh: list[Any]
) -> tuple[list[Any], Any, Any]:
    """A step of the rule, with parameter groups where the vector has them."""
    groups = {"groups": vector.problem.groups, "group_of": vector.problem.group_of}
    options = groups if vector.problem.groups else {}
    result: tuple[list[Any], Any, Any] = rule.step(
        params, step.grads, step.loss, state, hyper=step.hyper, fresh=fresh, **options
    )
    return result


def compare(found: Any, wanted: Any, bound: float) -> None:
    if np.array_equal(found, wanted):
        return
    distance = np.linalg.norm(np.atleast_1d(found) - np.atleast_1d(wanted))
    assert distance <= bound, f"{distance} from it, {bound} allowed"


def refuse(core: ModuleType, vector: InvalidVector) -> None:
    """What is invalid must raise the error of its code."""
    try:
        rule = core.KINDS[vector.algorithm].checked_rule(vector.hyper)
        if vector.step:
            rule.step(vector.x0, vector.step.grads, vector.step.loss, rule.init(vector.x0))
    except (core.InvalidTypeError, core.InvalidValueError) as error:
        code = error.code
    else:
        raise AssertionError("accepted")
    assert code == vector.error_code


def engine_tests(core: ModuleType) -> Iterator[Test]:
    """What a step promises beyond the vectors."""
    for test in (
        stored_displacement, several_devices, shard_of_two, raising, propagating, half_precision,
        overflow_of_squares, uncapped_with_an_array_of_decay, margin_below_full_weight,
        first_gradients_without_being_told, order_of_groups, sums_of_each_computed_once,
        stages_of_unequal_length,
    ):  # fmt: skip
        yield f"engine: {test.__name__}", partial(test, core)


PARAM, GRAD = np.array([1.0, 2.0, 1 / 3]), np.array([1.0, 0.25, 0.1])


def stored_displacement(core: ModuleType) -> None:
    """The prediction belongs to the parameters as the caller stores them."""

    def coarse(_: Any, new: Any) -> Any:
        return new.astype(np.float16).astype(np.float64)

    rule = core.momo(learning_rate=0.1)
    (param,), _, info = rule.step([PARAM], [GRAD], 3.0, rule.init([PARAM]), store=coarse)
    assert np.array_equal(param, coarse(PARAM, param))
    terms = [3.0, *(GRAD * (param - PARAM))]
    assert_rounded(info.predicted_loss, sum(terms), 2 * len(terms) + 1, terms=sum(map(abs, terms)))


def several_devices(core: ModuleType) -> None:
    """Two devices with the same tensors are one device with both."""
    for rule in (core.momo(learning_rate=10.0, weight_decay=0.1), core.momo_adam(learning_rate=10.0)):
        one, two = [PARAM], [PARAM, PARAM]
        one_state, two_state = rule.init(one), rule.init(two)
        for loss in (1.0, 0.5, 0.75):
            mirrored = changed_sums(core, lambda sums: [2 * value for value in sums])
            one, one_state, _ = rule.step(one, [GRAD], loss, one_state, reduction=mirrored)
            two, two_state, _ = rule.step(two, [GRAD, GRAD], loss, two_state)
            assert np.array_equal(one[0], two[0])  # a sum and its double have the same digits


def shard_of_two(core: ModuleType) -> None:
    """A device with one of two tensors chooses as the two together."""
    rule = core.KINDS["am_sgd"].rule({"weight_decay": 0.1})
    both, part = [PARAM, -PARAM], [PARAM]
    both_state, part_state = rule.init(both), rule.init(part)
    for sign in (1.0, -0.5, 2.0):
        totals: list[Any] = []
        record = changed_sums(core, partial(recorded_sums, totals))
        both, both_state, _ = rule.step(both, [sign * GRAD, GRAD[::-1]], None, both_state, reduction=record)
        replay = changed_sums(core, partial(given_sums, iter(totals)))
        part, part_state, _ = rule.step(part, [sign * GRAD], None, part_state, reduction=replay)
        assert np.array_equal(part[0], both[0])


def changed_sums(core: ModuleType, change: Callable[[list[Any]], list[Any]]) -> Any:
    """A reduction that does something to the sums over all tensors."""

    class Changed(core.Reduction):  # type: ignore[name-defined,misc]
        def of_all(self, parts: Any, indices: Any) -> list[Any]:
            return change(super().of_all(parts, indices))

    return Changed(np)


def recorded_sums(totals: list[Any], sums: list[Any]) -> list[Any]:
    totals.append(sums)
    return sums


def given_sums(totals: Iterator[Any], sums: list[Any]) -> list[Any]:
    result: list[Any] = next(totals)
    return result


def raising(core: ModuleType) -> None:
    rule = core.momo(on_nonfinite="raise")
    try:
        rule.step([PARAM], [GRAD], np.nan, rule.init([PARAM]))
    except FloatingPointError:
        return
    raise AssertionError("nothing raised")


def propagating(core: ModuleType) -> None:
    rule = core.momo(on_nonfinite="propagate")
    (param,), _, info = rule.step([PARAM], [np.array([1.0, np.nan, 1.0])], 1.0, rule.init([PARAM]))
    assert not info.skipped
    assert np.isnan(param[1])


def half_precision(core: ModuleType) -> None:
    """The square of 300 overflows float16."""
    for rule in (core.momo(learning_rate=1.0), core.momo_adam(learning_rate=1.0)):
        param = np.array([1.0, -1.0], dtype=np.float16)
        grad = np.array([300.0, 300.0], dtype=np.float16)
        (moved,), state, info = rule.step([param], [grad], 18e4, rule.init([param]))
        assert moved.dtype == np.float16
        assert all(average.dtype == np.float32 for average in state.leaves[0].values())
        assert not info.skipped
        assert info.step_size.dtype == np.float32


def overflow_of_squares(core: ModuleType) -> None:
    rule = core.momo_adam()
    _, _, info = rule.step([PARAM], [1e200 * GRAD], 1.0, rule.init([PARAM]))
    assert info.skipped


def uncapped_with_an_array_of_decay(core: ModuleType) -> None:
    rule = core.momo(learning_rate=np.inf, weight_decay=0.0)
    decay = {"weight_decay": np.array(0.0)}
    (param,), _, info = rule.step([PARAM], [GRAD], 1.0, rule.init([PARAM]), hyper=decay)
    assert not info.skipped
    move = GRAD / (GRAD @ GRAD)
    assert_rounded(param, PARAM - move, 2 * len(GRAD) + 4, terms=abs(PARAM) + move)


def margin_below_full_weight(core: ModuleType) -> None:
    """
    The margin is a share of the gap to the first bound, all of it times the weight.

    With estimate -2, first bound -4 and weight 3/4 the second model value, -0.85, keeps
    0.867 of a gap of 2.867, which is more than a quarter.
    """
    rule = core.momo(
        learning_rate=np.inf, beta=0.5, bias_correction=True, lower_bound=-4.0, adapt_lower_bound=True,
        reset_margin=0.25,
    )  # fmt: skip
    params, grads = [np.zeros(1)], [np.ones(1)]
    params, state, info = rule.step(params, grads, 0.0, rule.init(params))
    assert info.lower_bound == -2
    _, _, info = rule.step(params, grads, 0.3, state)
    assert_rounded(info.lower_bound, (-0.85 / 0.75 - 2) / 2, 10)  # of one sign, but for the 0.3 in 0.85


def first_gradients_without_being_told(core: ModuleType) -> None:
    """A tensor is fresh in the first step, and in no other."""
    for name, kind in core.KINDS.items():
        rule = kind.checked_rule({"total_steps": 8} if "total_steps" in kind.table.hyper else {})
        alone, told = [PARAM], [PARAM]
        alone_state, told_state = rule.init(alone), rule.init(told)
        for step, sign in enumerate((1.0, -0.5, 2.0)):
            loss = 1.0 if rule.model.needs_loss else None
            fresh = [np.array(step == 0)]
            alone, alone_state, _ = rule.step(alone, [sign * GRAD], loss, alone_state)
            told, told_state, _ = rule.step(told, [sign * GRAD], loss, told_state, fresh=fresh)
            assert np.array_equal(alone[0], told[0]), name


def order_of_groups(core: ModuleType) -> None:
    """The largest learning rate is that of any group, and the cap of the step size."""
    rule = core.momo(learning_rate=1.0)
    groups = [{"learning_rate": rate, "weight_decay": 0.125} for rate in (0.0, 1.0, 0.5)]
    results = []
    for of, ordered in (((0, 1, 2), groups), ((2, 1, 0), groups[::-1])):
        params = [PARAM, -PARAM, 2 * PARAM]
        moved, _, info = rule.step(params, [GRAD] * 3, 1e3, rule.init(params), groups=ordered, group_of=of)
        assert info.step_size == 1
        results.append(moved)
    assert np.array_equal(*results)


def sums_of_each_computed_once(core: ModuleType) -> None:
    """The operation that compilers do not copy changes no sum."""
    rule = core.KINDS["am_sgd"].rule({"beta_scope": "tensor"})
    results = []
    for reduction in (core.Reduction(np), core.reduction.ComputedOnce(np)):
        params = [PARAM, -PARAM[:2], 2 * PARAM]
        state = rule.init(params)
        for sign in (1.0, -0.5):
            grads = [sign * GRAD, GRAD[:2], 3 * GRAD[::-1] / (1 + sign * sign)]
            params, state, _ = rule.step(params, grads, None, state, reduction=reduction)
        results.append(np.concatenate(params))
    assert np.array_equal(*results)


def stages_of_unequal_length(core: ModuleType) -> None:
    """Two stages in five steps: at step k, ``2 k // 5`` of them are over."""
    rule = core.KINDS["fsgdm"].checked_rule({"total_steps": 5, "stages": 2})
    params = [PARAM]
    state = rule.init(params)
    for step in range(6):
        params, state, _ = rule.step(params, [GRAD], None, state)
        assert state.scalars["stage"] == 2 * step // 5


def adapter_tests(adapter: ModuleType) -> Iterator[Test]:
    """What the PyTorch adapter promises beyond the core."""
    for test in (
        schedule, checkpoint, checkpoint_of_bfloat16, micro_batches, recorded_once, forgotten,
        order_of_losses, skipped_first_gradient, torch_groups, gradient_scaler, ranks, writes_are_counted,
    ):  # fmt: skip
        yield f"momo_torch: {test.__name__}", partial(test, adapter)


def leaf(value: Any, grad: Any = None) -> Any:
    import torch

    param = torch.nn.Parameter(torch.tensor(value))
    param.grad = torch.ones_like(param) if grad is None else torch.tensor(grad)
    return param


def schedule(adapter: ModuleType) -> None:
    param = leaf([1.0, 2.0])
    optimizer = adapter.Momo([param], lr=1.0)
    optimizer.param_groups[0]["lr"] = 0.125
    optimizer.step(loss=100.0)
    assert param.tolist() == [0.875, 1.875]


def checkpoint(adapter: ModuleType) -> None:
    """A loaded optimizer goes on as the saved one would have."""
    straight, resumed = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    first = adapter.Momo([straight], lr=0.9)
    first.step(loss=3.0)
    saved = first.state_dict()
    second = adapter.Momo([resumed], lr=0.9)
    second.step(loss=5.0)
    resumed.data.copy_(straight.data)
    second.load_state_dict(saved)
    first.step(loss=1.0)
    second.step(loss=1.0)
    assert resumed.tolist() == straight.tolist()


def checkpoint_of_bfloat16(adapter: ModuleType) -> None:
    param = leaf([1.0, 2.0])
    param.data, param.grad = param.data.bfloat16(), None
    param.grad = param.data / 3
    optimizer = adapter.MomoAdam([param])
    optimizer.step(loss=3.0)
    other = adapter.MomoAdam([param])
    other.load_state_dict(optimizer.state_dict())
    for name in ("grad_avg", "grad_sq_avg"):
        assert other.state[param][name].tolist() == optimizer.state[param][name].tolist()


def micro_batches(adapter: ModuleType) -> None:
    param = leaf([1.0, 2.0])
    optimizer = adapter.Momo([param], lr=10.0)
    optimizer.record_loss(1.0)
    optimizer.record_loss(3.0)
    optimizer.step()
    assert float(optimizer.last_info.step_size) == 2.0


def recorded_once(adapter: ModuleType) -> None:
    optimizer = adapter.Momo([leaf([1.0, 2.0])], lr=10.0)
    optimizer.record_loss(1.0)
    optimizer.step()
    must_miss_the_loss(optimizer)


def forgotten(adapter: ModuleType) -> None:
    optimizer = adapter.Momo([leaf([1.0, 2.0])], lr=10.0)
    optimizer.record_loss(1.0)
    optimizer.zero_grad(set_to_none=False)
    optimizer.param_groups[0]["params"][0].grad += 1
    must_miss_the_loss(optimizer)


def must_miss_the_loss(optimizer: Any) -> None:
    try:
        optimizer.step()
    except ValueError:
        return
    raise AssertionError("a step without a loss")


def order_of_losses(adapter: ModuleType) -> None:
    optimizer = adapter.Momo([leaf([1.0, 2.0])], lr=10.0)
    optimizer.step(lambda: 100.0, loss=4.0)
    assert float(optimizer.last_info.step_size) == 2.0


def skipped_first_gradient(adapter: ModuleType) -> None:
    """A tensor whose first gradient was skipped is still fresh."""
    early, late = leaf([1.0]), leaf([1.0])
    late.grad = None
    optimizer = adapter.Momo([early, late], lr=1.0)
    optimizer.step(loss=9.0)
    late.grad = 0 * late.data + float("nan")
    optimizer.step(loss=9.0)
    late.grad = 0 * late.data + 1
    optimizer.step(loss=9.0)
    assert optimizer.state[late]["grad_avg"].tolist() == [1.0]


def torch_groups(adapter: ModuleType) -> None:
    """The ratio of the rates is kept, and what one group knows the others know."""
    fast, slow = leaf([1.0]), leaf([1.0])
    groups = [{"params": [fast], "lr": 1.0}, {"params": [slow], "lr": 0.25}]
    optimizer = adapter.Momo(groups, beta=0.5)
    for loss in (0.625, 1.25):  # model value 0.625 twice, for a slope of 1.25 along the shares: 1/2
        before = fast.tolist()[0], slow.tolist()[0]
        optimizer.step(loss=loss)
        assert (fast.tolist()[0] - before[0], slow.tolist()[0] - before[1]) == (-0.5, -0.125)
    assert all(float(group["weight"]) == 1.0 for group in optimizer.param_groups)


def gradient_scaler(adapter: ModuleType) -> None:
    """The gradients of a scaled loss are divided by the scale before the step."""
    import torch

    param = leaf([1.0, 2.0])
    optimizer = adapter.Momo([param], lr=10.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    loss = param.sum()
    scaler.scale(loss).backward()
    param.grad -= 1  # what `leaf` put there
    scaler.step(optimizer, loss=loss.detach())
    assert float(optimizer.last_info.step_size) == 1.5  # 3 over a squared norm of 2


def ranks(adapter: ModuleType) -> None:
    """The loss is the mean over the ranks: 1 here, 3 on the other one."""
    import torch.distributed as dist
    from torch.testing._internal.distributed.fake_pg import FakeStore

    def with_the_other(tensor: Any, *_: Any, **__: Any) -> None:
        tensor += 3.0

    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    own, dist.all_reduce = dist.all_reduce, with_the_other
    try:
        optimizer = adapter.Momo([leaf([1.0, 2.0])], lr=10.0)
        optimizer.step(loss=1.0)
        assert float(optimizer.last_info.step_size) == 1.0
    finally:
        dist.all_reduce = own
        dist.destroy_process_group()


def writes_are_counted(adapter: ModuleType) -> None:
    """Autograd learns of each write, so that it refuses to differentiate through what is gone."""
    for size in (1, 2):
        params = [leaf([1.0, 2.0]) for _ in range(size)]
        before = [param._version for param in params]
        adapter.Momo(params, lr=1.0).step(loss=100.0)
        assert all(param._version > old for param, old in zip(params, before, strict=True))
