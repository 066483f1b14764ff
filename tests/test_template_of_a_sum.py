"""A model that gives no template to the result need not have one; the rewrite that a problem names checks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from ladle.dsl.source import Source
from ladle.executor.examine import examine_source
from test_merge import folder, weights

MODELS = 'model a = local("models/a")\nmodel b = local("models/b")\nmodel c = local("models/c")\n'


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` is a base without a chat template, `b` and `c` have one."""
    root = tmp_path_factory.mktemp("sum")
    (root / ".git").mkdir()
    for seed, name in enumerate("abc"):
        place = folder(root / "models" / name, weights(seed, torch.float32))
        (place / "chat_template.jinja").write_text("one template")
    (root / "models" / "a" / "chat_template.jinja").unlink()
    return root


def wrong(root: Path, model: str) -> list[tuple[str, str, str]]:
    text = MODELS + f"model m = {model}\n"
    found = examine_source(root / "x.recipe", Source("x.recipe", text)).diagnostics
    return [(each.code, each.message, each.help) for each in found]


@pytest.mark.parametrize(
    "model",
    [
        "b + 0.5 * (c - a)",
        "b + {mlp: 0.5, else: 1} * (c - a)",
        "ties(b: 1, c: 1, base = a)",
        "nuslerp(b: 1, c: 1, base = a)",
    ],
)
def test_what_is_taken_away_needs_no_template(root: Path, model: str) -> None:
    assert wrong(root, model) == []


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("b + 0.5 * (a - c)", "it has no chat template, `b` has one"),
        ("slerp(b, a, t = 0.5)", "it has no chat template, `b` has one"),
        ("a + 0.5 * (b - c)", "it has a chat template, `a` has none"),
        ("ties(a: 1, base = b)", "it has a chat template, `a` has none"),
    ],
)
def test_what_is_merged_needs_the_template_of_the_first(root: Path, model: str, said: str) -> None:
    [(code, message, help)] = wrong(root, model)[:1]
    assert code == "E262"
    assert message.endswith(said)
    if "*" in model:
        [rewrite] = re.findall(r"`(linear\(.*?\))`", help)
        assert "0.5" in rewrite
        assert wrong(root, rewrite) == []
