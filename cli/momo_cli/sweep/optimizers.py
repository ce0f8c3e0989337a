"""The optimizers of a sweep: any of the specification, and those that others provide."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import momo_core
from momo_cli.train.optimizers import check_optimizer
from momo_spec import load_spec


@dataclass(frozen=True)
class Peer:
    """
    An optimizer of the framework or of a package for it.

    `packages` has for each framework in which it exists the package that it comes from.
    """

    title: str
    packages: Mapping[str, str]


_EVERYWHERE = {"torch": "torch", "jax": "optax", "keras": "keras"}

PEERS = {
    "builtin_sgdm": Peer("built-in SGD-M", _EVERYWHERE),
    "builtin_adam": Peer("built-in Adam", _EVERYWHERE),
    "builtin_adamw": Peer("built-in AdamW", _EVERYWHERE),
    "schedule_free": Peer("schedule-free AdamW", {"torch": "schedulefree", "jax": "optax"}),
    "prodigy": Peer("Prodigy", {"torch": "prodigyopt", "jax": "optax"}),
}

DEFAULTS = ("momo", "momo_adam", "momo_adam:adapt_lower_bound=true", "am_adamw", *PEERS)

MOMENTUM = 0.9
WEIGHT_DECAY = 0.01
"""Of AdamW: PyTorch's default, given to the other frameworks too, whose defaults differ."""


@dataclass(frozen=True)
class Choice:
    """An optimizer as the user wrote it: ``NAME`` or ``NAME:HYPER=VALUE:...``."""

    name: str
    settings: tuple[tuple[str, float | bool], ...] = ()

    @property
    def hyper(self) -> dict[str, float | bool]:
        """Hyper-parameters that are not at their defaults."""
        return dict(self.settings)

    @property
    def ours(self) -> bool:
        """Whether it is one of the specification."""
        return self.name not in PEERS

    def obstacle(self, framework: str) -> str:
        """Return why it cannot run in "torch", "jax" or "keras"; nothing if it can."""
        if self.ours:
            return ""
        package = PEERS[self.name].packages.get(framework)
        if package is None:
            return f"not supported in {framework}"
        return "" if find_spec(package) else f"{package} is not installed"


def title_of(text: str) -> str:
    """
    Return what an optimizer is called in tables and pictures.

    Examples
    --------
    >>> title_of("momo_adam:adapt_lower_bound=true:beta1=0.5")
    'MoMo-Adam, adapt_lower_bound, beta1=0.5'
    """
    choice = parse(text)
    title = load_spec(choice.name).title if choice.ours else PEERS[choice.name].title
    settings = (name if value is True else f"{name}={value}" for name, value in choice.settings)
    return ", ".join([title, *settings])


def parse(text: str) -> Choice:
    """
    Read an optimizer's name and the hyper-parameters that are not at their defaults.

    Raises
    ------
    ValueError
        If there is no such optimizer, or it does not allow the values.

    Examples
    --------
    >>> parse("momo:lower_bound=0.5")
    Choice(name='momo', settings=(('lower_bound', 0.5),))
    """
    name, *settings = text.split(":")
    pairs = [setting.partition("=")[::2] for setting in settings]
    try:
        hyper = {key: json.loads(value) for key, value in pairs}
    except json.JSONDecodeError as error:
        raise ValueError(f"{text}: a value must be a number, true or false") from error
    if name in PEERS and not hyper:
        return Choice(name)
    if name not in momo_core.KINDS:
        raise ValueError(f"no optimizer {text!r}; there are {', '.join([*momo_core.KINDS, *PEERS])}")
    if "learning_rate" in hyper:
        raise ValueError(f"{text}: the learning rate is what the sweep varies")
    try:
        check_optimizer(name, hyper)
    except TypeError as error:
        raise ValueError(f"{text}: {error}") from error
    return Choice(name, tuple(hyper.items()))
