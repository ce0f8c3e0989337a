"""
The sweeps of a step that says what to add to the parameters, as custom calls of XLA.

Generated from the specification by `momo generate`; edit its template.

`foresee` adds up what `update` will change and writes nothing.  `..._task` is what each thread does.
"""

# ruff: noqa: ARG001, F841
# mypy: ignore-errors

from __future__ import annotations

from math import sqrt

from .calls import Call, Calls
from .compiled import AHEAD, BLOCK, compiled, fetch, take, view
from .jobs import arguments, entered, left
from .quotient import quotient
from .xla import handled

SOURCES = "e7a87db8f015936f"
"""Digest of the modules that are compiled with this one: Numba asks only whether this file has changed."""


def handle(frame, task):
    """Handle a call of XLA."""
    return handled(frame, task)


@compiled
def adam_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
):
    """Loop of `adam_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_avg
        sum_2 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, sum_2, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def adam_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `adam` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = adam_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
            size_param += parts[4]
            size_grad_sq_avg += parts[5]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = size_grad_avg
        sums[3, chunk] = size_direction
        sums[4, chunk] = size_param
        sums[5, chunk] = size_grad_sq_avg
        taken = take(counter)


def adam_accumulate_task(job):
    """A thread's part of a call of `adam_accumulate`."""
    if entered(job):
        adam_accumulate(*arguments(job))
    left(job)


@compiled
def adam_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    relative_rate,
    step_size,
):
    """Loop of `adam_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def adam_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `adam` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = adam_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def adam_foresee_task(job):
    """A thread's part of a call of `adam_foresee`."""
    if entered(job):
        adam_foresee(*arguments(job))
    left(job)


@compiled
def adam_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    relative_rate,
    step_size,
):
    """Loop of `adam_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def adam_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `adam` without weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = adam_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def adam_update_task(job):
    """A thread's part of a call of `adam_update`."""
    if entered(job):
        adam_update(*arguments(job))
    left(job)


@compiled
def adam_decayed_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
):
    """Loop of `adam_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_avg
        sum_2 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, sum_2, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def adam_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `adam` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 3] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = adam_decayed_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
            size_param += parts[4]
            size_grad_sq_avg += parts[5]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = size_grad_avg
        sums[3, chunk] = size_direction
        sums[4, chunk] = size_param
        sums[5, chunk] = size_grad_sq_avg
        taken = take(counter)


def adam_decayed_accumulate_task(job):
    """A thread's part of a call of `adam_decayed_accumulate`."""
    if entered(job):
        adam_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def adam_decayed_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `adam_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def adam_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `adam` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 3] != zero,
            own[tensor, 0],
            own[tensor, 2],
            own[tensor, 1],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = adam_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def adam_decayed_foresee_task(job):
    """A thread's part of a call of `adam_decayed_foresee`."""
    if entered(job):
        adam_decayed_foresee(*arguments(job))
    left(job)


@compiled
def adam_decayed_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `adam_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def adam_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `adam` with weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 3] != zero,
            own[tensor, 0],
            own[tensor, 2],
            own[tensor, 1],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = adam_decayed_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def adam_decayed_update_task(job):
    """A thread's part of a call of `adam_decayed_update`."""
    if entered(job):
        adam_decayed_update(*arguments(job))
    left(job)


@compiled
def am_adamw_measure_part(
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    lacking,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    metric_penalty,
    lambd,
):
    """Loop of `am_adamw_measure` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = sum_3 = sum_4 = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        inverse = zero if metric == zero else one / metric
        damping = lambd if metric_penalty else lambd * metric
        change = grad_avg - grad
        sum_1 += grad * grad * inverse
        sum_2 += grad * grad_avg * inverse
        sum_3 += change * change * inverse * damping / (one + damping)
        sum_4 += change * change * inverse / (one + damping)
    return sum_1, sum_2, sum_3, sum_4


@compiled
def am_adamw_measure(like, scalars, own, pointers, chunks, counter, sums, new):
    """Measure, of `am_adamw` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_max, eps, grad_sq_weight, lambd, metric_penalty, rate_ratio = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5] != zero,
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_product, fresh, relative_rate = own[tensor, 2], own[tensor, 1] != zero, own[tensor, 0]

        gap_factor = rate_ratio
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = sum_3 = sum_4 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = am_adamw_measure_part(
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                lacking,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                metric_penalty,
                lambd,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            sum_4 += parts[3]
        sums[0, chunk] = zero if fresh else relative_rate * (sum_1 + (gap_factor - one) * sum_2 - sum_3)
        sums[1, chunk] = zero if fresh else relative_rate * sum_4
        taken = take(counter)


def am_adamw_measure_task(job):
    """A thread's part of a call of `am_adamw_measure`."""
    if entered(job):
        am_adamw_measure(*arguments(job))
    left(job)


@compiled
def am_adamw_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    lacking,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    metric_penalty,
    lambd,
    own_beta,
):
    """Loop of `am_adamw_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        damping = lambd if metric_penalty else lambd * metric
        grad_avg = ((one - own_beta) * grad + (damping + own_beta) * grad_avg) / (one + damping)
        direction = zero if metric == zero else grad_avg / metric
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def am_adamw_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `am_adamw` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_max, eps, grad_sq_weight, lambd, metric_penalty = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5] != zero,
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_product, beta_t, fresh, relative_rate = (
            own[tensor, 2],
            own[tensor, 3],
            own[tensor, 1] != zero,
            own[tensor, 0],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        own_beta = beta_max if fresh else beta_t
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = am_adamw_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                lacking,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                metric_penalty,
                lambd,
                own_beta,
            )
            sum_1 += parts[0]
            size_grad_avg += parts[1]
            size_direction += parts[2]
            size_param += parts[3]
            size_grad_sq_avg += parts[4]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = size_grad_avg
        sums[2, chunk] = size_direction
        sums[3, chunk] = size_param
        sums[4, chunk] = size_grad_sq_avg
        taken = take(counter)


def am_adamw_accumulate_task(job):
    """A thread's part of a call of `am_adamw_accumulate`."""
    if entered(job):
        am_adamw_accumulate(*arguments(job))
    left(job)


@compiled
def am_adamw_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    lacking,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    metric_penalty,
    lambd,
    own_beta,
    relative_rate,
    step_size,
):
    """Loop of `am_adamw_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        damping = lambd if metric_penalty else lambd * metric
        grad_avg = ((one - own_beta) * grad + (damping + own_beta) * grad_avg) / (one + damping)
        direction = zero if metric == zero else grad_avg / metric
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def am_adamw_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `am_adamw` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_max, eps, grad_sq_weight, lambd, metric_penalty, step_size = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5] != zero,
        scalars[7],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_product, beta_t, fresh, relative_rate = (
            own[tensor, 2],
            own[tensor, 3],
            own[tensor, 1] != zero,
            own[tensor, 0],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        own_beta = beta_max if fresh else beta_t
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = am_adamw_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                lacking,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                metric_penalty,
                lambd,
                own_beta,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def am_adamw_foresee_task(job):
    """A thread's part of a call of `am_adamw_foresee`."""
    if entered(job):
        am_adamw_foresee(*arguments(job))
    left(job)


@compiled
def am_adamw_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_sq_share,
    new_sq_share,
    lacking,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    metric_penalty,
    lambd,
    own_beta,
    relative_rate,
    step_size,
):
    """Loop of `am_adamw_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        damping = lambd if metric_penalty else lambd * metric
        grad_avg = ((one - own_beta) * grad + (damping + own_beta) * grad_avg) / (one + damping)
        direction = zero if metric == zero else grad_avg / metric
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def am_adamw_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `am_adamw` without weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_max, eps, grad_sq_weight, lambd, metric_penalty, step_size = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5] != zero,
        scalars[7],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        beta_product, beta_t, fresh, relative_rate = (
            own[tensor, 2],
            own[tensor, 3],
            own[tensor, 1] != zero,
            own[tensor, 0],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        own_beta = beta_max if fresh else beta_t
        new_beta_product = beta_product * own_beta
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = am_adamw_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_sq_share,
                new_sq_share,
                lacking,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                metric_penalty,
                lambd,
                own_beta,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        if start == 0:
            new[0, tensor] = new_beta_product
        taken = take(counter)


def am_adamw_update_task(job):
    """A thread's part of a call of `am_adamw_update`."""
    if entered(job):
        am_adamw_update(*arguments(job))
    left(job)


@compiled
def am_adamw_decayed_measure_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    lacking,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    metric_penalty,
    lambd,
):
    """Loop of `am_adamw_decayed_measure` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = sum_4 = sum_5 = sum_6 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        inverse = zero if metric == zero else one / metric
        damping = lambd if metric_penalty else lambd * metric
        change = grad_avg - grad
        sum_1 += grad * grad * inverse
        sum_2 += grad * grad_avg * inverse
        sum_3 += grad * param
        sum_4 += grad_avg * param
        sum_5 += change * change * inverse * damping / (one + damping)
        sum_6 += change * change * inverse / (one + damping)
    return sum_1, sum_2, sum_3, sum_4, sum_5, sum_6


@compiled
def am_adamw_decayed_measure(like, scalars, own, pointers, chunks, counter, sums, new):
    """Measure, of `am_adamw` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_max, eps, grad_sq_weight, lambd, metric_penalty, rate_ratio = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5] != zero,
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_product, decay, fresh, relative_rate, weight_decay = (
            own[tensor, 6],
            own[tensor, 2],
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 1],
        )

        gap_factor = (one + decay) * rate_ratio
        penalty = zero if weight_decay == zero else weight_decay
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = sum_3 = sum_4 = sum_5 = sum_6 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = am_adamw_decayed_measure_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                lacking,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                metric_penalty,
                lambd,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            sum_4 += parts[3]
            sum_5 += parts[4]
            sum_6 += parts[5]
        sums[0, chunk] = (
            zero
            if fresh
            else relative_rate
            * (sum_1 + (gap_factor - one) * sum_2 + penalty * ((gap_factor + one) * sum_3 - sum_4) - sum_5)
        )
        sums[1, chunk] = zero if fresh else relative_rate * sum_6
        taken = take(counter)


