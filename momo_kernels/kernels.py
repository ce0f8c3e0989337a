"""
The sweeps of a step over all tensors, for Numba.

Generated from the specification by `momo generate`; edit its template.

`<rule>_<sweep>` walks over parts of tensors, `..._part` is its loop over one of them.  `measure` and
`accumulate` only read and add up, `apply` computes the same again and writes.  It starts with the last
part: what `accumulate` has read last may still be in the cache.
"""

# ruff: noqa: ARG001, F841
# mypy: ignore-errors

from __future__ import annotations

from math import sqrt

from .compiled import AHEAD, BLOCK, Kernels, compiled, fetch, take, view
from .quotient import quotient

SOURCES = "e7a87db8f015936f"
"""Digest of the modules that are compiled with this one: Numba asks only whether this file has changed."""


@compiled
def adam_accumulate_part(
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
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = size_grad_avg = size_direction = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_avg
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
    return sum_1, size_grad_avg, size_direction


@compiled
def adam_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `adam` without weight decay: 3 words for each parameter."""
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
        fresh = own[tensor, 1] != zero

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = adam_accumulate_part(
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
            size_grad_avg += parts[1]
            size_direction += parts[2]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_grad_avg
        sums[2, chunk] = size_direction
        taken = take(counter)


@compiled
def adam_apply_part(
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
    """Loop of `adam_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        size_new_param += abs(new_param)
    return (size_new_param,)


@compiled
def adam_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `adam` without weight decay: 7 words for each parameter."""
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
        size_new_param = 0.0
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
            parts = adam_apply_part(
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
            size_new_param += parts[0]
        sums[0, chunk] = size_new_param
        taken = take(counter)


@compiled
def adam_decayed_accumulate_part(
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
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = size_grad_avg = size_direction = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        denominator = sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps
        direction = zero if denominator == zero else grad_avg / denominator
        sum_1 += grad_sq_avg
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
    return sum_1, size_grad_avg, size_direction


@compiled
def adam_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `adam` with weight decay: 3 words for each parameter."""
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
        fresh = own[tensor, 3] != zero

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        inverse_grad_sq_weight = one / grad_sq_weight
        sum_1 = size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = adam_decayed_accumulate_part(
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
            size_grad_avg += parts[1]
            size_direction += parts[2]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_grad_avg
        sums[2, chunk] = size_direction
        taken = take(counter)


@compiled
def adam_decayed_apply_part(
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
    """Loop of `adam_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        size_new_param += abs(new_param)
    return (size_new_param,)


@compiled
def adam_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `adam` with weight decay: 7 words for each parameter."""
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
        size_new_param = 0.0
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
            parts = adam_decayed_apply_part(
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
            size_new_param += parts[0]
        sums[0, chunk] = size_new_param
        taken = take(counter)


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


@compiled
def am_adamw_accumulate_part(
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
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    size_grad_avg = size_direction = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        damping = lambd if metric_penalty else lambd * metric
        grad_avg = ((one - own_beta) * grad + (damping + own_beta) * grad_avg) / (one + damping)
        direction = zero if metric == zero else grad_avg / metric
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
    return size_grad_avg, size_direction


@compiled
def am_adamw_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `am_adamw` without weight decay: 3 words for each parameter."""
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
        beta_product, beta_t, fresh = own[tensor, 2], own[tensor, 3], own[tensor, 1] != zero

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        own_beta = beta_max if fresh else beta_t
        inverse_grad_sq_weight = one / grad_sq_weight
        size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = am_adamw_accumulate_part(
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
            size_grad_avg += parts[0]
            size_direction += parts[1]
        sums[0, chunk] = size_grad_avg
        sums[1, chunk] = size_direction
        taken = take(counter)


@compiled
def am_adamw_apply_part(
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
    """Loop of `am_adamw_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        size_new_param += abs(new_param)
    return (size_new_param,)


@compiled
def am_adamw_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `am_adamw` without weight decay: 7 words for each parameter."""
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
        size_new_param = 0.0
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
            parts = am_adamw_apply_part(
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
            size_new_param += parts[0]
        sums[0, chunk] = size_new_param
        if start == 0:
            new[0, tensor] = new_beta_product
        taken = take(counter)


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


@compiled
def am_adamw_decayed_accumulate_part(
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
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    size_grad_avg = size_direction = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_sq_avg = grad_sq_avgs[i]
        grad_sq_avg = old_sq_share * grad_sq_avg + new_sq_share * (grad * grad)
        metric = lacking * (sqrt(quotient(grad_sq_avg, grad_sq_weight, inverse_grad_sq_weight)) + eps)
        damping = lambd if metric_penalty else lambd * metric
        grad_avg = ((one - own_beta) * grad + (damping + own_beta) * grad_avg) / (one + damping)
        direction = zero if metric == zero else grad_avg / metric
        size_grad_avg += abs(grad_avg)
        size_direction += abs(direction)
    return size_grad_avg, size_direction


@compiled
def am_adamw_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `am_adamw` with weight decay: 3 words for each parameter."""
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
        beta_product, beta_t, fresh = own[tensor, 6], own[tensor, 7], own[tensor, 5] != zero

        old_sq_share = zero if fresh else beta2
        new_sq_share = grad_sq_weight if fresh else one - beta2
        lacking = one - beta_max * beta_product
        own_beta = beta_max if fresh else beta_t
        inverse_grad_sq_weight = one / grad_sq_weight
        size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = am_adamw_decayed_accumulate_part(
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
            size_grad_avg += parts[0]
            size_direction += parts[1]
        sums[0, chunk] = size_grad_avg
        sums[1, chunk] = size_direction
        taken = take(counter)


@compiled
def am_adamw_decayed_apply_part(
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
    """Loop of `am_adamw_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        size_new_param += abs(new_param)
    return (size_new_param,)


@compiled
def am_adamw_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `am_adamw` with weight decay: 7 words for each parameter."""
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
        size_new_param = 0.0
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
            parts = am_adamw_decayed_apply_part(
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
            size_new_param += parts[0]
        sums[0, chunk] = size_new_param
        if start == 0:
            new[0, tensor] = new_beta_product
        taken = take(counter)


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


@compiled
def am_sgd_accumulate_part(grads, grad_avgs, fresh, beta_k, sample_share):
    """Loop of `am_sgd_accumulate` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    size_grad_avg = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        size_grad_avg += abs(grad_avg)
    return (size_grad_avg,)


@compiled
def am_sgd_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `am_sgd` without weight decay: 2 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, sample_share = own[tensor, 2], own[tensor, 1] != zero, own[tensor, 3]

        size_grad_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_accumulate_part(grads, grad_avgs, fresh, beta_k, sample_share)
            size_grad_avg += parts[0]
        sums[0, chunk] = size_grad_avg
        taken = take(counter)


@compiled
def am_sgd_apply_part(params, grads, grad_avgs, fresh, beta_k, sample_share, relative_rate, step_size):
    """Loop of `am_sgd_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    size_new_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        params[i] = new_param
        grad_avgs[i] = grad_avg
        size_new_param += abs(new_param)
    return (size_new_param,)


@compiled
def am_sgd_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `am_sgd` without weight decay: 5 words for each parameter."""
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

        size_new_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_apply_part(
                params, grads, grad_avgs, fresh, beta_k, sample_share, relative_rate, step_size
            )
            size_new_param += parts[0]
        sums[0, chunk] = size_new_param
        taken = take(counter)


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


@compiled
def am_sgd_decayed_accumulate_part(grads, grad_avgs, fresh, beta_k, sample_share):
    """Loop of `am_sgd_decayed_accumulate` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    size_grad_avg = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        size_grad_avg += abs(grad_avg)
    return (size_grad_avg,)


@compiled
def am_sgd_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `am_sgd` with weight decay: 2 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        beta_k, fresh, sample_share = own[tensor, 6], own[tensor, 5] != zero, own[tensor, 7]

        size_grad_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_decayed_accumulate_part(grads, grad_avgs, fresh, beta_k, sample_share)
            size_grad_avg += parts[0]
        sums[0, chunk] = size_grad_avg
        taken = take(counter)


@compiled
def am_sgd_decayed_apply_part(
    params, grads, grad_avgs, fresh, beta_k, sample_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `am_sgd_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    size_new_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        params[i] = new_param
        grad_avgs[i] = grad_avg
        size_new_param += abs(new_param)
    return (size_new_param,)


@compiled
def am_sgd_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `am_sgd` with weight decay: 5 words for each parameter."""
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

        size_new_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = am_sgd_decayed_apply_part(
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
            size_new_param += parts[0]
        sums[0, chunk] = size_new_param
        taken = take(counter)


@compiled
def momo_adagrad_accumulate_part(grads, grad_avgs, grad_sq_sums, old_share, new_share, eps):
    """Loop of `momo_adagrad_accumulate` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = zero
    for i in range(grads.size):
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
    return sum_1, sum_2, size_grad_avg, size_direction


@compiled
def momo_adagrad_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adagrad` without weight decay: 3 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, weight = scalars[0], scalars[1], scalars[2], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = sum_2 = size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_sums = view(pointers[tensor, 3], first, size, like)
            parts = momo_adagrad_accumulate_part(grads, grad_avgs, grad_sq_sums, old_share, new_share, eps)
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_adagrad_apply_part(
    params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps, relative_rate, step_size
):
    """Loop of `momo_adagrad_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_sums[i] = grad_sq_sum
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_adagrad_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_adagrad` without weight decay: 7 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, eps, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3], scalars[4]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = size_new_param = 0.0
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
            parts = momo_adagrad_apply_part(
                params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps, relative_rate, step_size
            )
            sum_1 += parts[0]
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


@compiled
def momo_adagrad_decayed_accumulate_part(params, grads, grad_avgs, grad_sq_sums, old_share, new_share, eps):
    """Loop of `momo_adagrad_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = zero
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
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction


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
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = 0.0
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
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_adagrad_decayed_apply_part(
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
    """Loop of `momo_adagrad_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_sums[i] = grad_sq_sum
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_adagrad_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_adagrad` with weight decay: 7 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_adagrad_decayed_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


@compiled
def momo_adam_tied_accumulate_part(
    grads, grad_avgs, grad_sq_avgs, old_share, new_share, weight, inverse_weight, eps
):
    """Loop of `momo_adam_tied_accumulate` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = zero
    for i in range(grads.size):
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
    return sum_1, sum_2, size_grad_avg, size_direction


@compiled
def momo_adam_tied_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adam_tied` without weight decay: 3 words for each parameter."""
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
        sum_1 = sum_2 = size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_tied_accumulate_part(
                grads, grad_avgs, grad_sq_avgs, old_share, new_share, weight, inverse_weight, eps
            )
            sum_1 += parts[0]
            sum_2 += parts[1]
            size_grad_avg += parts[2]
            size_direction += parts[3]
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_adam_tied_apply_part(
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
    """Loop of `momo_adam_tied_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_adam_tied_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_adam_tied` without weight decay: 7 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_adam_tied_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


@compiled
def momo_adam_tied_decayed_accumulate_part(
    params, grads, grad_avgs, grad_sq_avgs, old_share, new_share, weight, inverse_weight, eps
):
    """Loop of `momo_adam_tied_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = zero
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
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction


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
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = 0.0
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
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_adam_tied_decayed_apply_part(
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
    """Loop of `momo_adam_tied_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_adam_tied_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_adam_tied` with weight decay: 7 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_adam_tied_decayed_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


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


@compiled
def momo_am_accumulate_part(grads, grad_avgs, fresh, beta_k, sample_share):
    """Loop of `momo_am_accumulate` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = size_grad_avg = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
    return sum_1, size_grad_avg


@compiled
def momo_am_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_am` without weight decay: 2 words for each parameter."""
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

        sum_1 = size_grad_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_accumulate_part(grads, grad_avgs, fresh, beta_k, sample_share)
            sum_1 += parts[0]
            size_grad_avg += parts[1]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = relative_rate * sum_1
        sums[2, chunk] = size_grad_avg
        taken = take(counter)


@compiled
def momo_am_apply_part(params, grads, grad_avgs, fresh, beta_k, sample_share, relative_rate, step_size):
    """Loop of `momo_am_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        params[i] = new_param
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_am_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_am` without weight decay: 5 words for each parameter."""
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

        sum_1 = size_new_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_apply_part(
                params, grads, grad_avgs, fresh, beta_k, sample_share, relative_rate, step_size
            )
            sum_1 += parts[0]
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


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


@compiled
def momo_am_decayed_accumulate_part(params, grads, grad_avgs, fresh, beta_k, sample_share):
    """Loop of `momo_am_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        sum_2 += grad_avg * param
        size_grad_avg += abs(grad_avg)
    return sum_1, sum_2, size_grad_avg


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

        sum_1 = sum_2 = size_grad_avg = 0.0
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
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = model_scale * relative_rate * sum_1
        sums[2, chunk] = decay * model_scale * sum_2
        sums[3, chunk] = size_grad_avg
        taken = take(counter)


@compiled
def momo_am_decayed_apply_part(
    params, grads, grad_avgs, fresh, beta_k, sample_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `momo_am_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = grad if fresh else beta_k * grad_avg + sample_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        params[i] = new_param
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_am_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_am` with weight decay: 5 words for each parameter."""
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

        sum_1 = size_new_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_am_decayed_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


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


@compiled
def momo_am_adam_accumulate_part(
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
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = zero
    for i in range(grads.size):
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
    return sum_1, sum_2, size_grad_avg, size_direction


@compiled
def momo_am_adam_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_am_adam` without weight decay: 3 words for each parameter."""
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
        sum_1 = sum_2 = size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_am_adam_accumulate_part(
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
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_am_adam_apply_part(
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
    """Loop of `momo_am_adam_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_am_adam_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_am_adam` without weight decay: 7 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_am_adam_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


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
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = zero
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
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction


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
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = 0.0
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
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_am_adam_decayed_apply_part(
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
    """Loop of `momo_am_adam_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_am_adam_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_am_adam` with weight decay: 7 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_am_adam_decayed_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


@compiled
def momo_amsgrad_accumulate_part(
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
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = zero
    for i in range(grads.size):
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
    return sum_1, sum_2, size_grad_avg, size_direction


@compiled
def momo_amsgrad_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_amsgrad` without weight decay: 4 words for each parameter."""
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
        sum_1 = sum_2 = size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            fetch(pointers[tensor, 4], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            grad_sq_maxs = view(pointers[tensor, 4], first, size, like)
            parts = momo_amsgrad_accumulate_part(
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
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_amsgrad_apply_part(
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
    """Loop of `momo_amsgrad_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        grad_sq_maxs[i] = grad_sq_max
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_amsgrad_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_amsgrad` without weight decay: 9 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_amsgrad_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


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
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = zero
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
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction


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
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = 0.0
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
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_amsgrad_decayed_apply_part(
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
    """Loop of `momo_amsgrad_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        grad_sq_maxs[i] = grad_sq_max
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_amsgrad_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_amsgrad` with weight decay: 9 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_amsgrad_decayed_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


@compiled
def momo_adam_accumulate_part(
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
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = size_direction = zero
    for i in range(grads.size):
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
    return sum_1, sum_2, size_grad_avg, size_direction


@compiled
def momo_adam_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo_adam` without weight decay: 3 words for each parameter."""
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
        sum_1 = sum_2 = size_grad_avg = size_direction = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            fetch(pointers[tensor, 3], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            grad_sq_avgs = view(pointers[tensor, 3], first, size, like)
            parts = momo_adam_accumulate_part(
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
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = relative_rate * sum_2
        sums[3, chunk] = size_grad_avg
        sums[4, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_adam_apply_part(
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
    """Loop of `momo_adam_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_adam_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_adam` without weight decay: 7 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_adam_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


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
    sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = zero
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
    return sum_1, sum_2, sum_3, size_grad_avg, size_direction


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
        sum_1 = sum_2 = sum_3 = size_grad_avg = size_direction = 0.0
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
        sums[0, chunk] = sum_1
        sums[1, chunk] = relative_rate * sum_2
        sums[2, chunk] = model_scale * relative_rate * sum_2
        sums[3, chunk] = decay * model_scale * sum_3
        sums[4, chunk] = size_grad_avg
        sums[5, chunk] = size_direction
        taken = take(counter)


@compiled
def momo_adam_decayed_apply_part(
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
    """Loop of `momo_adam_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
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
        params[i] = new_param
        grad_avgs[i] = grad_avg
        grad_sq_avgs[i] = grad_sq_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_adam_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo_adam` with weight decay: 7 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
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
            parts = momo_adam_decayed_apply_part(
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
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


@compiled
def fsgdm_accumulate_part(grads, grad_avgs, old_share, new_share):
    """Loop of `fsgdm_accumulate` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    size_grad_avg = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        size_grad_avg += abs(grad_avg)
    return (size_grad_avg,)


@compiled
def fsgdm_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `fsgdm` without weight decay: 2 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, weight = scalars[0], scalars[1], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh = own[tensor, 1] != zero

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        size_grad_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = fsgdm_accumulate_part(grads, grad_avgs, old_share, new_share)
            size_grad_avg += parts[0]
        sums[0, chunk] = size_grad_avg
        taken = take(counter)


@compiled
def fsgdm_apply_part(params, grads, grad_avgs, old_share, new_share, relative_rate, step_size):
    """Loop of `fsgdm_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    size_new_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        params[i] = new_param
        grad_avgs[i] = grad_avg
        size_new_param += abs(new_param)
    return (size_new_param,)


@compiled
def fsgdm_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `fsgdm` without weight decay: 5 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        size_new_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = fsgdm_apply_part(params, grads, grad_avgs, old_share, new_share, relative_rate, step_size)
            size_new_param += parts[0]
        sums[0, chunk] = size_new_param
        taken = take(counter)


@compiled
def fsgdm_decayed_accumulate_part(grads, grad_avgs, old_share, new_share):
    """Loop of `fsgdm_decayed_accumulate` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    size_grad_avg = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        size_grad_avg += abs(grad_avg)
    return (size_grad_avg,)


@compiled
def fsgdm_decayed_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `fsgdm` with weight decay: 2 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, weight = scalars[0], scalars[1], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh = own[tensor, 3] != zero

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        size_grad_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = fsgdm_decayed_accumulate_part(grads, grad_avgs, old_share, new_share)
            size_grad_avg += parts[0]
        sums[0, chunk] = size_grad_avg
        taken = take(counter)


@compiled
def fsgdm_decayed_apply_part(
    params, grads, grad_avgs, old_share, new_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `fsgdm_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    size_new_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        params[i] = new_param
        grad_avgs[i] = grad_avg
        size_new_param += abs(new_param)
    return (size_new_param,)


@compiled
def fsgdm_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `fsgdm` with weight decay: 5 words for each parameter."""
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
        size_new_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = fsgdm_decayed_apply_part(
                params, grads, grad_avgs, old_share, new_share, shrink, step_scale, relative_rate, step_size
            )
            size_new_param += parts[0]
        sums[0, chunk] = size_new_param
        taken = take(counter)


@compiled
def momo_accumulate_part(grads, grad_avgs, old_share, new_share):
    """Loop of `momo_accumulate` over a part of a tensor."""
    zero, one = grads.dtype.type(0), grads.dtype.type(1)
    sum_1 = size_grad_avg = zero
    for i in range(grads.size):
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        size_grad_avg += abs(grad_avg)
    return sum_1, size_grad_avg


@compiled
def momo_accumulate(like, scalars, own, pointers, chunks, counter, sums, new):
    """Accumulate, of `momo` without weight decay: 2 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, weight = scalars[0], scalars[1], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = size_grad_avg = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_accumulate_part(grads, grad_avgs, old_share, new_share)
            sum_1 += parts[0]
            size_grad_avg += parts[1]
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = relative_rate * sum_1
        sums[2, chunk] = size_grad_avg
        taken = take(counter)


@compiled
def momo_apply_part(params, grads, grad_avgs, old_share, new_share, relative_rate, step_size):
    """Loop of `momo_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = param - relative_rate * step_size * direction
        params[i] = new_param
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo` without weight decay: 5 words for each parameter."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    beta_k, sample_share, step_size, weight = scalars[0], scalars[1], scalars[2], scalars[3]

    taken = take(counter)
    while taken < len(chunks):
        chunk = len(chunks) - 1 - taken
        tensor, start, stop = chunks[chunk]
        fresh, relative_rate = own[tensor, 1] != zero, own[tensor, 0]

        old_share = zero if fresh else beta_k
        new_share = weight if fresh else sample_share
        sum_1 = size_new_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_apply_part(params, grads, grad_avgs, old_share, new_share, relative_rate, step_size)
            sum_1 += parts[0]
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


@compiled
def momo_decayed_accumulate_part(params, grads, grad_avgs, old_share, new_share):
    """Loop of `momo_decayed_accumulate` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = sum_2 = size_grad_avg = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        sum_1 += grad_avg * direction
        sum_2 += grad_avg * param
        size_grad_avg += abs(grad_avg)
    return sum_1, sum_2, size_grad_avg


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
        sum_1 = sum_2 = size_grad_avg = 0.0
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
        sums[0, chunk] = relative_rate * sum_1
        sums[1, chunk] = model_scale * relative_rate * sum_1
        sums[2, chunk] = decay * model_scale * sum_2
        sums[3, chunk] = size_grad_avg
        taken = take(counter)


@compiled
def momo_decayed_apply_part(
    params, grads, grad_avgs, old_share, new_share, shrink, step_scale, relative_rate, step_size
):
    """Loop of `momo_decayed_apply` over a part of a tensor."""
    zero, one = params.dtype.type(0), params.dtype.type(1)
    sum_1 = size_new_param = zero
    for i in range(params.size):
        param = params[i]
        grad = grads[i]
        grad_avg = grad_avgs[i]
        grad_avg = old_share * grad_avg + new_share * grad
        direction = grad_avg
        new_param = (one - shrink) * param - step_scale * relative_rate * step_size * direction
        params[i] = new_param
        grad_avgs[i] = grad_avg
        sum_1 += grad_avg * (new_param - param)
        size_new_param += abs(new_param)
    return sum_1, size_new_param


@compiled
def momo_decayed_apply(like, scalars, own, pointers, chunks, counter, sums, new):
    """Apply, of `momo` with weight decay: 5 words for each parameter."""
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
        sum_1 = size_new_param = 0.0
        for first in range(start, stop, BLOCK):
            size = min(BLOCK, stop - first)
            fetch(pointers[tensor, 0], first + AHEAD, size, like)
            fetch(pointers[tensor, 1], first + AHEAD, size, like)
            fetch(pointers[tensor, 2], first + AHEAD, size, like)
            params = view(pointers[tensor, 0], first, size, like)
            grads = view(pointers[tensor, 1], first, size, like)
            grad_avgs = view(pointers[tensor, 2], first, size, like)
            parts = momo_decayed_apply_part(
                params, grads, grad_avgs, old_share, new_share, shrink, step_scale, relative_rate, step_size
            )
            sum_1 += parts[0]
            size_new_param += parts[1]
        sums[0, chunk] = sum_1
        sums[1, chunk] = size_new_param
        taken = take(counter)


KERNELS = {
    ("adam", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=adam_accumulate,
        accumulate_sums=("grad_sq_total", "size_grad_avg", "size_direction"),
        apply=adam_apply,
        apply_sums=("size_new_param",),
        words=10,
    ),
    ("adam", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "step_scale", "shrink", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=adam_decayed_accumulate,
        accumulate_sums=("grad_sq_total", "size_grad_avg", "size_direction"),
        apply=adam_decayed_apply,
        apply_sums=("size_new_param",),
        words=10,
    ),
    ("adamw", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=adam_accumulate,
        accumulate_sums=("grad_sq_total", "size_grad_avg", "size_direction"),
        apply=adam_apply,
        apply_sums=("size_new_param",),
        words=10,
    ),
    ("adamw", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "step_scale", "shrink", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=adam_decayed_accumulate,
        accumulate_sums=("grad_sq_total", "size_grad_avg", "size_direction"),
        apply=adam_decayed_apply,
        apply_sums=("size_new_param",),
        words=10,
    ),
    ("am_adamw", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
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
        tensor_state=("beta_product",),
        measure=am_adamw_measure,
        measure_sums=("numerator", "denominator"),
        accumulate=am_adamw_accumulate,
        accumulate_sums=("size_grad_avg", "size_direction"),
        apply=am_adamw_apply,
        apply_sums=("size_new_param",),
        words=13,
    ),
    ("am_adamw", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
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
        tensor_state=("beta_product",),
        measure=am_adamw_decayed_measure,
        measure_sums=("numerator", "denominator"),
        accumulate=am_adamw_decayed_accumulate,
        accumulate_sums=("size_grad_avg", "size_direction"),
        apply=am_adamw_decayed_apply,
        apply_sums=("size_new_param",),
        words=14,
    ),
    ("am_sgd", False): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("lambd", "rate_ratio", "step_size"),
        own=("relative_rate", "fresh", "beta_k", "sample_share"),
        chosen=("beta_t", "beta_k", "sample_share"),
        tensor_state=(),
        measure=am_sgd_measure,
        measure_sums=("numerator", "denominator"),
        accumulate=am_sgd_accumulate,
        accumulate_sums=("size_grad_avg",),
        apply=am_sgd_apply,
        apply_sums=("size_new_param",),
        words=9,
    ),
    ("am_sgd", True): Kernels(
        arrays=("param", "grad", "grad_avg"),
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
        tensor_state=(),
        measure=am_sgd_decayed_measure,
        measure_sums=("numerator", "denominator"),
        accumulate=am_sgd_decayed_accumulate,
        accumulate_sums=("size_grad_avg",),
        apply=am_sgd_decayed_apply,
        apply_sums=("size_new_param",),
        words=10,
    ),
    ("fsgdm", False): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=fsgdm_accumulate,
        accumulate_sums=("size_grad_avg",),
        apply=fsgdm_apply,
        apply_sums=("size_new_param",),
        words=7,
    ),
    ("fsgdm", True): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "step_scale", "shrink", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=fsgdm_decayed_accumulate,
        accumulate_sums=("size_grad_avg",),
        apply=fsgdm_decayed_apply,
        apply_sums=("size_new_param",),
        words=7,
    ),
    ("momo", False): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_accumulate,
        accumulate_sums=("norm_sq", "descent_rate", "size_grad_avg"),
        apply=momo_apply,
        apply_sums=("model_change", "size_new_param"),
        words=7,
    ),
    ("momo", True): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_decayed_accumulate,
        accumulate_sums=("norm_sq", "descent_rate", "decay_drop", "size_grad_avg"),
        apply=momo_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=8,
    ),
    ("momo_adagrad", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_sum"),
        scalars=("beta_k", "eps", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_adagrad_accumulate,
        accumulate_sums=("grad_sq_total", "norm_sq", "descent_rate", "size_grad_avg", "size_direction"),
        apply=momo_adagrad_apply,
        apply_sums=("model_change", "size_new_param"),
        words=10,
    ),
    ("momo_adagrad", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_sum"),
        scalars=("beta_k", "eps", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_adagrad_decayed_accumulate,
        accumulate_sums=(
            "grad_sq_total",
            "norm_sq",
            "descent_rate",
            "decay_drop",
            "size_grad_avg",
            "size_direction",
        ),
        apply=momo_adagrad_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=11,
    ),
    ("momo_adam", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_adam_accumulate,
        accumulate_sums=("grad_sq_total", "norm_sq", "descent_rate", "size_grad_avg", "size_direction"),
        apply=momo_adam_apply,
        apply_sums=("model_change", "size_new_param"),
        words=10,
    ),
    ("momo_adam", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_adam_decayed_accumulate,
        accumulate_sums=(
            "grad_sq_total",
            "norm_sq",
            "descent_rate",
            "decay_drop",
            "size_grad_avg",
            "size_direction",
        ),
        apply=momo_adam_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=11,
    ),
    ("momo_adam_tied", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta_k", "eps", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_adam_tied_accumulate,
        accumulate_sums=("grad_sq_total", "norm_sq", "descent_rate", "size_grad_avg", "size_direction"),
        apply=momo_adam_tied_apply,
        apply_sums=("model_change", "size_new_param"),
        words=10,
    ),
    ("momo_adam_tied", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta_k", "eps", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_adam_tied_decayed_accumulate,
        accumulate_sums=(
            "grad_sq_total",
            "norm_sq",
            "descent_rate",
            "decay_drop",
            "size_grad_avg",
            "size_direction",
        ),
        apply=momo_adam_tied_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=11,
    ),
    ("momo_am", False): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("lambd", "rate_ratio", "step_size"),
        own=("relative_rate", "fresh", "beta_k", "sample_share"),
        chosen=("beta_t", "beta_k", "sample_share"),
        tensor_state=(),
        measure=momo_am_measure,
        measure_sums=("numerator", "denominator"),
        accumulate=momo_am_accumulate,
        accumulate_sums=("norm_sq", "descent_rate", "size_grad_avg"),
        apply=momo_am_apply,
        apply_sums=("model_change", "size_new_param"),
        words=9,
    ),
    ("momo_am", True): Kernels(
        arrays=("param", "grad", "grad_avg"),
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
        tensor_state=(),
        measure=momo_am_decayed_measure,
        measure_sums=("numerator", "denominator"),
        accumulate=momo_am_decayed_accumulate,
        accumulate_sums=("norm_sq", "descent_rate", "decay_drop", "size_grad_avg"),
        apply=momo_am_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=11,
    ),
    ("momo_am_adam", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "eps", "grad_sq_weight", "lambd", "rate_ratio", "step_size"),
        own=("relative_rate", "fresh", "beta_k", "sample_share"),
        chosen=("beta_t", "beta_k", "sample_share"),
        tensor_state=(),
        measure=momo_am_adam_measure,
        measure_sums=("numerator", "denominator"),
        accumulate=momo_am_adam_accumulate,
        accumulate_sums=("grad_sq_total", "norm_sq", "descent_rate", "size_grad_avg", "size_direction"),
        apply=momo_am_adam_apply,
        apply_sums=("model_change", "size_new_param"),
        words=13,
    ),
    ("momo_am_adam", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
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
        tensor_state=(),
        measure=momo_am_adam_decayed_measure,
        measure_sums=("numerator", "denominator"),
        accumulate=momo_am_adam_decayed_accumulate,
        accumulate_sums=(
            "grad_sq_total",
            "norm_sq",
            "descent_rate",
            "decay_drop",
            "size_grad_avg",
            "size_direction",
        ),
        apply=momo_am_adam_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=15,
    ),
    ("momo_amsgrad", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg", "grad_sq_max"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_amsgrad_accumulate,
        accumulate_sums=("grad_sq_total", "norm_sq", "descent_rate", "size_grad_avg", "size_direction"),
        apply=momo_amsgrad_apply,
        apply_sums=("model_change", "size_new_param"),
        words=13,
    ),
    ("momo_amsgrad", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg", "grad_sq_max"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_amsgrad_decayed_accumulate,
        accumulate_sums=(
            "grad_sq_total",
            "norm_sq",
            "descent_rate",
            "decay_drop",
            "size_grad_avg",
            "size_direction",
        ),
        apply=momo_amsgrad_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=14,
    ),
    ("momo_fsgdm", False): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_accumulate,
        accumulate_sums=("norm_sq", "descent_rate", "size_grad_avg"),
        apply=momo_apply,
        apply_sums=("model_change", "size_new_param"),
        words=7,
    ),
    ("momo_fsgdm", True): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_decayed_accumulate,
        accumulate_sums=("norm_sq", "descent_rate", "decay_drop", "size_grad_avg"),
        apply=momo_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=8,
    ),
    ("momo_rmsprop", False): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_adam_accumulate,
        accumulate_sums=("grad_sq_total", "norm_sq", "descent_rate", "size_grad_avg", "size_direction"),
        apply=momo_adam_apply,
        apply_sums=("model_change", "size_new_param"),
        words=10,
    ),
    ("momo_rmsprop", True): Kernels(
        arrays=("param", "grad", "grad_avg", "grad_sq_avg"),
        scalars=("beta2", "beta_k", "eps", "grad_sq_weight", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_adam_decayed_accumulate,
        accumulate_sums=(
            "grad_sq_total",
            "norm_sq",
            "descent_rate",
            "decay_drop",
            "size_grad_avg",
            "size_direction",
        ),
        apply=momo_adam_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=11,
    ),
    ("sgdm", False): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=fsgdm_accumulate,
        accumulate_sums=("size_grad_avg",),
        apply=fsgdm_apply,
        apply_sums=("size_new_param",),
        words=7,
    ),
    ("sgdm", True): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "step_scale", "shrink", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=fsgdm_decayed_accumulate,
        accumulate_sums=("size_grad_avg",),
        apply=fsgdm_decayed_apply,
        apply_sums=("size_new_param",),
        words=7,
    ),
    ("sps", False): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_accumulate,
        accumulate_sums=("norm_sq", "descent_rate", "size_grad_avg"),
        apply=momo_apply,
        apply_sums=("model_change", "size_new_param"),
        words=7,
    ),
    ("sps", True): Kernels(
        arrays=("param", "grad", "grad_avg"),
        scalars=("beta_k", "sample_share", "step_size", "weight"),
        own=("relative_rate", "decay", "step_scale", "shrink", "model_scale", "fresh"),
        chosen=(),
        tensor_state=(),
        accumulate=momo_decayed_accumulate,
        accumulate_sums=("norm_sq", "descent_rate", "decay_drop", "size_grad_avg"),
        apply=momo_decayed_apply,
        apply_sums=("model_change", "size_new_param"),
        words=8,
    ),
}
"""By the name of the rule in the specification, and whether a parameter decays."""
