"""What the documents say is what Ladle does: every recipe in them is checked, every command of the tutorial exists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from checking import LLAMA, FakeFacts, checked
from ladle.dsl.render import render_text
from ladle.dsl.signature import CorpusFacts, Fault
from ladle.dsl.types import CorpusKind, ModelType
from ladle.executor.cli import cli, run
from ladle.executor.commands.new import RECIPE, corpora
from ladle.executor.examine import examine
from ladle.executor.layout import REPORT
from ladle.executor.opened import open_recipe
from loopback_hub import safetensors
from test_facts import model as model_folder

ROOT = Path(__file__).parent.parent
LANGUAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```recipe ?(.*?)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCE = r"^```(\w*)\n(.*?)^```"
EVERY = [(found[1].strip(), found[2]) for found in BLOCK.finditer(LANGUAGE)]
FILES = {mark.split()[1]: text for mark, text in EVERY if mark.startswith("file")}
BLOCKS = [(mark, text) for mark, text in EVERY if not mark.startswith("file")]
PRELUDE = BLOCKS[0][1]
WORDS = ["silk", "is", "a", "strong", "and", "light", "fibre", "that", "spiders", "make", "of", "protein"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the corpora that the documents speak of."""
    rows: dict[str, list[dict[str, object]]] = {
        "papers/one.jsonl": [{"text": " ".join(WORDS[: 4 + n % 8])} for n in range(120)],
        "lessons.jsonl": [{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}],
        "pairs.jsonl": [{"prompt": "q", "chosen": "a", "rejected": "b"}],
        "bench/dev.jsonl": [{"question": "which?", "choices": ["a", "b"], "answer": 1}],
        "pdf/one.pdf": [{}],
        "../prompts/qa.md": [{}],
        "bench/silk.jsonl": [{"question": "q?", "choices": ["a", "b"], "answer": 0}],
    }
    for place, lines in rows.items():
        path = tmp_path / "corpora" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    adapter = tmp_path / "models" / "adapter"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 1, "lora_alpha": 1}')
    module = "base_model.model.model.layers.0.self_attn.q_proj"
    parts = {f"{module}.lora_A.weight": (1, 64), f"{module}.lora_B.weight": (64, 1)}
    (adapter / "adapter_model.safetensors").write_bytes(safetensors(parts))
    (tmp_path / "recipes").mkdir()
    for name, text in FILES.items():
        (tmp_path / "recipes" / f"{name}.recipe").write_text(text)
    return tmp_path


def codes(project: Path, text: str) -> list[str]:
    path = project / "recipes" / "doc.recipe"
    path.write_text(text, encoding="utf-8")
    return [f"{d.code} {d.message}" for d in examine(path).diagnostics]


def test_the_reference_begins_with_its_prelude() -> None:
    assert BLOCKS[0][0] == "prelude"
    assert len(BLOCKS) > 8


@pytest.mark.parametrize("block", [text for mark, text in BLOCKS if not mark.startswith("wrong")])
def test_an_example_of_the_reference_is_sound(project: Path, block: str) -> None:
    assert codes(project, block if block == PRELUDE else PRELUDE + block) == []


@pytest.mark.parametrize(("code", "block"), [(m.split()[1], text) for m, text in BLOCKS if m.startswith("wrong")])
def test_a_wrong_example_fails_as_it_says(project: Path, code: str, block: str) -> None:
    found = codes(project, PRELUDE + block)
    assert [line[:4] for line in found] == [code]