def am_adamw_decayed_measure_task(job):
    """A thread's part of a call of `am_adamw_decayed_measure`."""
    if entered(job):
        am_adamw_decayed_measure(*arguments(job))
    left(job)


@compiled
def am_adamw_decayed_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    lacking,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    metric_penalty,
    lambd,
    own_beta,
):
    """Loop of `am_adamw_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        damping = lambd if metric_penalty else lambd * metric
        grad_avg = ((one - own_beta) * grad + (damping + own_beta) * grad_avg) / (one + damping)
        direction = zero if metric == zero else grad_avg / metric
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def am_adamw_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `am_adamw` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_max, eps, grad_sq_weight, lambd, metric_penalty = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5] != zero,
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_product, beta_t, fresh, relative_rate = (
            own[tensor, 6],
            own[tensor, 7],
            own[tensor, 5] != zero,
            own[tensor, 0],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        own_beta = beta_max if fresh else beta_t
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = am_adamw_decayed_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                lacking,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                metric_penalty,
                lambd,
                own_beta,
            )
            sum_1 += parts[0]
            size_grad_avg += parts[1]
            size_direction += parts[2]
            size_param += parts[3]
            size_grad_sq_avg += parts[4]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = size_grad_avg
        sums[2, chunk] = size_direction
        sums[3, chunk] = size_param
        sums[4, chunk] = size_grad_sq_avg
        taken = take(counter)


def am_adamw_decayed_accumulate_task(job):
    """A thread's part of a call of `am_adamw_decayed_accumulate`."""
    if entered(job):
        am_adamw_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def am_adamw_decayed_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    lacking,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    metric_penalty,
    lambd,
    own_beta,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `am_adamw_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        damping = lambd if metric_penalty else lambd * metric
        grad_avg = ((one - own_beta) * grad + (damping + own_beta) * grad_avg) / (one + damping)
        direction = zero if metric == zero else grad_avg / metric
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def am_adamw_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `am_adamw` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_max, eps, grad_sq_weight, lambd, metric_penalty, step_size = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5] != zero,
        scalars[7],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_product, beta_t, fresh, relative_rate, shrink, step_scale = (
            own[tensor, 6],
            own[tensor, 7],
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 4],
            own[tensor, 3],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        own_beta = beta_max if fresh else beta_t
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = am_adamw_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                lacking,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                metric_penalty,
                lambd,
                own_beta,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def am_adamw_decayed_foresee_task(job):
    """A thread's part of a call of `am_adamw_decayed_foresee`."""
    if entered(job):
        am_adamw_decayed_foresee(*arguments(job))
    left(job)


@compiled
def am_adamw_decayed_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_sq_share,
    new_sq_share,
    lacking,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    metric_penalty,
    lambd,
    own_beta,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `am_adamw_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        damping = lambd if metric_penalty else lambd * metric
        grad_avg = ((one - own_beta) * grad + (damping + own_beta) * grad_avg) / (one + damping)
        direction = zero if metric == zero else grad_avg / metric
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def am_adamw_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `am_adamw` with weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_max, eps, grad_sq_weight, lambd, metric_penalty, step_size = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5] != zero,
        scalars[7],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        beta_product, beta_t, fresh, relative_rate, shrink, step_scale = (
            own[tensor, 6],
            own[tensor, 7],
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 4],
            own[tensor, 3],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        own_beta = beta_max if fresh else beta_t
        new_beta_product = beta_product * own_beta
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = am_adamw_decayed_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_sq_share,
                new_sq_share,
                lacking,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                metric_penalty,
                lambd,
                own_beta,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        if start == 0:
            new[0, tensor] = new_beta_product
        taken = take(counter)


def am_adamw_decayed_update_task(job):
    """A thread's part of a call of `am_adamw_decayed_update`."""
    if entered(job):
        am_adamw_decayed_update(*arguments(job))
    left(job)


@compiled
def am_sgd_measure_part(grads, grad_avgs, fresh):
    """Loop of `am_sgd_measure` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = sum_3 = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        past = grad if fresh else grad_avg
        change = past - grad
        sum_1 += grad * grad
        sum_2 += grad * past
        sum_3 += change * change
    return sum_1, sum_2, sum_3


@compiled
def am_sgd_measure(like, scalars, own, pointers, chunks, counter, sums, new):
    """Measure, of `am_sgd` without weight decay: 2 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    lambd, rate_ratio = scalars[0], scalars[1]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        gap_factor = rate_ratio
        sum_1 = sum_2 = sum_3 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_measure_part(grads, grad_avgs, fresh)
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
        sums[0, chunk] = (
            zero
            if fresh
            else relative_rate * (sum_1 + (gap_factor - one) * sum_2 - lambd / (one + lambd) * sum_3)
        )
        sums[1, chunk] = zero if fresh else relative_rate / (one + lambd) * sum_3
        taken = take(counter)


def am_sgd_measure_task(job):
    """A thread's part of a call of `am_sgd_measure`."""
    if entered(job):
        am_sgd_measure(*arguments(job))
    left(job)


@compiled
def am_sgd_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share):
    """Loop of `am_sgd_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_grad_avg = size_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_param += abs(param)
    return sum_1, size_grad_avg, size_param


@compiled
def am_sgd_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `am_sgd` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        sum_1 = size_grad_avg = size_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share)
            sum_1 += parts[0]
            size_grad_avg += parts[1]
            size_param += parts[2]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = size_grad_avg
        sums[2, chunk] = size_param
        taken = take(counter)


def am_sgd_accumulate_task(job):
    """A thread's part of a call of `am_sgd_accumulate`."""
    if entered(job):
        am_sgd_accumulate(*arguments(job))
    left(job)


@compiled
def am_sgd_foresee_part(params, grads, grad_avgs, fresh, beta_k, sample_share, relative_rate, step_size):
    """Loop of `am_sgd_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def am_sgd_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `am_sgd` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    step_size = scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_foresee_part(
                params, grads, grad_avgs, fresh, beta_k, sample_share, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def am_sgd_foresee_task(job):
    """A thread's part of a call of `am_sgd_foresee`."""
    if entered(job):
        am_sgd_foresee(*arguments(job))
    left(job)


@compiled
def am_sgd_update_part(
    params, grads, grad_avgs, updates, fresh, beta_k, sample_share, relative_rate, step_size
):
    """Loop of `am_sgd_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        update = updates[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def am_sgd_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `am_sgd` without weight decay: 6 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    step_size = scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            updates = view(pointers[tensor, 3], first, size, like)
            parts = am_sgd_update_part(
                params, grads, grad_avgs, updates, fresh, beta_k, sample_share, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def am_sgd_update_task(job):
    """A thread's part of a call of `am_sgd_update`."""
    if entered(job):
        am_sgd_update(*arguments(job))
    left(job)


@compiled
def am_sgd_decayed_measure_part(params, grads, grad_avgs, fresh):
    """Loop of `am_sgd_decayed_measure` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = sum_4 = sum_5 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        past = grad if fresh else grad_avg
        change = past - grad
        sum_1 += grad * grad
        sum_2 += grad * past
        sum_3 += grad * param
        sum_4 += past * param
        sum_5 += change * change
    return sum_1, sum_2, sum_3, sum_4, sum_5


@compiled
def am_sgd_decayed_measure(like, scalars, own, pointers, chunks, counter, sums, new):
    """Measure, of `am_sgd` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    lambd, rate_ratio = scalars[0], scalars[1]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        decay, fresh, relative_rate, weight_decay = (
            own[tensor, 2],
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 1],
        )

        gap_factor = (one + decay) * rate_ratio
        penalty = zero if weight_decay == zero else weight_decay
        sum_1 = sum_2 = sum_3 = sum_4 = sum_5 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_decayed_measure_part(params, grads, grad_avgs, fresh)
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            sum_4 += parts[3]
            sum_5 += parts[4]
        sums[0, chunk] = (
            zero
            if fresh
            else relative_rate
            * (
                sum_1
                + (gap_factor - one) * sum_2
                + penalty * ((gap_factor + one) * sum_3 - sum_4)
                - lambd / (one + lambd) * sum_5
            )
        )
        sums[1, chunk] = zero if fresh else relative_rate / (one + lambd) * sum_5
        taken = take(counter)


def am_sgd_decayed_measure_task(job):
    """A thread's part of a call of `am_sgd_decayed_measure`."""
    if entered(job):
        am_sgd_decayed_measure(*arguments(job))
    left(job)


