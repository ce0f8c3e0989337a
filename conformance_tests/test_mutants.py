"""The suite finds every seeded fault."""

from __future__ import annotations

from collections import Counter

import pytest

from conformance_tests.mutants import JUDGES, MUTANTS, Mutant, judged


@pytest.fixture(scope="module")
def verdicts() -> dict[str, str]:
    pytest.importorskip("torch")
    return judged()


def test_ids_are_unique() -> None:
    assert max(Counter(mutant.id for mutant in MUTANTS).values()) == 1
    assert not {mutant.id for mutant in MUTANTS} & set(JUDGES)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_a_mutant_still_fits_its_source(mutant: Mutant) -> None:
    """`applied` raises unless its old text occurs exactly once."""
    compile(mutant.applied(), mutant.file, "exec")


@pytest.mark.xdist_group("mutants")
@pytest.mark.parametrize("judge", JUDGES)
def test_the_implementation_passes(verdicts: dict[str, str], judge: str) -> None:
    assert verdicts[judge] == ""


@pytest.mark.xdist_group("mutants")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_a_mutant_dies(verdicts: dict[str, str], mutant: Mutant) -> None:
    assert verdicts[mutant.id], f"{mutant.description} survives"
    assert not verdicts[mutant.id].startswith("import "), "no fault, but no program either"
