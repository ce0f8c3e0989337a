"""Pages of reference that are made from the code: the public names, and the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from momo_cli.main import app

API = {
    "momo_torch": "The optimizers for PyTorch, subclasses of `torch.optim.Optimizer`.",
    "momo_jax": "The optimizers for JAX, gradient transformations of optax.",
    "momo_keras": "The optimizers for Keras 3, on TensorFlow, JAX and PyTorch.",
    "momo_core": "The optimizers as pure functions on arrays of any Array-API library.",
    "momo_spec": "The specification: read it, evaluate it.",
}


def api_pages() -> dict[str, str]:
    """Text of the pages of reference by their places on the site."""
    return {f"api/{name}.md": f"# {name}\n\n{text}\n\n::: {name}\n" for name, text in API.items()}


def command_line_page() -> str:
    """What `momo --help` says, for each command."""
    command = get_command(app)
    sections = [_section(name, found) for name, found in _commands("momo", command)]
    return "\n".join([f"# Command line\n\n{command.help}\n", *sections])


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The commands that do something, with their full names."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    for key, value in (inner or {}).items():
        yield from _commands(f"{name} {key}", value)


def _section(name: str, command: Any) -> str:
    """A command: what it does, how it is called, its arguments and options."""
    parameters = [parameter for parameter in command.params if parameter.name != "help"]
    rows = [_row(parameter) for parameter in parameters]
    table = ["| | default | meaning |", "|---|---|---|", *rows, ""] if rows else []
    usage = " ".join([name, *command.collect_usage_pieces(command.context_class(command))])
    return "\n".join([f"## {name}\n", f"{command.help}\n", f"```text\n{usage}\n```\n", *table])


def _row(parameter: Any) -> str:
    """A parameter: its names, its default and its meaning."""
    options = [*parameter.opts, *parameter.secondary_opts]
    names = options if options[0].startswith("-") else [parameter.metavar or parameter.name.upper()]
    value = getattr(parameter.default, "value", parameter.default)
    unset = value in (None, "", (), []) or value is False or callable(value)
    default = "" if unset else f"`{value}`"
    shown = ", ".join(f"`{name}`" for name in names)
    return f"| {shown} | {default} | {parameter.help or ''} |".replace("\n", " ")
