"""What each rank does for test_torch_checkpoints: training with FSDP2, stopped and resumed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import fully_shard

from conformance_tests.distributed_worker import CASES, Linear, caught, prescribed, snapshot, whole
from conformance_tests.profiles import PROFILE
from momo_spec.bounds import Rows
from momo_torch import driver
from momo_torch.adapter import ModelBasedOptimizer

NESTED = StateDictOptions()
FLAT = StateDictOptions(flatten_optimizer_state_dict=True)
ONE_FILE = StateDictOptions(full_state_dict=True, cpu_offload=True, broadcast_from_rank0=True)

Route = Callable[["Training", "Training"], None]


class Training:
    """A model in shards, its optimizer, and prescribed steps."""

    def __init__(self, rank: int, case: str) -> None:
        params, self.steps = prescribed(rank)
        self.model = fully_shard(Linear(params))
        optimizer, hyper = CASES[case]
        self.optimizer: ModelBasedOptimizer = driver.construct(
            optimizer, hyper, list(self.model.parameters())
        )

    def follow(self, steps: range) -> Rows:
        """Parameters after each step."""
        rows = [snapshot(self.optimizer)]
        for step in self.steps[steps.start : steps.stop]:
            self.model.zero_grad()
            loss = self.model([torch.tensor(grad) for grad in step["grads"]], step["loss"])
            loss.backward()
            self.optimizer.step(loss=loss)
            rows.append(snapshot(self.optimizer))
        return np.array(rows)

    def state(self, options: StateDictOptions) -> dict[str, Any]:
        return get_optimizer_state_dict(self.model, self.optimizer, options=options)

    def take(self, state: dict[str, Any], options: StateDictOptions) -> None:
        set_optimizer_state_dict(self.model, self.optimizer, state, options=options)


def by_folder(options: StateDictOptions) -> Route:
    """A folder to which each rank writes its part."""

    def resume(old: Training, new: Training) -> None:
        with tempfile.TemporaryDirectory() as mine:
            folder = [mine]
            dist.broadcast_object_list(folder)
            dcp.save({"optimizer": old.state(options)}, checkpoint_id=folder[0])
            state = {"optimizer": new.state(options)}
            dcp.load(state, checkpoint_id=folder[0])
            dist.barrier()
        new.take(state["optimizer"], options)

    return resume


def by_one_file(old: Training, new: Training) -> None:
    """The whole state on one rank, which sends the parts to the others."""
    new.take(old.state(ONE_FILE), ONE_FILE)


ROUTES: dict[str, Route] = {
    "nested": by_folder(NESTED),
    "flat": by_folder(FLAT),
    "one file": by_one_file,
}


def resumed(rank: int, case: str, route: str, stop: int) -> tuple[Rows, Rows]:
    """Rows of a training that went on, and of one that was resumed."""
    old, new = Training(rank, case), Training(rank, case)
    old.follow(range(stop))
    with torch.no_grad():
        for ours, theirs in zip(new.model.parameters(), old.model.parameters(), strict=True):
            ours.copy_(theirs)
    ROUTES[route](old, new)
    rest = range(stop, len(old.steps))
    return old.follow(rest), new.follow(rest)


def resharded(rank: int, case: str) -> bool:
    """Whether a single process can take the state, and has then the same averages."""
    old = Training(rank, case)
    old.follow(range(3))
    params = [nn.Parameter(torch.tensor(whole(param))) for param in old.model.parameters()]
    single = driver.construct(*CASES[case], params)
    state = old.optimizer.state_dict()
    everything = {
        index: {name: torch.tensor(whole(value)) for name, value in entry.items()}
        for index, entry in state["state"].items()
    }
    single.load_state_dict({**state, "state": everything})
    return all(
        np.array_equal(whole(old.optimizer.state[shard][name]), whole(value))
        for shard, param in zip(old.model.parameters(), params, strict=True)
        for name, value in single.state[param].items()
    )


def other_layout(rank: int) -> tuple[str, str]:
    """What loading the state of whole tensors into an optimizer of shards raises."""
    plain = driver.construct("momo", {}, list(Linear(prescribed(rank)[0]).parameters()))
    sharded = Training(rank, "momo").optimizer
    return caught(lambda: sharded.load_state_dict(plain.state_dict()))


RESUMED = [
    *((case, route, 3) for case in CASES for route in ROUTES),
    *((case, route, stop) for case in ("momo*", "am_adamw") for route in ROUTES for stop in (0, 1)),
]


def by_day(case: str, route: str, stop: int) -> bool:
    """Every case by one route, two cases by all of them."""
    routes, cases = list(ROUTES), list(CASES)
    return case in ("momo*", "am_adamw") or routes[cases.index(case) % len(routes)] == route


OFTEN = [row for row in RESUMED if by_day(*row)]


def run_all(rank: int) -> dict[str, Any]:
    """All that test_torch_checkpoints asks about, of one rank."""
    asked = RESUMED if PROFILE == "nightly" else OFTEN
    return {
        "resumed": {(case, route, stop): resumed(rank, case, route, stop) for case, route, stop in asked},
        "resharded": {case: resharded(rank, case) for case in CASES},
        "other layout": other_layout(rank),
    }
