"""All mistakes at once: what is wrong with a source hides nothing of what is made from it, and no phase another."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checking import FakeFacts, checked, problems
from ladle.executor.examine import examine
from test_adapters import adapter
from test_merge import folder, weights


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ('model s = local("models/lost")\nmodel m = slerp(s, b)\n', ["E402", "E205"]),
        ('model s = local("models/lost")\nmodel m = linear(s: 1, b: -1)\n', ["E402", "E284"]),
        ('model s = local("models/lost")\nmodel m = s | sft(on = c, steps = 1) | snapshot(step = 9)\n',
         ["E402", "E246"]),
        ('model m = slerp(local("models/lost"), local("models/gone"), t = 7)\n', ["E402", "E402", "E204"]),
        ('corpus s: text = jsonl("lost/a.jsonl")\nmodel m = b | cpt(on = s, lr = 3)\n', ["E402", "E204"]),
        ('corpus s: text = jsonl("lost/a.jsonl")\nmodel m = slerp(b | cpt(on = s), b)\n', ["E402", "E205"]),
        ('model s = local("models/lost", template = chatml)\nmodel m = slerp(s, linear(b: 1, s: -1))\n',
         ["E402", "E205", "E284"]),
    ],
)  # fmt: skip
def test_what_uses_a_source_that_cannot_be_read_is_judged_too(text: str, codes: list[str]) -> None:
    head = 'model b = local("models/b")\ncorpus c: chat = jsonl("chat/a.jsonl")\n'
    assert sorted(code for _, code, _ in problems(head + text)) == sorted(codes)


@pytest.mark.parametrize(
    "use",
    [
        "model m = slerp(s, b, t = 0.5)",
        "model m = s | sft(on = c)",
        "model m = s + (b - s)",
        "model m = best([s, b], on = asked)\nevaluate t { models = [s, m]  on = [asked]  as = dev }",
        "evaluate t { models = [s, b]  on = [asked, lines] }",
        'model t = local("models/lost")\nmodel m = slerp(t, s, t = 0.5)',
        "model r[k in 1..3] = s | sft(on = c, steps = k)\nmodel m = soup(r)",
    ],
)
def test_of_a_source_that_cannot_be_read_nothing_else_is_told(use: str) -> None:
    text = """model b = local("models/b")
model s = local("models/lost")
corpus c: chat = jsonl("lost/a.jsonl")
benchmark asked: choice { on = jsonl("lost/b.jsonl") }
benchmark lines: exact { on = jsonl("lost/c.jsonl") }
"""
    found, wrong = checked(f"{text}{use}\n")
    assert [problem.code for problem in wrong] == ["E402"] * 4
    assert found.skipped == ()


def test_a_source_that_cannot_be_read_is_told_in_each_file_that_names_it() -> None:
    from_used = 'model s = local("models/lost")\n'
    text = 'use "recipes/u.recipe": s\nmodel t = local("models/lost")\nmodel m = slerp(s, t, t = 2)\n'
    _, wrong = checked(text, FakeFacts(recipes={"recipes/u.recipe": from_used}))
    assert sorted((each.source.path, each.code) for each in wrong) == [
        ("recipes/t.recipe", "E204"),
        ("recipes/t.recipe", "E402"),
        ("recipes/u.recipe", "E402"),
    ]


# --- phases ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "recipes").mkdir()
    for seed, name in enumerate("abc"):
        place = folder(tmp_path / "models" / name, weights(seed, torch.bfloat16))
        (place / "chat_template.jinja").write_text("one template")
    adapter(tmp_path / "models/tuned")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(project: Path, text: str) -> list[tuple[int, str]]:
    path = project / "recipes/r.recipe"
    path.write_text('model a = local("models/a")\nmodel b = local("models/b")\n' + text)
    return [(each.source.position(each.span.start)[0], each.code) for each in examine(path).diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('model n = local("models/tuned")\nmodel m = stack(n, b, layers = each(0..1, 1..2))\n',
         [(3, "E426"), (4, "E634")]),
        ('model n = local("models/tuned")\nmodel m = mergekit(slerp(a, b, t = 0.5, norm = geometric))\n',
         [(3, "E426"), (4, "E630")]),
        ("model n = slrp(a, b)\nmodel m = mergekit(a)\n", [(3, "E101"), (4, "E630")]),
        ("model n = = a\nmodel m = mergekit(a)\n", [(3, "E001"), (4, "E630")]),
        ("model n = b\nmodel m = mergekit(slerp(n, b, t = 0.5, norm = geometric, tokenizer = n))\n",
         [(4, "E630"), (4, "E630")]),
        ("model m = a\nvariant v { m = mergekit(a) }\nvariant w { m = slerp(a, b) }\n", [(4, "E630"), (5, "E205")]),
    ],
)  # fmt: skip
def test_a_mistake_of_one_phase_hides_none_of_another(
    text: str, expected: list[tuple[int, str]], project: Path
) -> None:
    assert told(project, text) == expected


def test_training_on_a_copy_of_a_benchmark_is_told_beside_a_mistake_and_once(project: Path) -> None:
    (project / "text").mkdir()
    for name in ("a", "b"):
        (project / f"text/{name}.jsonl").write_text('{"text": "one"}\n')
    text = """model i = init(arch = llama, hidden = 64, layers = 2, heads = 4, intermediate = 128, template = chatml,
               tokenizer = bpe(seen, vocab = 512))
corpus seen: text = jsonl("text/a.jsonl")
benchmark copy: loss { on = jsonl("text/b.jsonl") }
benchmark same: loss { on = jsonl("text/a.jsonl") }
model m = i | cpt(on = seen)
model n = slerp(i, m)
"""
    assert told(project, f"{text}evaluate t {{ models = [m]  on = [copy] }}\n") == [(6, "E303"), (9, "E205")]
    assert told(project, f"{text}evaluate t {{ models = [m]  on = [same] }}\n") == [(9, "E205"), (10, "E303")]