@compiled
def am_sgd_decayed_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share):
    """Loop of `am_sgd_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_grad_avg = size_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_param += abs(param)
    return sum_1, size_grad_avg, size_param


@compiled
def am_sgd_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `am_sgd` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 6],
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 7],
        )

        sum_1 = size_grad_avg = size_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_decayed_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share)
            sum_1 += parts[0]
            size_grad_avg += parts[1]
            size_param += parts[2]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = size_grad_avg
        sums[2, chunk] = size_param
        taken = take(counter)


def am_sgd_decayed_accumulate_task(job):
    """A thread's part of a call of `am_sgd_decayed_accumulate`."""
    if entered(job):
        am_sgd_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def am_sgd_decayed_foresee_part(
    params, grads, grad_avgs, fresh, beta_k, sample_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `am_sgd_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def am_sgd_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `am_sgd` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    step_size = scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share, shrink, step_scale = (
            own[tensor, 6],
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 7],
            own[tensor, 4],
            own[tensor, 3],
        )

        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                fresh,
                beta_k,
                sample_share,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def am_sgd_decayed_foresee_task(job):
    """A thread's part of a call of `am_sgd_decayed_foresee`."""
    if entered(job):
        am_sgd_decayed_foresee(*arguments(job))
    left(job)


@compiled
def am_sgd_decayed_update_part(
    params,
    grads,
    grad_avgs,
    updates,
    fresh,
    beta_k,
    sample_share,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `am_sgd_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        update = updates[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def am_sgd_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `am_sgd` with weight decay: 6 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    step_size = scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share, shrink, step_scale = (
            own[tensor, 6],
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 7],
            own[tensor, 4],
            own[tensor, 3],
        )

        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            updates = view(pointers[tensor, 3], first, size, like)
            parts = am_sgd_decayed_update_part(
                params,
                grads,
                grad_avgs,
                updates,
                fresh,
                beta_k,
                sample_share,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def am_sgd_decayed_update_task(job):
    """A thread's part of a call of `am_sgd_decayed_update`."""
    if entered(job):
        am_sgd_decayed_update(*arguments(job))
    left(job)


@compiled
def momo_adagrad_accumulate_part(params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps):
    """Loop of `momo_adagrad_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_sum = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_sum = grad_sq_sums[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_sum = grad_sq_sum + grad * grad
        denominator = sqrt(grad_sq_sum) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_sum
        sum_2 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_sum += abs(grad_sq_sum)
    return sum_1, sum_2, size_grad_avg, size_direction, size_param, size_grad_sq_sum


@compiled
def momo_adagrad_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adagrad` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, weight = scalars[0], scalars[1], scalars[2], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_sum = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_sums = view(pointers[tensor, 3], first, size, like)
            parts = momo_adagrad_accumulate_part(
                params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
            size_param += parts[4]
            size_grad_sq_sum += parts[5]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        sums[5, chunk] = size_param
        sums[6, chunk] = size_grad_sq_sum
        taken = take(counter)


def momo_adagrad_accumulate_task(job):
    """A thread's part of a call of `momo_adagrad_accumulate`."""
    if entered(job):
        momo_adagrad_accumulate(*arguments(job))
    left(job)


@compiled
def momo_adagrad_foresee_part(
    params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps, relative_rate, step_size
):
    """Loop of `momo_adagrad_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_sum = grad_sq_sums[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_sum = grad_sq_sum + grad * grad
        denominator = sqrt(grad_sq_sum) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adagrad_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_adagrad` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_sums = view(pointers[tensor, 3], first, size, like)
            parts = momo_adagrad_foresee_part(
                params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adagrad_foresee_task(job):
    """A thread's part of a call of `momo_adagrad_foresee`."""
    if entered(job):
        momo_adagrad_foresee(*arguments(job))
    left(job)


@compiled
def momo_adagrad_update_part(
    params, grads, grad_avgs, grad_sq_sums, updates, old_share, new_share, eps, relative_rate, step_size
):
    """Loop of `momo_adagrad_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_sum = grad_sq_sums[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_sum = grad_sq_sum + grad * grad
        denominator = sqrt(grad_sq_sum) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_sums[i] = grad_sq_sum
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adagrad_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_adagrad` without weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_sums = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = momo_adagrad_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_sums,
                updates,
                old_share,
                new_share,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adagrad_update_task(job):
    """A thread's part of a call of `momo_adagrad_update`."""
    if entered(job):
        momo_adagrad_update(*arguments(job))
    left(job)


@compiled
def momo_adagrad_decayed_accumulate_part(params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps):
    """Loop of `momo_adagrad_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_sum = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_sum = grad_sq_sums[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_sum = grad_sq_sum + grad * grad
        denominator = sqrt(grad_sq_sum) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_sum
        sum_2 += grad_avg * direction
        sum_3 += grad_avg * param
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_sum += abs(grad_sq_sum)
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction, size_param, size_grad_sq_sum


@compiled
def momo_adagrad_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adagrad` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, weight = scalars[0], scalars[1], scalars[2], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        decay, fresh, model_scale, relative_rate = (
            own[tensor, 1],
            own[tensor, 5] != zero,
            own[tensor, 4],
            own[tensor, 0],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_sum = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_sums = view(pointers[tensor, 3], first, size, like)
            parts = momo_adagrad_decayed_accumulate_part(
                params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            size_grad_avg += parts[3]
            size_direction += parts[4]
            size_param += parts[5]
            size_grad_sq_sum += parts[6]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        sums[6, chunk] = size_param
        sums[7, chunk] = size_grad_sq_sum
        taken = take(counter)


def momo_adagrad_decayed_accumulate_task(job):
    """A thread's part of a call of `momo_adagrad_decayed_accumulate`."""
    if entered(job):
        momo_adagrad_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def momo_adagrad_decayed_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_sums,
    old_share,
    new_share,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_adagrad_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_sum = grad_sq_sums[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_sum = grad_sq_sum + grad * grad
        denominator = sqrt(grad_sq_sum) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adagrad_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_adagrad` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_sums = view(pointers[tensor, 3], first, size, like)
            parts = momo_adagrad_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_sums,
                old_share,
                new_share,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adagrad_decayed_foresee_task(job):
    """A thread's part of a call of `momo_adagrad_decayed_foresee`."""
    if entered(job):
        momo_adagrad_decayed_foresee(*arguments(job))
    left(job)


@compiled
def momo_adagrad_decayed_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_sums,
    updates,
    old_share,
    new_share,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_adagrad_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_sum = grad_sq_sums[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_sum = grad_sq_sum + grad * grad
        denominator = sqrt(grad_sq_sum) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_sums[i] = grad_sq_sum
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adagrad_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_adagrad` with weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_sums = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = momo_adagrad_decayed_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_sums,
                updates,
                old_share,
                new_share,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adagrad_decayed_update_task(job):
    """A thread's part of a call of `momo_adagrad_decayed_update`."""
    if entered(job):
        momo_adagrad_decayed_update(*arguments(job))
    left(job)


@compiled
def momo_adam_tied_accumulate_part(
    params, grads, grad_avgs, grad_sq_avgs, old_share, new_share, weight, inverse_weight, eps
):
    """Loop of `momo_adam_tied_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_share * grad_sq_avg + new_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, weight, inverse_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_avg
        sum_2 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, sum_2, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def momo_adam_tied_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adam_tied` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, weight = scalars[0], scalars[1], scalars[2], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        inverse_weight = one / weight
        sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_tied_accumulate_part(
                params, grads, grad_avgs, grad_sq_avgs, old_share, new_share, weight, inverse_weight, eps
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
            size_param += parts[4]
            size_grad_sq_avg += parts[5]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        sums[5, chunk] = size_param
        sums[6, chunk] = size_grad_sq_avg
        taken = take(counter)


def momo_adam_tied_accumulate_task(job):
    """A thread's part of a call of `momo_adam_tied_accumulate`."""
    if entered(job):
        momo_adam_tied_accumulate(*arguments(job))
    left(job)


@compiled
def momo_adam_tied_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    weight,
    inverse_weight,
    eps,
    relative_rate,
    step_size,
):
    """Loop of `momo_adam_tied_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_share * grad_sq_avg + new_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, weight, inverse_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adam_tied_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_adam_tied` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        inverse_weight = one / weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_tied_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                weight,
                inverse_weight,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adam_tied_foresee_task(job):
    """A thread's part of a call of `momo_adam_tied_foresee`."""
    if entered(job):
        momo_adam_tied_foresee(*arguments(job))
    left(job)


@compiled
def momo_adam_tied_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_share,
    new_share,
    weight,
    inverse_weight,
    eps,
    relative_rate,
    step_size,
):
    """Loop of `momo_adam_tied_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_share * grad_sq_avg + new_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, weight, inverse_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adam_tied_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_adam_tied` without weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        inverse_weight = one / weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = momo_adam_tied_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_share,
                new_share,
                weight,
                inverse_weight,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adam_tied_update_task(job):
    """A thread's part of a call of `momo_adam_tied_update`."""
    if entered(job):
        momo_adam_tied_update(*arguments(job))
    left(job)


@compiled
def momo_adam_tied_decayed_accumulate_part(
    params, grads, grad_avgs, grad_sq_avgs, old_share, new_share, weight, inverse_weight, eps
):
    """Loop of `momo_adam_tied_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_share * grad_sq_avg + new_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, weight, inverse_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_avg
        sum_2 += grad_avg * direction
        sum_3 += grad_avg * param
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def momo_adam_tied_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adam_tied` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, weight = scalars[0], scalars[1], scalars[2], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        decay, fresh, model_scale, relative_rate = (
            own[tensor, 1],
            own[tensor, 5] != zero,
            own[tensor, 4],
            own[tensor, 0],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        inverse_weight = one / weight
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_tied_decayed_accumulate_part(
                params, grads, grad_avgs, grad_sq_avgs, old_share, new_share, weight, inverse_weight, eps
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            size_grad_avg += parts[3]
            size_direction += parts[4]
            size_param += parts[5]
            size_grad_sq_avg += parts[6]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        sums[6, chunk] = size_param
        sums[7, chunk] = size_grad_sq_avg
        taken = take(counter)


def momo_adam_tied_decayed_accumulate_task(job):
    """A thread's part of a call of `momo_adam_tied_decayed_accumulate`."""
    if entered(job):
        momo_adam_tied_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def momo_adam_tied_decayed_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    weight,
    inverse_weight,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_adam_tied_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_share * grad_sq_avg + new_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, weight, inverse_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adam_tied_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_adam_tied` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        inverse_weight = one / weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_tied_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                weight,
                inverse_weight,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adam_tied_decayed_foresee_task(job):
    """A thread's part of a call of `momo_adam_tied_decayed_foresee`."""
    if entered(job):
        momo_adam_tied_decayed_foresee(*arguments(job))
    left(job)


@compiled
def momo_adam_tied_decayed_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_share,
    new_share,
    weight,
    inverse_weight,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_adam_tied_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_share * grad_sq_avg + new_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, weight, inverse_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adam_tied_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_adam_tied` with weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        inverse_weight = one / weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = momo_adam_tied_decayed_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_share,
                new_share,
                weight,
                inverse_weight,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adam_tied_decayed_update_task(job):
    """A thread's part of a call of `momo_adam_tied_decayed_update`."""
    if entered(job):
        momo_adam_tied_decayed_update(*arguments(job))
    left(job)


@compiled
def momo_am_measure_part(grads, grad_avgs, fresh):
    """Loop of `momo_am_measure` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = sum_3 = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        past = grad if fresh else grad_avg
        change = past - grad
        sum_1 += grad * grad
        sum_2 += grad * past
        sum_3 += change * change
    return sum_1, sum_2, sum_3


@compiled
def momo_am_measure(like, scalars, own, pointers, chunks, counter, sums, new):
    """Measure, of `momo_am` without weight decay: 2 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    lambd, rate_ratio = scalars[0], scalars[1]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        gap_factor = rate_ratio
        sum_1 = sum_2 = sum_3 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_measure_part(grads, grad_avgs, fresh)
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
        sums[0, chunk] = (
            zero
            if fresh
            else relative_rate * (sum_1 + (gap_factor - one) * sum_2 - lambd / (one + lambd) * sum_3)
        )
        sums[1, chunk] = zero if fresh else relative_rate / (one + lambd) * sum_3
        taken = take(counter)


def momo_am_measure_task(job):
    """A thread's part of a call of `momo_am_measure`."""
    if entered(job):
        momo_am_measure(*arguments(job))
    left(job)


@compiled
def momo_am_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share):
    """Loop of `momo_am_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_grad_avg = size_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_param += abs(param)
    return sum_1, size_grad_avg, size_param


@compiled
def momo_am_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_am` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        sum_1 = size_grad_avg = size_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share)
            sum_1 += parts[0]
            size_grad_avg += parts[1]
            size_param += parts[2]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = relative_rate * sum_1
        sums[2, chunk] = size_grad_avg
        sums[3, chunk] = size_param
        taken = take(counter)


def momo_am_accumulate_task(job):
    """A thread's part of a call of `momo_am_accumulate`."""
    if entered(job):
        momo_am_accumulate(*arguments(job))
    left(job)


