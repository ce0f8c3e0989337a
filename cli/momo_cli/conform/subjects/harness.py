"""Programs in any language that speak the harness protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from momo_spec import SPEC_VERSION
from momo_spec.hexfloat import decode, decode_array, encode, encode_array
from momo_spec.problem import Problem, Step

from ..protocol import PROTOCOL_VERSION, SHOWN, Channel, Message
from .base import BrokenSubjectError, CheckpointError, RefusedError, Taken, UnsupportedError


class HarnessSubject:
    """
    A program behind a channel.

    Parameters
    ----------
    channel : Channel
    rule : str
        Optimizer of the specification.
    fresh : callable, optional
        Starts the program once more, for what is loaded there.

    Attributes
    ----------
    checkpoints : bool
        Whether each run of several steps is also dumped half-way, loaded by a fresh process, and must go on
        there to the bit.

    Raises
    ------
    BrokenSubjectError
        If the program does not start, has another version of the protocol, or not this optimizer.
    """

    def __init__(self, channel: Channel, rule: str, fresh: Callable[[], Channel] | None = None) -> None:
        self._channel, self._rule, self._fresh = channel, rule, fresh
        self._resumed: Channel | None = None
        told = _started(channel, rule)
        self.name = f"{told['name']} {told.get('version', '')}".strip()
        self.dtypes = tuple(told["dtypes"])
        self.checkpoints = fresh is not None and "checkpoint" in told.get("features", ())

    def run(self, problem: Problem, steps: Sequence[Step], dtype: str) -> Generator[Taken, None, None]:
        """Take the steps, one request each, from the middle on in a fresh process as well."""
        _ask(self._channel, "init", "init_reply", dtype=dtype, **_start(problem))
        resumed: Channel | None = None
        for index, step in enumerate(steps):
            if self.checkpoints and index and index == len(steps) // 2:
                resumed = self._loaded(_ask(self._channel, "dump", "dump_reply")["state"])
            told = _ask(self._channel, "step", "step_reply", **_inputs(step))
            if resumed:
                _compare(told, resumed.ask("step", "step_reply", **_inputs(step)))
            yield _taken(told)

    def _loaded(self, state: str) -> Channel:
        """A process with the state, which never had another one's memory."""
        if self._resumed is None:
            assert self._fresh is not None
            self._resumed = self._fresh()
            _started(self._resumed, self._rule)
        told = self._resumed.ask("load", "init_reply", state=state)
        if problem := told.get("error", {}).get("message") or told.get("unsupported"):
            raise CheckpointError(f"its own dump is not loaded: {problem}")
        return self._resumed


def _started(channel: Channel, rule: str) -> Message:
    """Reply of the program to ``start``."""
    try:
        return _ask(
            channel, "start", "start_reply", protocol=PROTOCOL_VERSION, spec_version=SPEC_VERSION, rule=rule
        )
    except (UnsupportedError, RefusedError) as error:
        raise BrokenSubjectError(f"does not support {rule}: {error}") from error


def _ask(channel: Channel, command: str, reply: str, **content: Any) -> Message:
    told = channel.ask(command, reply, **content)
    if "unsupported" in told:
        raise UnsupportedError(told["unsupported"])
    if "error" in told:
        raise RefusedError(told["error"]["message"], told["error"].get("code"))
    return told


def _compare(straight: Message, resumed: Message) -> None:
    """Both replies must be the same texts, but for their numbers."""
    for name in sorted({*straight, *resumed} - {"seq"}):
        if straight.get(name) != resumed.get(name):
            told, expected = (json.dumps(reply.get(name))[:SHOWN] for reply in (resumed, straight))
            raise CheckpointError(f"resumed from a dump, {name} is {told}, expected {expected}")


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
