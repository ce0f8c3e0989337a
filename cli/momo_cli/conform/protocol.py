"""
The harness protocol: one JSON object a line, a reply to each request.

`spec/harness.schema.json` describes the messages, docs/conformance.md the session.
"""

from __future__ import annotations

import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from momo_spec.load import files_root

from .subjects.base import BrokenSubjectError

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

PROTOCOL_VERSION = 1
SHOWN = 200
LONGEST = 2**26
"""Bytes of a line, so that endless output ends in a message."""

Message = dict[str, Any]


class Channel:
    """
    A running harness.

    Parameters
    ----------
    command : sequence of str
    timeout : float
        Seconds to wait for a reply.

    Raises
    ------
    BrokenSubjectError
        If the program cannot be started.
    """

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self._timeout = timeout
        self._requests = 0
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
            )
        except OSError as error:
            self._log.close()
            hint = "" if len(command) > 1 else "; a Python optimizer is given as MODULE:FACTORY"
            raise BrokenSubjectError(f"cannot start {command[0]}: {error.strerror}{hint}") from error
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=1)
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def ask(self, command: str, reply: str, **content: Any) -> Message:
        """
        Send a request and wait for the reply.

        Parameters
        ----------
        command : str
        reply : str
            Definition of the schema that the reply must meet, unless it is an error or ``unsupported``.

        Raises
        ------
        BrokenSubjectError
            If there is no reply in time, or none that makes sense.
        """
        number, self._requests = self._requests, self._requests + 1
        self._send({"seq": number, "command": command, **content})
        return self._checked(self._receive(command), command, number, reply)

    def close(self) -> None:
        """End the program, by force if it does not listen."""
        if self._process.poll() is None:
            with suppress(BrokenSubjectError):
                self.ask("stop", "stop_reply")
        self._end()

    def _end(self) -> None:
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(LONGEST):
                self._lines.put(line)
        self._lines.put(b"")

    def _send(self, message: Message) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        with suppress(OSError):  # whoever reads the reply finds out
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()

    def _receive(self, command: str) -> bytes:
        try:
            line = self._lines.get(timeout=self._timeout)
        except queue.Empty:
            self._process.kill()
            raise BrokenSubjectError(f"no reply to {command!r} within {self._timeout:g} s") from None
        if not line:
            status = self._process.wait()
            raise BrokenSubjectError(
                f"ended with status {status} instead of a reply to {command!r}{self._last_words()}"
            )
        return line

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return f": {lines[-1][:SHOWN]}" if lines else ""

    def _checked(self, line: bytes, command: str, number: int, reply: str) -> Message:
        shown = line[:SHOWN].decode(errors="replace").strip()
        try:
            message = json.loads(line)
        except ValueError:
            raise BrokenSubjectError(f"the reply to {command!r} is no JSON: {shown}") from None
        if isinstance(message, dict) and message.get("protocol", PROTOCOL_VERSION) != PROTOCOL_VERSION:
            raise BrokenSubjectError(
                f"the harness has version {message['protocol']} of the protocol, this is {PROTOCOL_VERSION}"
            )
        if problem := first_problem(message, reply):
            raise BrokenSubjectError(f"the reply to {command!r} does not fit the schema: {problem}: {shown}")
        if message["seq"] != number:
            raise BrokenSubjectError(f"the reply to request {number} is numbered {message['seq']}: {shown}")
        return dict(message)


@contextmanager
def opened(command: Sequence[str], timeout: float) -> Iterator[Channel]:
    """A channel that is closed at the end."""
    channel = Channel(command, timeout)
    try:
        yield channel
    finally:
        channel.close()


def first_problem(message: Any, definition: str) -> str:
    """What is wrong with a message, by a definition of the schema; empty if nothing is."""
    if isinstance(message, Mapping):
        definition = next((name for name in ("error", "unsupported") if name in message), definition)
    error = next(_validator(definition).iter_errors(message), None)
    return "" if error is None else f"{error.json_path}: {error.message[:SHOWN]}"


def schema() -> Message:
    """JSON Schema of the messages."""
    text = (files_root() / "harness.schema.json").read_text(encoding="utf-8")
    document: Message = json.loads(text)
    return document


@cache
def _validator(definition: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator({**schema(), "anyOf": [{"$ref": f"#/$defs/{definition}"}]})