@compiled
def momo_am_foresee_part(params, grads, grad_avgs, fresh, beta_k, sample_share, relative_rate, step_size):
    """Loop of `momo_am_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_am_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_am` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    step_size = scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_foresee_part(
                params, grads, grad_avgs, fresh, beta_k, sample_share, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_am_foresee_task(job):
    """A thread's part of a call of `momo_am_foresee`."""
    if entered(job):
        momo_am_foresee(*arguments(job))
    left(job)


@compiled
def momo_am_update_part(
    params, grads, grad_avgs, updates, fresh, beta_k, sample_share, relative_rate, step_size
):
    """Loop of `momo_am_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        update = updates[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_am_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_am` without weight decay: 6 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    step_size = scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            updates = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_update_part(
                params, grads, grad_avgs, updates, fresh, beta_k, sample_share, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_am_update_task(job):
    """A thread's part of a call of `momo_am_update`."""
    if entered(job):
        momo_am_update(*arguments(job))
    left(job)


@compiled
def momo_am_decayed_measure_part(params, grads, grad_avgs, fresh):
    """Loop of `momo_am_decayed_measure` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = sum_4 = sum_5 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        past = grad if fresh else grad_avg
        change = past - grad
        sum_1 += grad * grad
        sum_2 += grad * past
        sum_3 += grad * param
        sum_4 += past * param
        sum_5 += change * change
    return sum_1, sum_2, sum_3, sum_4, sum_5


@compiled
def momo_am_decayed_measure(like, scalars, own, pointers, chunks, counter, sums, new):
    """Measure, of `momo_am` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    lambd, rate_ratio = scalars[0], scalars[1]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        decay, fresh, relative_rate, weight_decay = (
            own[tensor, 2],
            own[tensor, 6] != zero,
            own[tensor, 0],
            own[tensor, 1],
        )

        gap_factor = (one + decay) * rate_ratio
        penalty = zero if weight_decay == zero else weight_decay
        sum_1 = sum_2 = sum_3 = sum_4 = sum_5 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_decayed_measure_part(params, grads, grad_avgs, fresh)
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            sum_4 += parts[3]
            sum_5 += parts[4]
        sums[0, chunk] = (
            zero
            if fresh
            else relative_rate
            * (
                sum_1
                + (gap_factor - one) * sum_2
                + penalty * ((gap_factor + one) * sum_3 - sum_4)
                - lambd / (one + lambd) * sum_5
            )
        )
        sums[1, chunk] = zero if fresh else relative_rate / (one + lambd) * sum_5
        taken = take(counter)


def momo_am_decayed_measure_task(job):
    """A thread's part of a call of `momo_am_decayed_measure`."""
    if entered(job):
        momo_am_decayed_measure(*arguments(job))
    left(job)


