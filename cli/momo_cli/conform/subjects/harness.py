"""Programs in any language that speak the harness protocol."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from momo_spec import SPEC_VERSION
from momo_spec.hexfloat import decode, decode_array, encode, encode_array
from momo_spec.problem import Problem, Step

from ..protocol import PROTOCOL_VERSION, Channel, Message
from .base import BrokenSubjectError, RefusedError, Taken, UnsupportedError


class HarnessSubject:
    """
    A program behind a channel.

    Parameters
    ----------
    channel : Channel
    rule : str
        Optimizer of the specification.

    Raises
    ------
    BrokenSubjectError
        If the program does not start, has another version of the protocol, or not this optimizer.
    """

    def __init__(self, channel: Channel, rule: str) -> None:
        self._channel = channel
        try:
            told = self._ask(
                "start", "start_reply", protocol=PROTOCOL_VERSION, spec_version=SPEC_VERSION, rule=rule
            )
        except (UnsupportedError, RefusedError) as error:
            raise BrokenSubjectError(f"does not support {rule}: {error}") from error
        self.name = f"{told['name']} {told.get('version', '')}".strip()
        self.dtypes = tuple(told["dtypes"])

    def run(self, problem: Problem, steps: Sequence[Step], dtype: str) -> Generator[Taken, None, None]:
        """Take the steps, one request each."""
        self._ask("init", "init_reply", dtype=dtype, **_start(problem))
        for step in steps:
            yield _taken(self._ask("step", "step_reply", **_inputs(step)))

    def _ask(self, command: str, reply: str, **content: Any) -> Message:
        told = self._channel.ask(command, reply, **content)
        if "unsupported" in told:
            raise UnsupportedError(told["unsupported"])
        if "error" in told:
            raise RefusedError(told["error"]["message"], told["error"].get("code"))
        return told


def _start(problem: Problem) -> Message:
    start: Message = {"hyper": _hyper(problem.hyper), "params": [encode_array(param) for param in problem.x0]}
    if problem.groups:
        start["groups"] = [_hyper(group) for group in problem.groups]
        start["group_of"] = list(problem.group_of)
    return start


def _inputs(step: Step) -> Message:
    return {
        "grads": [None if grad is None else encode_array(grad) for grad in step.grads],
        "loss": None if step.loss is None else encode(step.loss),
        "hyper": _hyper(step.hyper),
    }


def _hyper(hyper: Mapping[str, Any]) -> Message:
    return {name: _value(value) for name, value in hyper.items()}


def _value(value: Any) -> Any:
    """Inverse of `momo_spec.vector_file.read_value`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"text": value}
    return [_value(item) for item in value] if isinstance(value, list) else encode(value)


def _taken(told: Message) -> Taken:
    return Taken(
        [decode_array(param) for param in told["params"]],
        {name: decode(value) for name, value in told.get("info", {}).items()},
        told.get("skipped"),
    )
