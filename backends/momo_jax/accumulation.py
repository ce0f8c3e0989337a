"""Several small batches as one large batch: gradients and loss are accumulated together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike, DTypeLike

from momo_core import InvalidTypeError, InvalidValueError
from momo_core.arrays import as_scalar, cast, leaf_dtype, scalar_zero
from momo_core.validate import check_loss

from .mesh import check_axes, same_everywhere
from .state import PyTree, flatten, gradients

if TYPE_CHECKING:
    import optax

ShouldSkip = Callable[[PyTree, Array, PyTree | None], tuple[Array, Any]]


class MultiStepsState(NamedTuple):
    """
    State of `MultiSteps`, with the names of `optax.MultiStepsState`.

    Attributes
    ----------
    mini_step, gradient_step : int32, shape ()
        Small batches since the last step, and steps taken.
    inner_opt_state : tree
        State of the wrapped optimizer.
    acc_grads : tree
        Sums of the gradients, of the shapes of the parameters, at least float32.
    acc_value : array, shape ()
        Sum of the losses, of the widest of float32 and the parameters' dtypes.
    skip_state : tree
        What `should_skip_update_fn` said last.
    """

    mini_step: Array
    gradient_step: Array
    inner_opt_state: Any
    acc_grads: PyTree
    acc_value: Array
    skip_state: Any = ()


class MultiSteps:
    """
    Take a step every k small batches, with the means of their gradients and of their losses.

    `optax.MultiSteps` hands over the loss of the last small batch alone.  Here small batches
    of one size take the step of the large batch that they make up.  The arguments, methods
    and state have the names of optax's.

    Parameters
    ----------
    opt : optax.GradientTransformation
        An optimizer, or a chain with one.  ``on_nonfinite="raise"`` does not go with it.
    every_k_schedule : int or callable
        Small batches in a step, at least 1, or a function of the count of steps.
    use_grad_mean : bool
        False takes the sums, of gradients and losses alike.
    should_skip_update_fn : callable, optional
        ``(updates, gradient_step, params) -> (skip, skip_state)``, such as
        `optax.skip_not_finite`; a small batch that it skips counts as never seen.
        Without it, a small batch that is not finite makes the whole step not finite, which
        the optimizer skips; the next step starts afresh.
    accumulator_dtype : dtype, optional
        Of the sums of gradients; that of the parameters, but at least float32, unless given.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If `every_k_schedule` is neither a callable nor a whole number of at least 1.
    """

    def __init__(
        self,
        opt: optax.GradientTransformation,
        every_k_schedule: int | Callable[[Array], ArrayLike],
        use_grad_mean: bool = True,
        should_skip_update_fn: ShouldSkip | None = None,
        accumulator_dtype: DTypeLike | None = None,
    ) -> None:
        import optax

        self._opt = optax.with_extra_args_support(opt)
        self._every_k = _checked_schedule(every_k_schedule)
        self._use_grad_mean = use_grad_mean
        self._should_skip = should_skip_update_fn
        self._dtype = accumulator_dtype

    @property
    def inner_opt(self) -> optax.GradientTransformationExtraArgs:
        """The wrapped optimizer."""
        return self._opt

    def init(self, params: PyTree) -> MultiStepsState:
        """State before the first small batch."""
        leaves, treedef = flatten(params)
        zeros = [jnp.zeros_like(leaf, dtype=self._dtype or leaf_dtype(leaf, xp=jnp)) for leaf in leaves]
        value = same_everywhere({"loss": scalar_zero(leaves or [jnp.zeros(())], xp=jnp)})["loss"]
        count = jnp.zeros_like(value, dtype=jnp.int32)
        _, skip_state = self._skips(jax.tree.map(jnp.zeros_like, params), count, params)
        none_yet = jnp.zeros_like(count)  # arrays that share memory cannot be donated
        return MultiStepsState(
            count, none_yet, self._opt.init(params), treedef.unflatten(zeros), value, skip_state
        )

    def update(
        self,
        updates: PyTree,
        state: MultiStepsState,
        params: PyTree | None = None,
        *,
        value: Any = None,
        **extra_args: Any,
    ) -> tuple[PyTree, MultiStepsState]:
        """
        Accumulate a small batch, and take a step when it is the last one.

        Parameters
        ----------
        updates : tree
            Gradients of this small batch, one for each parameter.
        state : MultiStepsState
        params : tree
        value : number or array of one element
            The loss of this small batch, for an optimizer that needs one.
        **extra_args
            For the wrapped optimizer.

        Returns
        -------
        updates : tree
            Of the dtypes of `params`; -0.0 where no step is taken, which leaves every
            parameter as it is.
        state : MultiStepsState

        Raises
        ------
        ValueError, TypeError
            If an argument is missing or of the wrong type or shape, as the optimizer says.
        """
        if params is None:
            raise ValueError("params is missing: call update(grads, state, params, value=loss)")
        skip, skip_state = self._skips(updates, state.gradient_step, params)
        added = self._add(updates, state, params, value)
        emit = ~skip & (added.mini_step >= self._every_k(state.gradient_step))
        held = jax.tree.map(lambda new, old: jnp.where(skip, old, new), added, state._replace(skip_state=()))

        def take(held: MultiStepsState) -> tuple[PyTree, MultiStepsState]:
            return self._take(held, params, None if value is None else held.acc_value, extra_args)

        def wait(held: MultiStepsState) -> tuple[PyTree, MultiStepsState]:
            return jax.tree.map(lambda param: -jnp.zeros_like(param), params), held

        moves, new = jax.lax.cond(emit, take, wait, held)
        return moves, new._replace(skip_state=skip_state)

    def has_updated(self, state: MultiStepsState) -> Array:
        """Whether the last call took a step, bool, shape ()."""
        return (state.mini_step == 0) & (state.gradient_step > 0)

    def gradient_transformation(self) -> optax.GradientTransformationExtraArgs:
        """The two functions as a transformation, for a chain for example."""
        import optax

        return optax.GradientTransformationExtraArgs(self.init, self.update)

    def _skips(self, updates: PyTree, step: Array, params: PyTree) -> tuple[Array, Any]:
        """Whether a small batch is skipped, and why."""
        if self._should_skip is None:
            return jnp.zeros_like(step, dtype=bool), ()
        return self._should_skip(updates, step, params)

    def _add(self, updates: PyTree, state: MultiStepsState, params: PyTree, value: Any) -> MultiStepsState:
        """The sums with a small batch, the count with one more."""
        leaves, treedef = flatten(params)
        grads = gradients(updates, treedef)
        for index, grad in enumerate(grads):
            if grad is None:
                message = f"gradient {index} is missing: a small batch needs all of them"
                raise InvalidValueError(message, "E_GRADS_MISSING")
        check_axes(leaves, grads, value)
        loss = check_loss(value, needed=value is not None, xp=jnp)
        total = state.acc_value
        sums = treedef.flatten_up_to(state.acc_grads)
        return state._replace(
            mini_step=state.mini_step + 1,
            acc_grads=treedef.unflatten(
                [one + cast(grad, one.dtype, xp=jnp) for one, grad in zip(sums, grads, strict=True)]
            ),
            acc_value=total if loss is None else total + as_scalar(loss, total, xp=jnp),
            skip_state=(),
        )

    def _take(
        self, held: MultiStepsState, params: PyTree, total: Array | None, extra_args: dict[str, Any]
    ) -> tuple[PyTree, MultiStepsState]:
        """The step of the optimizer with what was accumulated, and sums that start afresh."""
        import optax

        number = held.mini_step if self._use_grad_mean else jnp.ones_like(held.mini_step)
        grads, loss = jax.tree.map(lambda one: one / number.astype(one.dtype), (held.acc_grads, total))
        moves, inner = self._opt.update(grads, held.inner_opt_state, params, value=loss, **extra_args)
        return jax.tree.map(lambda move, param: move.astype(param.dtype), moves, params), held._replace(
            mini_step=jnp.zeros_like(held.mini_step),
            gradient_step=optax.safe_increment(held.gradient_step),
            inner_opt_state=inner,
            acc_grads=jax.tree.map(jnp.zeros_like, held.acc_grads),
            acc_value=jnp.zeros_like(held.acc_value),
        )


def _checked_schedule(every_k: int | Callable[[Array], ArrayLike]) -> Callable[[Array], ArrayLike]:
    """The number of small batches in a step as a function of the count of steps."""
    if callable(every_k):
        return every_k
    if isinstance(every_k, bool) or not isinstance(every_k, int):
        message = f"every_k_schedule must be a whole number or a callable, got {every_k!r}"
        raise InvalidTypeError(message, "E_EVERY_K_TYPE")
    if every_k < 1:
        raise InvalidValueError(f"every_k_schedule must be at least 1, got {every_k}", "E_EVERY_K_RANGE")
    return lambda _: every_k