@compiled
def momo_am_decayed_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share):
    """Loop of `momo_am_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        sum_2 += grad_avg * param
        size_grad_avg += abs(grad_avg)
        size_param += abs(param)
    return sum_1, sum_2, size_grad_avg, size_param


@compiled
def momo_am_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_am` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, decay, fresh, model_scale, relative_rate, sample_share = (
            own[tensor, 7],
            own[tensor, 2],
            own[tensor, 6] != zero,
            own[tensor, 5],
            own[tensor, 0],
            own[tensor, 8],
        )

        sum_1 = sum_2 = size_grad_avg = size_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_decayed_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share)
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_param += parts[3]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = model_scale * relative_rate * sum_1
        sums[2, chunk] = decay * model_scale * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_param
        taken = take(counter)


def momo_am_decayed_accumulate_task(job):
    """A thread's part of a call of `momo_am_decayed_accumulate`."""
    if entered(job):
        momo_am_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def momo_am_decayed_foresee_part(
    params, grads, grad_avgs, fresh, beta_k, sample_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `momo_am_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_am_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_am` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    step_size = scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share, shrink, step_scale = (
            own[tensor, 7],
            own[tensor, 6] != zero,
            own[tensor, 0],
            own[tensor, 8],
            own[tensor, 4],
            own[tensor, 3],
        )

        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                fresh,
                beta_k,
                sample_share,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_am_decayed_foresee_task(job):
    """A thread's part of a call of `momo_am_decayed_foresee`."""
    if entered(job):
        momo_am_decayed_foresee(*arguments(job))
    left(job)


@compiled
def momo_am_decayed_update_part(
    params,
    grads,
    grad_avgs,
    updates,
    fresh,
    beta_k,
    sample_share,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_am_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        update = updates[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_am_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_am` with weight decay: 6 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    step_size = scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share, shrink, step_scale = (
            own[tensor, 7],
            own[tensor, 6] != zero,
            own[tensor, 0],
            own[tensor, 8],
            own[tensor, 4],
            own[tensor, 3],
        )

        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            updates = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_decayed_update_part(
                params,
                grads,
                grad_avgs,
                updates,
                fresh,
                beta_k,
                sample_share,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_am_decayed_update_task(job):
    """A thread's part of a call of `momo_am_decayed_update`."""
    if entered(job):
        momo_am_decayed_update(*arguments(job))
    left(job)


@compiled
def momo_am_adam_measure_part(
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    fresh,
):
    """Loop of `momo_am_adam_measure` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = sum_3 = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        inverse = zero if metric == zero else one / metric
        past = grad if fresh else grad_avg
        change = past - grad
        sum_1 += grad * grad * inverse
        sum_2 += grad * past * inverse
        sum_3 += change * change * inverse
    return sum_1, sum_2, sum_3


@compiled
def momo_am_adam_measure(like, scalars, own, pointers, chunks, counter, sums, new):
    """Measure, of `momo_am_adam` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, eps, grad_sq_weight, lambd, rate_ratio = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        gap_factor = rate_ratio
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = sum_3 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_adam_measure_part(
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                fresh,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
        sums[0, chunk] = (
            zero
            if fresh
            else relative_rate * (sum_1 + (gap_factor - one) * sum_2 - lambd / (one + lambd) * sum_3)
        )
        sums[1, chunk] = zero if fresh else relative_rate / (one + lambd) * sum_3
        taken = take(counter)


def momo_am_adam_measure_task(job):
    """A thread's part of a call of `momo_am_adam_measure`."""
    if entered(job):
        momo_am_adam_measure(*arguments(job))
    left(job)


@compiled
def momo_am_adam_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    fresh,
    beta_k,
    sample_share,
):
    """Loop of `momo_am_adam_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = zero if metric == zero else grad_avg / metric
        sum_1 += grad_sq_avg
        sum_2 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, sum_2, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def momo_am_adam_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_am_adam` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, eps, grad_sq_weight = scalars[0], scalars[1], scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_adam_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                fresh,
                beta_k,
                sample_share,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
            size_param += parts[4]
            size_grad_sq_avg += parts[5]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        sums[5, chunk] = size_param
        sums[6, chunk] = size_grad_sq_avg
        taken = take(counter)


def momo_am_adam_accumulate_task(job):
    """A thread's part of a call of `momo_am_adam_accumulate`."""
    if entered(job):
        momo_am_adam_accumulate(*arguments(job))
    left(job)


@compiled
def momo_am_adam_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    fresh,
    beta_k,
    sample_share,
    relative_rate,
    step_size,
):
    """Loop of `momo_am_adam_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = zero if metric == zero else grad_avg / metric
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_am_adam_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_am_adam` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, eps, grad_sq_weight, step_size = scalars[0], scalars[1], scalars[2], scalars[5]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_adam_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                fresh,
                beta_k,
                sample_share,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_am_adam_foresee_task(job):
    """A thread's part of a call of `momo_am_adam_foresee`."""
    if entered(job):
        momo_am_adam_foresee(*arguments(job))
    left(job)


@compiled
def momo_am_adam_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    fresh,
    beta_k,
    sample_share,
    relative_rate,
    step_size,
):
    """Loop of `momo_am_adam_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = zero if metric == zero else grad_avg / metric
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_am_adam_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_am_adam` without weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, eps, grad_sq_weight, step_size = scalars[0], scalars[1], scalars[2], scalars[5]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share = (
            own[tensor, 2],
            own[tensor, 1] != zero,
            own[tensor, 0],
            own[tensor, 3],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = momo_am_adam_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                fresh,
                beta_k,
                sample_share,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_am_adam_update_task(job):
    """A thread's part of a call of `momo_am_adam_update`."""
    if entered(job):
        momo_am_adam_update(*arguments(job))
    left(job)


@compiled
def momo_am_adam_decayed_measure_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    fresh,
):
    """Loop of `momo_am_adam_decayed_measure` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = sum_4 = sum_5 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        inverse = zero if metric == zero else one / metric
        past = grad if fresh else grad_avg
        change = past - grad
        sum_1 += grad * grad * inverse
        sum_2 += grad * past * inverse
        sum_3 += grad * param
        sum_4 += past * param
        sum_5 += change * change * inverse
    return sum_1, sum_2, sum_3, sum_4, sum_5


@compiled
def momo_am_adam_decayed_measure(like, scalars, own, pointers, chunks, counter, sums, new):
    """Measure, of `momo_am_adam` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, eps, grad_sq_weight, lambd, rate_ratio = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        decay, fresh, relative_rate, weight_decay = (
            own[tensor, 2],
            own[tensor, 6] != zero,
            own[tensor, 0],
            own[tensor, 1],
        )

        gap_factor = (one + decay) * rate_ratio
        penalty = zero if weight_decay == zero else weight_decay
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = sum_3 = sum_4 = sum_5 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_adam_decayed_measure_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                fresh,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            sum_4 += parts[3]
            sum_5 += parts[4]
        sums[0, chunk] = (
            zero
            if fresh
            else relative_rate
            * (
                sum_1
                + (gap_factor - one) * sum_2
                + penalty * ((gap_factor + one) * sum_3 - sum_4)
                - lambd / (one + lambd) * sum_5
            )
        )
        sums[1, chunk] = zero if fresh else relative_rate / (one + lambd) * sum_5
        taken = take(counter)


def momo_am_adam_decayed_measure_task(job):
    """A thread's part of a call of `momo_am_adam_decayed_measure`."""
    if entered(job):
        momo_am_adam_decayed_measure(*arguments(job))
    left(job)


@compiled
def momo_am_adam_decayed_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    fresh,
    beta_k,
    sample_share,
):
    """Loop of `momo_am_adam_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = zero if metric == zero else grad_avg / metric
        sum_1 += grad_sq_avg
        sum_2 += grad_avg * direction
        sum_3 += grad_avg * param
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def momo_am_adam_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_am_adam` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, eps, grad_sq_weight = scalars[0], scalars[1], scalars[2]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, decay, fresh, model_scale, relative_rate, sample_share = (
            own[tensor, 7],
            own[tensor, 2],
            own[tensor, 6] != zero,
            own[tensor, 5],
            own[tensor, 0],
            own[tensor, 8],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_adam_decayed_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                fresh,
                beta_k,
                sample_share,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            size_grad_avg += parts[3]
            size_direction += parts[4]
            size_param += parts[5]
            size_grad_sq_avg += parts[6]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        sums[6, chunk] = size_param
        sums[7, chunk] = size_grad_sq_avg
        taken = take(counter)


def momo_am_adam_decayed_accumulate_task(job):
    """A thread's part of a call of `momo_am_adam_decayed_accumulate`."""
    if entered(job):
        momo_am_adam_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def momo_am_adam_decayed_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    fresh,
    beta_k,
    sample_share,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_am_adam_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = zero if metric == zero else grad_avg / metric
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_am_adam_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_am_adam` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, eps, grad_sq_weight, step_size = scalars[0], scalars[1], scalars[2], scalars[5]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share, shrink, step_scale = (
            own[tensor, 7],
            own[tensor, 6] != zero,
            own[tensor, 0],
            own[tensor, 8],
            own[tensor, 4],
            own[tensor, 3],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_adam_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                fresh,
                beta_k,
                sample_share,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_am_adam_decayed_foresee_task(job):
    """A thread's part of a call of `momo_am_adam_decayed_foresee`."""
    if entered(job):
        momo_am_adam_decayed_foresee(*arguments(job))
    left(job)


@compiled
def momo_am_adam_decayed_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    fresh,
    beta_k,
    sample_share,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_am_adam_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = zero if metric == zero else grad_avg / metric
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_am_adam_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_am_adam` with weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, eps, grad_sq_weight, step_size = scalars[0], scalars[1], scalars[2], scalars[5]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, relative_rate, sample_share, shrink, step_scale = (
            own[tensor, 7],
            own[tensor, 6] != zero,
            own[tensor, 0],
            own[tensor, 8],
            own[tensor, 4],
            own[tensor, 3],
        )

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = momo_am_adam_decayed_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                fresh,
                beta_k,
                sample_share,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_am_adam_decayed_update_task(job):
    """A thread's part of a call of `momo_am_adam_decayed_update`."""
    if entered(job):
        momo_am_adam_decayed_update(*arguments(job))
    left(job)


@compiled
def momo_amsgrad_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    grad_sq_maxs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
):
    """Loop of `momo_amsgrad_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = size_grad_sq_max = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_max = grad_sq_maxs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        grad_sq_max = (
            quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            if grad_sq_max < quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            else grad_sq_max
        )
        denominator = sqrt(grad_sq_max) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_max
        sum_2 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
        size_grad_sq_max += abs(grad_sq_max)
    return sum_1, sum_2, size_grad_avg, size_direction, size_param, size_grad_sq_avg, size_grad_sq_max


@compiled
def momo_amsgrad_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_amsgrad` without weight decay: 5 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = size_grad_sq_max = (
            0.0
        )
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            grad_sq_maxs = view(pointers[tensor, 4], first, size, like)
            parts = momo_amsgrad_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                grad_sq_maxs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
            size_param += parts[4]
            size_grad_sq_avg += parts[5]
            size_grad_sq_max += parts[6]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        sums[5, chunk] = size_param
        sums[6, chunk] = size_grad_sq_avg
        sums[7, chunk] = size_grad_sq_max
        taken = take(counter)


def momo_amsgrad_accumulate_task(job):
    """A thread's part of a call of `momo_amsgrad_accumulate`."""
    if entered(job):
        momo_amsgrad_accumulate(*arguments(job))
    left(job)


@compiled
def momo_amsgrad_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    grad_sq_maxs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    relative_rate,
    step_size,
):
    """Loop of `momo_amsgrad_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_max = grad_sq_maxs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        grad_sq_max = (
            quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            if grad_sq_max < quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            else grad_sq_max
        )
        denominator = sqrt(grad_sq_max) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_amsgrad_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_amsgrad` without weight decay: 5 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            grad_sq_maxs = view(pointers[tensor, 4], first, size, like)
            parts = momo_amsgrad_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                grad_sq_maxs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_amsgrad_foresee_task(job):
    """A thread's part of a call of `momo_amsgrad_foresee`."""
    if entered(job):
        momo_amsgrad_foresee(*arguments(job))
    left(job)


@compiled
def momo_amsgrad_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    grad_sq_maxs,
    updates,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    relative_rate,
    step_size,
):
    """Loop of `momo_amsgrad_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_max = grad_sq_maxs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        grad_sq_max = (
            quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            if grad_sq_max < quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            else grad_sq_max
        )
        denominator = sqrt(grad_sq_max) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        grad_sq_maxs[i] = grad_sq_max
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_amsgrad_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_amsgrad` without weight decay: 10 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            fetch(pointers[tensor, 5], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            grad_sq_maxs = view(pointers[tensor, 4], first, size, like)
            updates = view(pointers[tensor, 5], first, size, like)
            parts = momo_amsgrad_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                grad_sq_maxs,
                updates,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_amsgrad_update_task(job):
    """A thread's part of a call of `momo_amsgrad_update`."""
    if entered(job):
        momo_amsgrad_update(*arguments(job))
    left(job)


@compiled
def momo_amsgrad_decayed_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    grad_sq_maxs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
):
    """Loop of `momo_amsgrad_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = (
        size_grad_sq_max
    ) = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_max = grad_sq_maxs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        grad_sq_max = (
            quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            if grad_sq_max < quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            else grad_sq_max
        )
        denominator = sqrt(grad_sq_max) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_max
        sum_2 += grad_avg * direction
        sum_3 += grad_avg * param
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
        size_grad_sq_max += abs(grad_sq_max)
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction, size_param, size_grad_sq_avg, size_grad_sq_max


@compiled
def momo_amsgrad_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_amsgrad` with weight decay: 5 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        decay, fresh, model_scale, relative_rate = (
            own[tensor, 1],
            own[tensor, 5] != zero,
            own[tensor, 4],
            own[tensor, 0],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = (
            size_grad_sq_max
        ) = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            grad_sq_maxs = view(pointers[tensor, 4], first, size, like)
            parts = momo_amsgrad_decayed_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                grad_sq_maxs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            size_grad_avg += parts[3]
            size_direction += parts[4]
            size_param += parts[5]
            size_grad_sq_avg += parts[6]
            size_grad_sq_max += parts[7]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        sums[6, chunk] = size_param
        sums[7, chunk] = size_grad_sq_avg
        sums[8, chunk] = size_grad_sq_max
        taken = take(counter)


def momo_amsgrad_decayed_accumulate_task(job):
    """A thread's part of a call of `momo_amsgrad_decayed_accumulate`."""
    if entered(job):
        momo_amsgrad_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def momo_amsgrad_decayed_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    grad_sq_maxs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_amsgrad_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_max = grad_sq_maxs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        grad_sq_max = (
            quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            if grad_sq_max < quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            else grad_sq_max
        )
        denominator = sqrt(grad_sq_max) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_amsgrad_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_amsgrad` with weight decay: 5 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            grad_sq_maxs = view(pointers[tensor, 4], first, size, like)
            parts = momo_amsgrad_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                grad_sq_maxs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_amsgrad_decayed_foresee_task(job):
    """A thread's part of a call of `momo_amsgrad_decayed_foresee`."""
    if entered(job):
        momo_amsgrad_decayed_foresee(*arguments(job))
    left(job)


@compiled
def momo_amsgrad_decayed_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    grad_sq_maxs,
    updates,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_amsgrad_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_max = grad_sq_maxs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        grad_sq_max = (
            quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            if grad_sq_max < quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)
            else grad_sq_max
        )
        denominator = sqrt(grad_sq_max) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        grad_sq_maxs[i] = grad_sq_max
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_amsgrad_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_amsgrad` with weight decay: 10 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            fetch(pointers[tensor, 5], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            grad_sq_maxs = view(pointers[tensor, 4], first, size, like)
            updates = view(pointers[tensor, 5], first, size, like)
            parts = momo_amsgrad_decayed_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                grad_sq_maxs,
                updates,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_amsgrad_decayed_update_task(job):
    """A thread's part of a call of `momo_amsgrad_decayed_update`."""
    if entered(job):
        momo_amsgrad_decayed_update(*arguments(job))
    left(job)


@compiled
def momo_adam_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
):
    """Loop of `momo_adam_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_avg
        sum_2 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, sum_2, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def momo_adam_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adam` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
            size_param += parts[4]
            size_grad_sq_avg += parts[5]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        sums[5, chunk] = size_param
        sums[6, chunk] = size_grad_sq_avg
        taken = take(counter)


def momo_adam_accumulate_task(job):
    """A thread's part of a call of `momo_adam_accumulate`."""
    if entered(job):
        momo_adam_accumulate(*arguments(job))
    left(job)


@compiled
def momo_adam_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    relative_rate,
    step_size,
):
    """Loop of `momo_adam_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adam_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_adam` without weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adam_foresee_task(job):
    """A thread's part of a call of `momo_adam_foresee`."""
    if entered(job):
        momo_adam_foresee(*arguments(job))
    left(job)


@compiled
def momo_adam_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    relative_rate,
    step_size,
):
    """Loop of `momo_adam_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adam_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_adam` without weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = momo_adam_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adam_update_task(job):
    """A thread's part of a call of `momo_adam_update`."""
    if entered(job):
        momo_adam_update(*arguments(job))
    left(job)


@compiled
def momo_adam_decayed_accumulate_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
):
    """Loop of `momo_adam_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_avg
        sum_2 += grad_avg * direction
        sum_3 += grad_avg * param
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
        size_param += abs(param)
        size_grad_sq_avg += abs(grad_sq_avg)
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction, size_param, size_grad_sq_avg


@compiled
def momo_adam_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adam` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        decay, fresh, model_scale, relative_rate = (
            own[tensor, 1],
            own[tensor, 5] != zero,
            own[tensor, 4],
            own[tensor, 0],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = size_param = size_grad_sq_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_decayed_accumulate_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            sum_3 += parts[2]
            size_grad_avg += parts[3]
            size_direction += parts[4]
            size_param += parts[5]
            size_grad_sq_avg += parts[6]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        sums[6, chunk] = size_param
        sums[7, chunk] = size_grad_sq_avg
        taken = take(counter)


def momo_adam_decayed_accumulate_task(job):
    """A thread's part of a call of `momo_adam_decayed_accumulate`."""
    if entered(job):
        momo_adam_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def momo_adam_decayed_foresee_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_adam_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adam_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo_adam` with weight decay: 4 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_decayed_foresee_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adam_decayed_foresee_task(job):
    """A thread's part of a call of `momo_adam_decayed_foresee`."""
    if entered(job):
        momo_adam_decayed_foresee(*arguments(job))
    left(job)


@compiled
def momo_adam_decayed_update_part(
    params,
    grads,
    grad_avgs,
    grad_sq_avgs,
    updates,
    old_share,
    new_share,
    old_sq_share,
    new_sq_share,
    grad_sq_weight,
    inverse_grad_sq_weight,
    eps,
    shrink,
    step_scale,
    relative_rate,
    step_size,
):
    """Loop of `momo_adam_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_adam_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo_adam` with weight decay: 8 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta2, beta_k, eps, grad_sq_weight, sample_share, step_size, weight = (
        scalars[0],
        scalars[1],
        scalars[2],
        scalars[3],
        scalars[4],
        scalars[5],
        scalars[6],
    )

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            updates = view(pointers[tensor, 4], first, size, like)
            parts = momo_adam_decayed_update_part(
                params,
                grads,
                grad_avgs,
                grad_sq_avgs,
                updates,
                old_share,
                new_share,
                old_sq_share,
                new_sq_share,
                grad_sq_weight,
                inverse_grad_sq_weight,
                eps,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_adam_decayed_update_task(job):
    """A thread's part of a call of `momo_adam_decayed_update`."""
    if entered(job):
        momo_adam_decayed_update(*arguments(job))
    left(job)


@compiled
def fsgdm_accumulate_part(params, grads, grad_avgs, old_share, new_share):
    """Loop of `fsgdm_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_grad_avg = size_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_param += abs(param)
    return sum_1, size_grad_avg, size_param


@compiled
def fsgdm_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `fsgdm` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, weight = scalars[0], scalars[1], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = size_grad_avg = size_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = fsgdm_accumulate_part(params, grads, grad_avgs, old_share, new_share)
            sum_1 += parts[0]
            size_grad_avg += parts[1]
            size_param += parts[2]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = size_grad_avg
        sums[2, chunk] = size_param
        taken = take(counter)


def fsgdm_accumulate_task(job):
    """A thread's part of a call of `fsgdm_accumulate`."""
    if entered(job):
        fsgdm_accumulate(*arguments(job))
    left(job)


@compiled
def fsgdm_foresee_part(params, grads, grad_avgs, old_share, new_share, relative_rate, step_size):
    """Loop of `fsgdm_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def fsgdm_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `fsgdm` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = fsgdm_foresee_part(
                params, grads, grad_avgs, old_share, new_share, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def fsgdm_foresee_task(job):
    """A thread's part of a call of `fsgdm_foresee`."""
    if entered(job):
        fsgdm_foresee(*arguments(job))
    left(job)


@compiled
def fsgdm_update_part(params, grads, grad_avgs, updates, old_share, new_share, relative_rate, step_size):
    """Loop of `fsgdm_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def fsgdm_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `fsgdm` without weight decay: 6 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            updates = view(pointers[tensor, 3], first, size, like)
            parts = fsgdm_update_part(
                params, grads, grad_avgs, updates, old_share, new_share, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def fsgdm_update_task(job):
    """A thread's part of a call of `fsgdm_update`."""
    if entered(job):
        fsgdm_update(*arguments(job))
    left(job)


@compiled
def fsgdm_decayed_accumulate_part(params, grads, grad_avgs, old_share, new_share):
    """Loop of `fsgdm_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_grad_avg = size_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_param += abs(param)
    return sum_1, size_grad_avg, size_param


@compiled
def fsgdm_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `fsgdm` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, weight = scalars[0], scalars[1], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 3] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = size_grad_avg = size_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = fsgdm_decayed_accumulate_part(params, grads, grad_avgs, old_share, new_share)
            sum_1 += parts[0]
            size_grad_avg += parts[1]
            size_param += parts[2]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = size_grad_avg
        sums[2, chunk] = size_param
        taken = take(counter)


def fsgdm_decayed_accumulate_task(job):
    """A thread's part of a call of `fsgdm_decayed_accumulate`."""
    if entered(job):
        fsgdm_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def fsgdm_decayed_foresee_part(
    params, grads, grad_avgs, old_share, new_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `fsgdm_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def fsgdm_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `fsgdm` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 3] != zero,
            own[tensor, 0],
            own[tensor, 2],
            own[tensor, 1],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = fsgdm_decayed_foresee_part(
                params, grads, grad_avgs, old_share, new_share, shrink, step_scale, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def fsgdm_decayed_foresee_task(job):
    """A thread's part of a call of `fsgdm_decayed_foresee`."""
    if entered(job):
        fsgdm_decayed_foresee(*arguments(job))
    left(job)


@compiled
def fsgdm_decayed_update_part(
    params, grads, grad_avgs, updates, old_share, new_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `fsgdm_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def fsgdm_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `fsgdm` with weight decay: 6 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 3] != zero,
            own[tensor, 0],
            own[tensor, 2],
            own[tensor, 1],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            updates = view(pointers[tensor, 3], first, size, like)
            parts = fsgdm_decayed_update_part(
                params,
                grads,
                grad_avgs,
                updates,
                old_share,
                new_share,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def fsgdm_decayed_update_task(job):
    """A thread's part of a call of `fsgdm_decayed_update`."""
    if entered(job):
        fsgdm_decayed_update(*arguments(job))
    left(job)


@compiled
def momo_accumulate_part(params, grads, grad_avgs, old_share, new_share):
    """Loop of `momo_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_grad_avg = size_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
        size_param += abs(param)
    return sum_1, size_grad_avg, size_param


@compiled
def momo_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, weight = scalars[0], scalars[1], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = size_grad_avg = size_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_accumulate_part(params, grads, grad_avgs, old_share, new_share)
            sum_1 += parts[0]
            size_grad_avg += parts[1]
            size_param += parts[2]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = relative_rate * sum_1
        sums[2, chunk] = size_grad_avg
        sums[3, chunk] = size_param
        taken = take(counter)


def momo_accumulate_task(job):
    """A thread's part of a call of `momo_accumulate`."""
    if entered(job):
        momo_accumulate(*arguments(job))
    left(job)


@compiled
def momo_foresee_part(params, grads, grad_avgs, old_share, new_share, relative_rate, step_size):
    """Loop of `momo_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_foresee_part(
                params, grads, grad_avgs, old_share, new_share, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_foresee_task(job):
    """A thread's part of a call of `momo_foresee`."""
    if entered(job):
        momo_foresee(*arguments(job))
    left(job)


@compiled
def momo_update_part(params, grads, grad_avgs, updates, old_share, new_share, relative_rate, step_size):
    """Loop of `momo_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo` without weight decay: 6 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            updates = view(pointers[tensor, 3], first, size, like)
            parts = momo_update_part(
                params, grads, grad_avgs, updates, old_share, new_share, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_update_task(job):
    """A thread's part of a call of `momo_update`."""
    if entered(job):
        momo_update(*arguments(job))
    left(job)


@compiled
def momo_decayed_accumulate_part(params, grads, grad_avgs, old_share, new_share):
    """Loop of `momo_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        sum_2 += grad_avg * param
        size_grad_avg += abs(grad_avg)
        size_param += abs(param)
    return sum_1, sum_2, size_grad_avg, size_param


@compiled
def momo_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, weight = scalars[0], scalars[1], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        decay, fresh, model_scale, relative_rate = (
            own[tensor, 1],
            own[tensor, 5] != zero,
            own[tensor, 4],
            own[tensor, 0],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = sum_2 = size_grad_avg = size_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_decayed_accumulate_part(params, grads, grad_avgs, old_share, new_share)
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_param += parts[3]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = model_scale * relative_rate * sum_1
        sums[2, chunk] = decay * model_scale * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_param
        taken = take(counter)


def momo_decayed_accumulate_task(job):
    """A thread's part of a call of `momo_decayed_accumulate`."""
    if entered(job):
        momo_decayed_accumulate(*arguments(job))
    left(job)


@compiled
def momo_decayed_foresee_part(
    params, grads, grad_avgs, old_share, new_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `momo_decayed_foresee` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_decayed_foresee(like, scalars, own, pointers, chunks, counter, sums, new):
    """Foresee, of `momo` with weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_decayed_foresee_part(
                params, grads, grad_avgs, old_share, new_share, shrink, step_scale, relative_rate, step_size
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_decayed_foresee_task(job):
    """A thread's part of a call of `momo_decayed_foresee`."""
    if entered(job):
        momo_decayed_foresee(*arguments(job))
    left(job)


@compiled
def momo_decayed_update_part(
    params, grads, grad_avgs, updates, old_share, new_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `momo_decayed_update` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        update = updates[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        update = new_param - param
        stored_param = param + update
        updates[i] = update
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (stored_param - param)
    return (sum_1,)


@compiled
def momo_decayed_update(like, scalars, own, pointers, chunks, counter, sums, new):
    """Update, of `momo` with weight decay: 6 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate, shrink, step_scale = (
            own[tensor, 5] != zero,
            own[tensor, 0],
            own[tensor, 3],
            own[tensor, 2],
        )

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            updates = view(pointers[tensor, 3], first, size, like)
            parts = momo_decayed_update_part(
                params,
                grads,
                grad_avgs,
                updates,
                old_share,
                new_share,
                shrink,
                step_scale,
                relative_rate,
                step_size,
            )
            sum_1 += parts[0]
        sums[0, chunk] = sum_1
        taken = take(counter)


def momo_decayed_update_task(job):
    """A thread's part of a call of `momo_decayed_update`."""
    if entered(job):
        momo_decayed_update(*arguments(job))
    left(job)


CALLS = {
    ("adam", False): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "adam_accumulate",
            adam_accumulate_task,
            ("grad_sq_total", "norm_sq", "size_grad_avg", "size_direction", "size_param", "size_grad_sq_avg"),
        ),
        foresee=Call("adam_foresee", adam_foresee_task, ("model_change",)),
        update=Call("adam_update", adam_update_task, ("model_change",)),
    ),
    ("adam", True): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "step_scale", "shrink", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "adam_decayed_accumulate",
            adam_decayed_accumulate_task,
            ("grad_sq_total", "norm_sq", "size_grad_avg", "size_direction", "size_param", "size_grad_sq_avg"),
        ),
        foresee=Call("adam_decayed_foresee", adam_decayed_foresee_task, ("model_change",)),
        update=Call("adam_decayed_update", adam_decayed_update_task, ("model_change",)),
    ),
    ("adamw", False): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "adam_accumulate",
            adam_accumulate_task,
            ("grad_sq_total", "norm_sq", "size_grad_avg", "size_direction", "size_param", "size_grad_sq_avg"),
        ),
        foresee=Call("adam_foresee", adam_foresee_task, ("model_change",)),
        update=Call("adam_update", adam_update_task, ("model_change",)),
    ),
    ("adamw", True): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "step_scale", "shrink", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "adam_decayed_accumulate",
            adam_decayed_accumulate_task,
            ("grad_sq_total", "norm_sq", "size_grad_avg", "size_direction", "size_param", "size_grad_sq_avg"),
        ),
        foresee=Call("adam_decayed_foresee", adam_decayed_foresee_task, ("model_change",)),
        update=Call("adam_decayed_update", adam_decayed_update_task, ("model_change",)),
    ),
    ("am_adamw", False): Calls(
        scalars=(
            "beta2",
            "beta_max",
            "eps",
            "grad_sq_weight",
            "lambd",
            "metric_penalty",
            "rate_ratio",
            "step_size",
        ),
        own=("relative_rate", "fresh", "beta_product", "beta_t"),
        chosen=("beta_t",),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=("beta_product",),
        measure=Call("am_adamw_measure", am_adamw_measure_task, ("numerator", "denominator")),
        accumulate=Call(
            "am_adamw_accumulate",
            am_adamw_accumulate_task,
            ("norm_sq", "size_grad_avg", "size_direction", "size_param", "size_grad_sq_avg"),
        ),
        foresee=Call("am_adamw_foresee", am_adamw_foresee_task, ("model_change",)),
        update=Call("am_adamw_update", am_adamw_update_task, ("model_change",)),
    ),
    ("am_adamw", True): Calls(
        scalars=(
            "beta2",
            "beta_max",
            "eps",
            "grad_sq_weight",
            "lambd",
            "metric_penalty",
            "rate_ratio",
            "step_size",
        ),
        own=(
            "relative_rate",
            "weight_decay",
            "decay",
            "step_scale",
            "shrink",
            "fresh",
            "beta_product",
            "beta_t",
        ),
        chosen=("beta_t",),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=("beta_product",),
        measure=Call("am_adamw_decayed_measure", am_adamw_decayed_measure_task, ("numerator", "denominator")),
        accumulate=Call(
            "am_adamw_decayed_accumulate",
            am_adamw_decayed_accumulate_task,
            ("norm_sq", "size_grad_avg", "size_direction", "size_param", "size_grad_sq_avg"),
        ),
        foresee=Call("am_adamw_decayed_foresee", am_adamw_decayed_foresee_task, ("model_change",)),
        update=Call("am_adamw_decayed_update", am_adamw_decayed_update_task, ("model_change",)),
    ),
    ("am_sgd", False): Calls(
        scalars=("lambd", "rate_ratio", "step_size"),
        own=("relative_rate", "fresh", "beta_k", "sample_share"),
        chosen=("beta_t", "beta_k", "sample_share"),
        averages=("grad_avg",),
        tensor_state=(),
        measure=Call("am_sgd_measure", am_sgd_measure_task, ("numerator", "denominator")),
        accumulate=Call(
            "am_sgd_accumulate", am_sgd_accumulate_task, ("norm_sq", "size_grad_avg", "size_param")
        ),
        foresee=Call("am_sgd_foresee", am_sgd_foresee_task, ("model_change",)),
        update=Call("am_sgd_update", am_sgd_update_task, ("model_change",)),
    ),
    ("am_sgd", True): Calls(
        scalars=("lambd", "rate_ratio", "step_size"),
        own=(
            "relative_rate",
            "weight_decay",
            "decay",
            "step_scale",
            "shrink",
            "fresh",
            "beta_k",
            "sample_share",
        ),
        chosen=("beta_t", "beta_k", "sample_share"),
        averages=("grad_avg",),
        tensor_state=(),
        measure=Call("am_sgd_decayed_measure", am_sgd_decayed_measure_task, ("numerator", "denominator")),
        accumulate=Call(
            "am_sgd_decayed_accumulate",
            am_sgd_decayed_accumulate_task,
            ("norm_sq", "size_grad_avg", "size_param"),
        ),
        foresee=Call("am_sgd_decayed_foresee", am_sgd_decayed_foresee_task, ("model_change",)),
        update=Call("am_sgd_decayed_update", am_sgd_decayed_update_task, ("model_change",)),
    ),
    ("fsgdm", False): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "fsgdm_accumulate", fsgdm_accumulate_task, ("norm_sq", "size_grad_avg", "size_param")
        ),
        foresee=Call("fsgdm_foresee", fsgdm_foresee_task, ("model_change",)),
        update=Call("fsgdm_update", fsgdm_update_task, ("model_change",)),
    ),
    ("fsgdm", True): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "step_scale", "shrink", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "fsgdm_decayed_accumulate",
            fsgdm_decayed_accumulate_task,
            ("norm_sq", "size_grad_avg", "size_param"),
        ),
        foresee=Call("fsgdm_decayed_foresee", fsgdm_decayed_foresee_task, ("model_change",)),
        update=Call("fsgdm_decayed_update", fsgdm_decayed_update_task, ("model_change",)),
    ),
    ("momo", False): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "momo_accumulate",
            momo_accumulate_task,
            ("norm_sq", "descent_rate", "size_grad_avg", "size_param"),
        ),
        foresee=Call("momo_foresee", momo_foresee_task, ("model_change",)),
        update=Call("momo_update", momo_update_task, ("model_change",)),
    ),
    ("momo", True): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "momo_decayed_accumulate",
            momo_decayed_accumulate_task,
            ("norm_sq", "descent_rate", "decay_drop", "size_grad_avg", "size_param"),
        ),
        foresee=Call("momo_decayed_foresee", momo_decayed_foresee_task, ("model_change",)),
        update=Call("momo_decayed_update", momo_decayed_update_task, ("model_change",)),
    ),
    ("momo_adagrad", False): Calls(
        scalars=("beta_k", "eps", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_sum"),
        tensor_state=(),
        accumulate=Call(
            "momo_adagrad_accumulate",
            momo_adagrad_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_sum",
            ),
        ),
        foresee=Call("momo_adagrad_foresee", momo_adagrad_foresee_task, ("model_change",)),
        update=Call("momo_adagrad_update", momo_adagrad_update_task, ("model_change",)),
    ),
    ("momo_adagrad", True): Calls(
        scalars=("beta_k", "eps", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_sum"),
        tensor_state=(),
        accumulate=Call(
            "momo_adagrad_decayed_accumulate",
            momo_adagrad_decayed_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "decay_drop",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_sum",
            ),
        ),
        foresee=Call("momo_adagrad_decayed_foresee", momo_adagrad_decayed_foresee_task, ("model_change",)),
        update=Call("momo_adagrad_decayed_update", momo_adagrad_decayed_update_task, ("model_change",)),
    ),
    ("momo_adam", False): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "momo_adam_accumulate",
            momo_adam_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
            ),
        ),
        foresee=Call("momo_adam_foresee", momo_adam_foresee_task, ("model_change",)),
        update=Call("momo_adam_update", momo_adam_update_task, ("model_change",)),
    ),
    ("momo_adam", True): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "momo_adam_decayed_accumulate",
            momo_adam_decayed_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "decay_drop",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
            ),
        ),
        foresee=Call("momo_adam_decayed_foresee", momo_adam_decayed_foresee_task, ("model_change",)),
        update=Call("momo_adam_decayed_update", momo_adam_decayed_update_task, ("model_change",)),
    ),
    ("momo_adam_tied", False): Calls(
        scalars=("beta_k", "eps", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "momo_adam_tied_accumulate",
            momo_adam_tied_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
            ),
        ),
        foresee=Call("momo_adam_tied_foresee", momo_adam_tied_foresee_task, ("model_change",)),
        update=Call("momo_adam_tied_update", momo_adam_tied_update_task, ("model_change",)),
    ),
    ("momo_adam_tied", True): Calls(
        scalars=("beta_k", "eps", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "momo_adam_tied_decayed_accumulate",
            momo_adam_tied_decayed_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "decay_drop",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
            ),
        ),
        foresee=Call(
            "momo_adam_tied_decayed_foresee", momo_adam_tied_decayed_foresee_task, ("model_change",)
        ),
        update=Call("momo_adam_tied_decayed_update", momo_adam_tied_decayed_update_task, ("model_change",)),
    ),
    ("momo_am", False): Calls(
        scalars=("lambd", "rate_ratio", "step_size"),
        own=("relative_rate", "fresh", "beta_k", "sample_share"),
        chosen=("beta_t", "beta_k", "sample_share"),
        averages=("grad_avg",),
        tensor_state=(),
        measure=Call("momo_am_measure", momo_am_measure_task, ("numerator", "denominator")),
        accumulate=Call(
            "momo_am_accumulate",
            momo_am_accumulate_task,
            ("norm_sq", "descent_rate", "size_grad_avg", "size_param"),
        ),
        foresee=Call("momo_am_foresee", momo_am_foresee_task, ("model_change",)),
        update=Call("momo_am_update", momo_am_update_task, ("model_change",)),
    ),
    ("momo_am", True): Calls(
        scalars=("lambd", "rate_ratio", "step_size"),
        own=(
            "relative_rate",
            "weight_decay",
            "decay",
            "step_scale",
            "shrink",
            "model_scale",
            "fresh",
            "beta_k",
            "sample_share",
        ),
        chosen=("beta_t", "beta_k", "sample_share"),
        averages=("grad_avg",),
        tensor_state=(),
        measure=Call("momo_am_decayed_measure", momo_am_decayed_measure_task, ("numerator", "denominator")),
        accumulate=Call(
            "momo_am_decayed_accumulate",
            momo_am_decayed_accumulate_task,
            ("norm_sq", "descent_rate", "decay_drop", "size_grad_avg", "size_param"),
        ),
        foresee=Call("momo_am_decayed_foresee", momo_am_decayed_foresee_task, ("model_change",)),
        update=Call("momo_am_decayed_update", momo_am_decayed_update_task, ("model_change",)),
    ),
    ("momo_am_adam", False): Calls(
        scalars=("beta2", "eps", "grad_sq_weight", "lambd", "rate_ratio", "step_size"),
        own=("relative_rate", "fresh", "beta_k", "sample_share"),
        chosen=("beta_t", "beta_k", "sample_share"),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        measure=Call("momo_am_adam_measure", momo_am_adam_measure_task, ("numerator", "denominator")),
        accumulate=Call(
            "momo_am_adam_accumulate",
            momo_am_adam_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
            ),
        ),
        foresee=Call("momo_am_adam_foresee", momo_am_adam_foresee_task, ("model_change",)),
        update=Call("momo_am_adam_update", momo_am_adam_update_task, ("model_change",)),
    ),
    ("momo_am_adam", True): Calls(
        scalars=("beta2", "eps", "grad_sq_weight", "lambd", "rate_ratio", "step_size"),
        own=(
            "relative_rate",
            "weight_decay",
            "decay",
            "step_scale",
            "shrink",
            "model_scale",
            "fresh",
            "beta_k",
            "sample_share",
        ),
        chosen=("beta_t", "beta_k", "sample_share"),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        measure=Call(
            "momo_am_adam_decayed_measure", momo_am_adam_decayed_measure_task, ("numerator", "denominator")
        ),
        accumulate=Call(
            "momo_am_adam_decayed_accumulate",
            momo_am_adam_decayed_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "decay_drop",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
            ),
        ),
        foresee=Call("momo_am_adam_decayed_foresee", momo_am_adam_decayed_foresee_task, ("model_change",)),
        update=Call("momo_am_adam_decayed_update", momo_am_adam_decayed_update_task, ("model_change",)),
    ),
    ("momo_amsgrad", False): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg", "grad_sq_max"),
        tensor_state=(),
        accumulate=Call(
            "momo_amsgrad_accumulate",
            momo_amsgrad_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
                "size_grad_sq_max",
            ),
        ),
        foresee=Call("momo_amsgrad_foresee", momo_amsgrad_foresee_task, ("model_change",)),
        update=Call("momo_amsgrad_update", momo_amsgrad_update_task, ("model_change",)),
    ),
    ("momo_amsgrad", True): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg", "grad_sq_max"),
        tensor_state=(),
        accumulate=Call(
            "momo_amsgrad_decayed_accumulate",
            momo_amsgrad_decayed_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "decay_drop",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
                "size_grad_sq_max",
            ),
        ),
        foresee=Call("momo_amsgrad_decayed_foresee", momo_amsgrad_decayed_foresee_task, ("model_change",)),
        update=Call("momo_amsgrad_decayed_update", momo_amsgrad_decayed_update_task, ("model_change",)),
    ),
    ("momo_fsgdm", False): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "momo_accumulate",
            momo_accumulate_task,
            ("norm_sq", "descent_rate", "size_grad_avg", "size_param"),
        ),
        foresee=Call("momo_foresee", momo_foresee_task, ("model_change",)),
        update=Call("momo_update", momo_update_task, ("model_change",)),
    ),
    ("momo_fsgdm", True): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "momo_decayed_accumulate",
            momo_decayed_accumulate_task,
            ("norm_sq", "descent_rate", "decay_drop", "size_grad_avg", "size_param"),
        ),
        foresee=Call("momo_decayed_foresee", momo_decayed_foresee_task, ("model_change",)),
        update=Call("momo_decayed_update", momo_decayed_update_task, ("model_change",)),
    ),
    ("momo_rmsprop", False): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "momo_adam_accumulate",
            momo_adam_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
            ),
        ),
        foresee=Call("momo_adam_foresee", momo_adam_foresee_task, ("model_change",)),
        update=Call("momo_adam_update", momo_adam_update_task, ("model_change",)),
    ),
    ("momo_rmsprop", True): Calls(
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        averages=("grad_avg", "grad_sq_avg"),
        tensor_state=(),
        accumulate=Call(
            "momo_adam_decayed_accumulate",
            momo_adam_decayed_accumulate_task,
            (
                "grad_sq_total",
                "norm_sq",
                "descent_rate",
                "decay_drop",
                "size_grad_avg",
                "size_direction",
                "size_param",
                "size_grad_sq_avg",
            ),
        ),
        foresee=Call("momo_adam_decayed_foresee", momo_adam_decayed_foresee_task, ("model_change",)),
        update=Call("momo_adam_decayed_update", momo_adam_decayed_update_task, ("model_change",)),
    ),
    ("sgdm", False): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "fsgdm_accumulate", fsgdm_accumulate_task, ("norm_sq", "size_grad_avg", "size_param")
        ),
        foresee=Call("fsgdm_foresee", fsgdm_foresee_task, ("model_change",)),
        update=Call("fsgdm_update", fsgdm_update_task, ("model_change",)),
    ),
    ("sgdm", True): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "step_scale", "shrink", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "fsgdm_decayed_accumulate",
            fsgdm_decayed_accumulate_task,
            ("norm_sq", "size_grad_avg", "size_param"),
        ),
        foresee=Call("fsgdm_decayed_foresee", fsgdm_decayed_foresee_task, ("model_change",)),
        update=Call("fsgdm_decayed_update", fsgdm_decayed_update_task, ("model_change",)),
    ),
    ("sps", False): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "momo_accumulate",
            momo_accumulate_task,
            ("norm_sq", "descent_rate", "size_grad_avg", "size_param"),
        ),
        foresee=Call("momo_foresee", momo_foresee_task, ("model_change",)),
        update=Call("momo_update", momo_update_task, ("model_change",)),
    ),
    ("sps", True): Calls(
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        averages=("grad_avg",),
        tensor_state=(),
        accumulate=Call(
            "momo_decayed_accumulate",
            momo_decayed_accumulate_task,
            ("norm_sq", "descent_rate", "decay_drop", "size_grad_avg", "size_param"),
        ),
        foresee=Call("momo_decayed_foresee", momo_decayed_foresee_task, ("model_change",)),
        update=Call("momo_decayed_update", momo_decayed_update_task, ("model_change",)),
    ),
}
"""By the name of the rule in the specification, and whether a parameter decays."""
