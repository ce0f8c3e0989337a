"""Tests of a group run in one worker, so that what they share is made once."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("one worker")
def test_the_scheduler_is_told_of_a_group(request: pytest.FixtureRequest) -> None:
    """By the end of the name of a test: pytest and pytest-xdist have to agree where that is kept."""
    if not request.config.getoption("loadgroup", False):
        pytest.skip("not run: the tests are not spread over workers by groups")
    assert request.node.nodeid.endswith("@one worker")
