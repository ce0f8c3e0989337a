"""The examples of the README run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [
    *ROOT.glob("*.md"),
    *(page for folder in ("backends", "docs", "spec") for page in (ROOT / folder).rglob("*.md")),
]
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)

GIVEN = {
    "momo_torch": """
        import torch
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1)
        inputs, targets = torch.randn(8, 3), torch.randn(8, 1)
        loss_function = torch.nn.functional.mse_loss
        before = [param.detach().clone() for param in model.parameters()]
    """,
    "momo_jax": """
        import jax.numpy as jnp
        params = before = {"w": jnp.ones(3)}
        grads, loss = {"w": 2 * jnp.ones(3)}, 3.0
    """,
    "momo_keras": """
        import keras, numpy
        x, y = numpy.ones((8, 3), "float32"), numpy.ones((8, 1), "float32")
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        before = model.get_weights()
    """,
}
MOVED = {
    "momo_torch": "assert any((a != b).any() for a, b in zip(before, model.parameters()))",
    "momo_jax": "assert (params['w'] != before['w']).all()",
    "momo_keras": "assert any((a != b).any() for a, b in zip(before, model.get_weights()))",
}


def test_there_is_an_example_for_each_framework() -> None:
    assert [next(name for name in GIVEN if name in block) for block in BLOCKS] == list(GIVEN)


@pytest.mark.parametrize("block", BLOCKS)
def test_example_runs_and_trains(block: str) -> None:
    package = next(name for name in GIVEN if name in block)
    given = re.sub(r"^ {8}", "", GIVEN[package], flags=re.MULTILINE)
    lines = [line for line in block.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 6
    code = "\n".join(["import os; os.environ['KERAS_BACKEND'] = 'torch'", given, block, MOVED[package]])
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    files = [target for target in targets if not target.startswith("http")]
    assert [target for target in files if not (page.parent / target).exists()] == []
