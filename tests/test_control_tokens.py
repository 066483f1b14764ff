"""A built-in template on a vocabulary without its control tokens: told by `check`, and never advised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checking import checked
from ladle.executor.examine import examine
from ladle.executor.lock.entries import LOCK
from ladle.executor.templates import BUILT_IN
from test_facts import model
from test_lock import MODEL, whole

HEAD = 'corpus c: chat = jsonl("chat/a.jsonl")\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (".git", "recipes", "chat", "models"):
        (tmp_path / name).mkdir()
    (tmp_path / "chat/a.jsonl").write_text('{"user": "a", "assistant": "b"}\n')
    model(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(project: Path, text: str) -> list[tuple[str, str, str, str]]:
    """Return code, message, what the caret stands under and help of every problem."""
    path = project / "recipes/r.recipe"
    path.write_text(HEAD + text)
    found = examine(path).diagnostics
    return [(each.code, each.message, each.source.text[each.span.start : each.span.end], each.help) for each in found]


def test_a_template_whose_control_tokens_a_folder_lacks_is_told_by_check(project: Path) -> None:
    [(code, message, under, _)] = told(project, 'model m = local("models/m", template = chatml) | sft(on = c)\n')
    assert (code, under) == ("E283", "chatml")
    assert message.startswith("`<|im_start|>`, a control token of the template `chatml`, is no added token")
    place = project / "models/m/tokenizer.json"
    control = [{"id": number, "content": text} for number, text in enumerate(BUILT_IN["chatml"].control, 1)]
    place.write_text(json.dumps({"model": {"vocab": {"a": 0}}, "added_tokens": control}))
    assert told(project, 'model m = local("models/m", template = chatml) | sft(on = c)\n') == []
    place.write_text(json.dumps({"model": {"vocab": dict.fromkeys(BUILT_IN["chatml"].control, 0)}}))
    [(code, *_)] = told(project, 'model m = local("models/m", template = chatml) | sft(on = c)\n')
    assert code == "E283"  # a tokenizer takes apart what is no added token


def test_a_template_whose_control_tokens_a_hub_model_lacks_is_told_by_its_lock(project: Path) -> None:
    text = 'model m = hub("o/n", template = chatml) | sft(on = c)\n'
    assert told(project, text) == []
    for added, codes in ((["<|a|>"], ["E283"]), (["<|im_end|>", "<|im_start|>"], []), ("unknown", [])):
        vocabulary = {"identity": "words", "size": 8, "added": added}
        entry = {**MODEL, "vocabulary": vocabulary}
        (project / LOCK).write_text(json.dumps(whole(models={"o/n@main": entry})))
        assert [code for code, *_ in told(project, text)] == codes


def test_the_help_for_a_model_without_a_template_names_one_that_fits(project: Path) -> None:
    _, [first] = checked('model m = local("models/mute") | sft(on = jsonl("chat/a.jsonl"))\n')
    assert first.help == "give it one where it is made: `local(..., template = chatml)`"
    plain = 'model m = local("models/plain") | sft(on = jsonl("chat/a.jsonl"))\n'
    _, [first] = checked(plain)
    assert "`local(..., template = MODEL)`, a model of the same tokenizer" in first.help
    _, [first] = checked(f'model chat = local("models/spoken")\nmodel mean = slerp(chat, chat, t = 0.5)\n{plain}')
    assert first.help == "give it one where it is made: `local(..., template = chat)`"
    assert first.code == "E208"
    assert told(project, 'model m = local("models/m") | sft(on = c)\n')[0][0] == "E208"