PAGES = sorted((ROOT / "docs/reference").glob("*/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_example_of_a_method_is_sound_and_uses_it(project: Path, page: Path) -> None:
    [example] = [found[2] for found in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    assert f"{page.stem}(" in example
    assert codes(project, PRELUDE + example) == []


class ReadmeFacts(FakeFacts):
    """The files that the README's recipe speaks of."""

    def corpus(self, pattern: str, columns: Mapping[str, str]) -> CorpusFacts | tuple[Fault, ...]:
        kinds = {"papers/*": "text", "qa": "chat", "pairs": "preference", "bench/silk": "labelled"}
        return CorpusFacts((), CorpusKind(kinds[pattern.removeprefix("corpora/").removesuffix(".jsonl")]))

    def model(self, folder: str) -> ModelType | tuple[Fault, ...]:
        return {"models/llama-3.1-8b-instruct": LLAMA}[folder]


def test_the_readmes_recipe_is_sound_and_its_mistake_is_told_as_it_shows() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## What a recipe looks like")[1]
    recipe, shown = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[:2]
    assert checked(recipe, ReadmeFacts())[1] == ()
    number, wrong = re.findall(r"^(\d+) \| (.*)$", shown, re.MULTILINE)[0]
    lines = recipe.split("\n")
    assert lines[int(number) - 1].split("{")[0] == wrong.split("{")[0]
    lines[int(number) - 1] = wrong
    _, found = checked("\n".join(lines), ReadmeFacts())
    assert render_text(found, color=False).replace("recipes/t.recipe", "recipes/silk.recipe").strip() == shown.strip()


def test_the_merge_of_the_page_on_merging_is_sound_and_its_table_gives_it_a_report(project: Path) -> None:
    page = (ROOT / "docs" / "merging.md").read_text(encoding="utf-8")
    recipe, table = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[:2]
    for name in ("base", "a", "b"):
        model_folder(project).rename(project / "models" / name)
    (project / "corpora/held.jsonl").write_text('{"text": "one two three"}\n')

    def reports(text: str) -> list[str]:
        path = project / "recipes" / "doc.recipe"
        path.write_text(text, encoding="utf-8")
        return [each.name for each in open_recipe(path).layout.graph.nodes.values() if each.operator == REPORT]

    assert codes(project, recipe) == []
    assert reports(recipe) == []
    assert codes(project, recipe + table) == []
    assert len(reports(recipe + table)) == 1


def test_the_tutorials_changes_to_the_new_recipe_are_sound(project: Path) -> None:
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    section = tutorial.split("## 3. ")[1].split("## 4. ")[0]
    fences = re.findall(FENCE, section, re.MULTILINE | re.DOTALL)
    added, table = (text for language, text in fences if not language)
    folder = project / "corpora" / "first"
    folder.mkdir()
    for stem, rows in corpora().items():
        (folder / f"{stem}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    held = re.findall(r"^echo '(.*)' > (\S+)$", section, re.MULTILINE)
    for line, place in held:
        (project / place).write_text(line + "\n")
    recipe = RECIPE.format(path="first.recipe", folder="corpora/first")
    before, _, _ = recipe.partition("evaluate scores")
    assert held
    assert codes(project, before + added + table) == []
    later = tutorial.split("## 4. ")[1].split("## 5. ")[0]
    gate = [text for language, text in re.findall(FENCE, later, re.MULTILINE | re.DOTALL) if not language]
    assert gate
    assert codes(project, before + added + table + "".join(gate)) == []


@pytest.mark.parametrize("document", ["README.md", "docs/tutorial.md", "docs/commands.md"])
def test_every_command_in_the_documents_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    used = set(re.findall(r"(?:^|`)ladle ([a-z]+)\b", text, re.MULTILINE))
    assert used
    assert used <= set(cli.list_commands(None))  # type: ignore[arg-type]


@pytest.mark.parametrize("document", ["README.md", *(f"docs/{name}.md" for name in ("tutorial", "commands", "ci"))])
def test_every_option_of_a_command_in_the_documents_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for line in re.findall(r"^ladle .*$|`ladle [^`\n]*`", text, re.MULTILINE):
        name, *words = line.strip("`").split("#")[0].split()[1:] or ["--help"]
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        if command is not None:
            known = {option for parameter in command.params for option in parameter.opts}
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, line


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^## `ladle ([a-z]+)", text, re.MULTILINE))
    assert described == set(cli.list_commands(None))  # type: ignore[arg-type]


def test_the_entries_by_hand_of_the_reference_type_a_recipe_and_stop_its_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```", LANGUAGE.split("## 9. ")[1].split("## 10. ")[0], re.M | re.S)
    (project / "ladle.lock").write_text(shown)
    (project / "recipes" / "far.recipe").write_text(
        "edition 1\n"
        'corpus patients: text = jsonl("corpora/patients/*.jsonl")\n'
        'corpus talks: chat = hub("owner/talks", split = "train")\n'
        'corpus wrong: chat = jsonl("corpora/patients/*.jsonl")\n'
    )
    monkeypatch.chdir(project)
    assert run(["check", "recipes/far.recipe"]) == 1
    said = capsys.readouterr().out
    assert "recipes/far.recipe:4:" in said
    assert "1 mistake" in said
    lines = (project / "recipes" / "far.recipe").read_text().splitlines(keepends=True)[:3]
    (project / "recipes" / "far.recipe").write_text("".join(lines))
    assert run(["check", "recipes/far.recipe"]) == 0
    assert run(["lock", "--check", "recipes/far.recipe"]) == 0
    assert run(["plan", "recipes/far.recipe"]) == 0
    capsys.readouterr()
    assert run(["run", "recipes/far.recipe", "patients"]) == 1
    assert "corpora/patients/*.jsonl" in capsys.readouterr().err
