"""What schedules come to in some layer: told by `check`, from the number of layers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ladle.executor.examine import examine
from test_merge import folder, weights

HEAD = """corpus c: chat = jsonl("chat/a.jsonl")
model a = local("models/a")
model b = local("models/b")
model base = local("models/c")
model new = init(arch = llama, hidden = 64, layers = 5, heads = 4, intermediate = 128, tied = true, template = chatml,
                 tokenizer = bpe(c, vocab = 512))
model i = new | sft(on = c)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (".git", "recipes", "chat"):
        (tmp_path / name).mkdir()
    (tmp_path / "chat/a.jsonl").write_text('{"user": "a", "assistant": "b"}\n')
    for seed, name in enumerate("abc"):
        place = folder(tmp_path / "models" / name, weights(seed, torch.bfloat16))
        (place / "chat_template.jinja").write_text("one template")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(project: Path, merge: str) -> list[tuple[str, str, str]]:
    """Return code, message and what the caret stands under of every problem."""
    path = project / "recipes/r.recipe"
    path.write_text(f"{HEAD}model m = {merge}\n")
    told = examine(path).diagnostics
    return [(each.code, each.message, each.source.text[each.span.start : each.span.end]) for each in told]


NO_LAYER = "{mlp: [1, -1], else: 1}"
"""0 in the middle of layers of an odd number."""


@pytest.mark.parametrize(
    ("merge", "caret", "first"),
    [
        (f"linear(a: {NO_LAYER}, b: {{else: 0}})", f"{NO_LAYER}, b: {{else: 0}}", "model.layers.1.mlp"),
        (f"linear(new: {NO_LAYER}, i: 0)", f"{NO_LAYER}, i: 0", "model.layers.2.mlp.gate_proj"),
        (f"ties(a: {NO_LAYER}, b: 0, base = base)", f"{NO_LAYER}, b: 0", "model.layers.1.mlp"),
        (f"della(a: {NO_LAYER}, b: 0, base = base, density = 0.5)", f"{NO_LAYER}, b: 0", "model.layers.1.mlp"),
        (f"multislerp(a: {NO_LAYER}, b: 0)", f"{NO_LAYER}, b: 0", "model.layers.1.mlp"),
        ("nuslerp(a: 1, b: {embed: -1, else: 1})", "1, b: {embed: -1, else: 1}", "model.embed_tokens"),
    ],
)
def test_weights_that_sum_to_zero_in_a_layer_are_told_by_check(
    merge: str, caret: str, first: str, project: Path
) -> None:
    [(code, message, under)] = found(project, merge)
    assert (code, under) == ("E284", caret)
    assert f"the weights sum to 0 for `{first}" in message


@pytest.mark.parametrize(
    "merge",
    [
        f"linear(a: {NO_LAYER}, b: 0, normalize = false)",
        "linear(a: {mlp: [1, -0.6], else: 1}, b: 0)",
        "linear(new: {mlp: 0, else: 1}, i: {layers: [1, 0.5], else: 0.1})",
        f"linear(stack(a, b, layers = each(0..1, 0..1)): {NO_LAYER}, stack(b, a, layers = each(0..1, 0..1)): 0)",
        "breadcrumbs(a, base = base, density = {mlp: [0.1, 0.9], else: 1}, gamma = {mlp: [0.7, 0.05], else: 0.9})",
        # What is written and no layer has, no layer has: three layers, and nothing beside the modules that are named.
        "breadcrumbs(a, base = base, density = {layers: [0.1, 0.1, 0.9, 0.1, 0.1, 0.1], else: 0.5}, gamma = 0.3)",
        "della(a, base = base, density = {layers: 0.5, embed: 0.5, norm: 0.5, else: 0.01}, epsilon = 0.1)",
    ],
)
def test_weights_that_sum_to_something_everywhere_are_fine(merge: str, project: Path) -> None:
    assert found(project, merge) == []


def test_densities_that_leave_no_room_where_they_meet_are_told_by_check(project: Path) -> None:
    gamma = "{mlp: [0.1, 0.6], else: 0.1}"
    told = found(project, f"breadcrumbs(a, base = base, density = {{mlp: [0.5, 0.9], else: 0.5}}, gamma = {gamma})")
    assert told == [("E296", "`density` 0.7 and `gamma` 0.35 are more than all elements", gamma)]
    told = found(project, "breadcrumbs(a, base = base, density = {mlp: [0.5, 0.9], else: 0.5}, gamma = 0.3)")
    assert told == [("E296", "`density` 0.9 and `gamma` 0.3 are more than all elements", "0.3")]


def test_what_nobody_knows_of_a_hub_model_is_left_to_the_step(project: Path) -> None:
    assert found(project, f'linear(hub("o/x"): {NO_LAYER}, hub("o/y"): 0)') == []


UNTIED = """model far = init(arch = llama, hidden = 64, layers = 5, heads = 4, intermediate = 128, tied = false,
                 template = chatml, tokenizer = bpe(c, vocab = 512))
"""
TIED = "leave `lm_head` out: the head is tied to the embeddings, and changes with `embed`"


@pytest.mark.parametrize(
    ("merge", "name", "caret", "help"),
    [
        ("slerp(new, i, t = {lm_head: 0.1, embed: 0.9, else: 0.5})", "lm_head", "{lm_head: 0.1, embed", TIED),
        ("slerp(a, b, t = {lm_head: 0.1, else: 0.5})", "lm_head", "{lm_head: 0.1", TIED),
        (
            "slerp(new, i, t = {q_norm: 0.1, else: 0.5})",
            "q_norm",
            "{q_norm",
            "leave it out, or name what the model has",
        ),
        (
            "linear(new: 1, i: {k_norm: 1, else: 0.5})",
            "k_norm",
            "1, i: {k_norm",
            "`embed`, `norm`, `layers`, `self_attn`",
        ),
        ("ties(a, b, base = base, density = each(0.5, {q_norm: 1, else: 0.5}))", "q_norm", "each", "`embed`"),
        ("new + {lm_head: 0, else: 1} * (i - new)", "lm_head", "new + {", TIED),
        ("slerp(a, slerp(b, base, t = {k_norm: 0, else: 1}), t = 0.5)", "k_norm", "{k_norm", "leave it out"),
    ],
)
def test_a_module_that_the_models_lack_is_told_by_check(
    merge: str, name: str, caret: str, help: str, project: Path
) -> None:
    [(code, message, under)] = found(project, merge)
    assert (code, message) == ("E213", f"the schedule names `{name}`, which matches no tensor of the model")
    assert under.startswith(caret)
    [told] = examine(project / "recipes/r.recipe").diagnostics
    assert help in told.help


@pytest.mark.parametrize(
    "merge",
    [
        "slerp(far, far | sft(on = c), t = {lm_head: 0.1, embed: 0.9, else: 0.5})",
        'slerp(hub("o/x"), hub("o/y"), t = {lm_head: 0.1, q_norm: 0, else: 0.5})',
        "slerp(new, i, t = {embed: 0, norm: 0, layers: [0, 1], post_attention_layernorm: 1, q_proj: 1, else: 0.5})",
    ],
)
def test_modules_that_the_models_have_or_may_have_are_fine(merge: str, project: Path) -> None:
    assert found(project, f"{merge}\n{UNTIED}") == []
