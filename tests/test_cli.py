"""The command line as a person and a CI job meet it: exit statuses, machine-readable output, what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ladle.dsl.graph import Node
from ladle.executor.cli import cli, run
from ladle.executor.commands import doctor
from ladle.executor.lineage import Lineage
from ladle.executor.opened import Opened, open_recipe
from ladle.executor.record import Record, write_record

HEAVY = ("torch", "transformers", "trl", "datasets", "accelerate", "mergekit", "dvc", "pydantic", "numpy", "rich")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as `ladle new` makes it, entered."""
    monkeypatch.chdir(tmp_path)
    assert run(["new", "recipes/first"]) == 0
    return tmp_path


def test_the_list_of_commands_cuts_no_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == 0
    commands = capsys.readouterr().out.split("Commands:\n")[1].splitlines()
    assert len(commands) == len(cli.list_commands(None))  # type: ignore[arg-type]
    assert [line for line in commands if len(line) > 80 or not line.endswith(".") or line.endswith("...")] == []


def edit(project: Path, old: str, new: str) -> None:
    recipe = project / "recipes" / "first.recipe"
    text = recipe.read_text()
    assert old in text
    recipe.write_text(text.replace(old, new, 1))


def test_a_new_recipe_is_sound_and_nothing_is_overwritten(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "recipes/first.recipe"]) == 0
    before = (project / "recipes" / "first.recipe").read_bytes()
    assert run(["new", "recipes/first"]) == 1
    assert (project / "recipes" / "first.recipe").read_bytes() == before
    assert "exists already" in capsys.readouterr().err


def test_a_path_that_a_shell_would_take_apart_is_quoted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["new", "a b/second"]) == 0
    assert "next: ladle check 'a b/second.recipe'" in capsys.readouterr().out
    assert "ladle plan 'a b/second.recipe'" in (project / "a b/second.recipe").read_text()
    assert run(["check", "a b/second.recipe"]) == 0
    assert run(["compile", "--check", "a b/second.recipe"]) == 1
    assert "`ladle compile 'a b/second.recipe'`" in capsys.readouterr().err


def test_a_place_where_nothing_can_be_written_is_said_with_a_help(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "file").write_text("")
    assert run(["new", "file/second"]) == 1
    said = capsys.readouterr().err
    assert "while beginning a recipe" in said
    assert "help: choose another place" in said


def test_check_reports_every_mistake_as_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(project, "beta = 0.1", "betta = 0.1")
    edit(project, "| sft | dpo", "| sft | dpoo")
    capsys.readouterr()
    assert run(["check", "recipes/first.recipe", "--format", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    keys = {"code", "name", "severity", "message", "help", "file", "line", "column", "end_line", "end_column"}
    assert all(set(problem) == keys for problem in answer["diagnostics"])
    assert [(p["severity"], "beta" in p["help"] or "dpo" in p["help"]) for p in answer["diagnostics"]] == [
        ("error", True),
        ("error", True),
    ]


def test_check_speaks_to_github(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(project, "beta = 0.1", "betta = 0.1")
    capsys.readouterr()
    assert run(["check", "recipes/first.recipe", "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error file=recipes/first.recipe,line=")


def test_plan_lists_every_node_with_its_reason(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["plan", "recipes/first.recipe", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    by_name = {node["name"]: node for node in answer["nodes"]}
    assert set(by_name["merged"]) == {"name", "operator", "engine", "fingerprint", "inputs", "action", "reason"}
    assert (by_name["merged"]["operator"], by_name["merged"]["action"]) == ("slerp", "run")
    assert by_name["reading"]["operator"] == "jsonl"
    assert {"cpt", "sft", "dpo", "prepare", "bpe", "init", "choice"} <= {node["operator"] for node in answer["nodes"]}
    assert not (project / "artifacts").exists()


def test_plan_counts_what_is_there_and_lists_it_when_asked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["plan", "recipes/first.recipe"]) == 0
    short = capsys.readouterr().out.splitlines()
    assert run(["plan", "recipes/first.recipe", "--all"]) == 0
    whole = capsys.readouterr().out.splitlines()
    there = [line for line in whole if line.startswith("reuse ")]
    assert any(line.split()[1:3] == ["reading", "jsonl"] for line in there)
    counted = [line for line in short if line.startswith("reuse ")]
    assert len(counted) == 1
    assert counted[0].startswith(f"reuse   {len(there)} of ")
    assert "`--all`" in counted[0]
    assert {line.split()[1] for line in short if line.startswith("run ")} == {
        line.split()[1] for line in whole if line.startswith("run ")
    }


def test_rows_that_a_benchmark_writes_out_are_called_after_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "colours" in asked(project, capsys)
    assert not any(name.startswith("jsonl-") for name in asked(project, capsys))


def test_a_name_that_is_not_there_is_a_mistake_of_the_users(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "recipes/first.recipe", "mergd"]) == 1
    assert "merged" in capsys.readouterr().err


def asked(project: Path, capsys: pytest.CaptureFixture[str], *names: str) -> set[str]:
    """What `plan` would do for some names."""
    capsys.readouterr()
    assert run(["plan", "recipes/first.recipe", "--format", "json", *names]) == 0
    return {node["name"] for node in json.loads(capsys.readouterr().out)["nodes"]}


def test_a_family_a_benchmark_and_a_table_are_named_like_a_model(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = {"trained-cpt-sft", "trained-cpt-sft-dpo"}
    scores = {f"{model}/colours" for model in (*members, "merged")}
    family = asked(project, capsys, "trained")
    assert members < family
    assert not family & {"merged", "report", *scores}
    assert scores < asked(project, capsys, "colours")
    assert "report" not in asked(project, capsys, "colours")
    assert {"report", *scores} < asked(project, capsys, "scores")
    assert asked(project, capsys, "trained[cpt | sft]") == asked(project, capsys, "trained-cpt-sft")
    assert members & asked(project, capsys, "trained[cpt|sft]") == {"trained-cpt-sft"}
    assert run(["graph", "recipes/first.recipe", "trained"]) == 0


@pytest.mark.parametrize("engine", [(), ("--engine", "mergekit"), ("--variant", "tiny")])
def test_a_member_is_named_as_the_recipe_names_it(
    engine: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "recipes/first.recipe"
    path.write_text(
        f"{path.read_text()}\nlet low = 0.2\n"
        "model st[t in [0.2, 0.4], from in [base, trained[cpt | sft]]] = lerp(from, merged, t = t)\n"
        "model one[t in [0.2, 0.4]] = slerp(base, merged, t = t)\n"
        "variant tiny { cpt.steps = 3 }\n"
    )

    def made(name: str) -> set[str]:
        found = {each.removesuffix("-expression") for each in asked(project, capsys, name, *engine)}
        return {each for each in found if each.startswith(("one-", "st-"))}

    for name in ("one[t = 0.2]", "one[0.2]", "one[0.20]", "one[2e-1]", "one[low]", "one-0_2"):
        assert made(name) == {"one-0_2"}
    for name in ("st[0.20, base]", "st[t = 0.2, from = base]", "st[from = base, t = low]"):
        assert made(name) == {"st-0_2-base"}
    assert made("st[from = base]") == {"st-0_2-base", "st-0_4-base"}
    assert made("st[t = 0.40]") == {"st-0_4-base", "st-0_4-trained-cpt-sft"}


def test_an_index_that_a_recipe_would_not_take_is_told_as_it_tells_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, told in {
        "trained[dpo]": "`trained` has no member `trained[dpo]`",
        "trained[way = cpt]": "`trained` has no axis `way`",
        "merged[0.2]": "only a family has members",
        "trainde[cpt]": "nothing is named `trainde`",
        "trained[cpt]\nlet a = 1": "nothing called",
        "trained[cpt": "nothing called",
    }.items():
        assert run(["plan", "recipes/first.recipe", name]) == 1
        assert told in capsys.readouterr().err


def test_why_says_each_member_of_a_family(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["why", "recipes/first.recipe", "trained"]) == 0
    said = capsys.readouterr().out
    assert "\ntrained-cpt-sft-dpo: run: never made" in said
    assert said.startswith("trained-cpt-sft: run: never made")
    assert run(["why", "recipes/first.recipe", "traind"]) == 1
    assert "`trained`" in capsys.readouterr().err


def test_why_says_the_root_cause_first(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = open_recipe(project / "recipes/first.recipe")
    steps = opened.layout.steps(opened.layout.graph.targets)
    for node in steps:
        made(opened, node)
    with (project / "corpora/first/chat.jsonl").open("a") as file:
        file.write((project / "corpora/first/chat.jsonl").read_text().splitlines()[0] + "\n")
    capsys.readouterr()
    assert run(["why", "recipes/first.recipe", "merged"]) == 0
    first, between, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("merged: run: `corpora/first/chat.jsonl` changed (")
    assert "trained-cpt-sft-dpo" in between
    assert not rest


def made(opened: Opened, node: Node) -> None:
    """Put an artifact in the place of a node, as its step would have."""
    folder = opened.workspace.artifact(opened.layout.spots[node.fingerprint].place)
    folder.mkdir(parents=True)
    inputs = tuple((item.role, item.node) for item in node.inputs)
    lineage = Lineage(node.operator, node.version, dict(node.options), dict(node.engines), inputs, node.content, {})
    (folder / "lineage.json").write_bytes(lineage.encode())
    data = {file: digest for key in node.inputs for file, digest in held(opened.layout.graph.nodes[key.node])}
    place = opened.layout.spots[node.fingerprint].place
    write_record(opened.workspace, Record(place, lineage, data, 0.0, 0.0))


def held(node: Node) -> list[tuple[str, str]]:
    return list(zip(node.files, node.content, strict=True))


def test_compile_check_finds_drift(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compile", "recipes/first.recipe"]) == 0
    assert run(["compile", "--check", "recipes/first.recipe"]) == 0
    edit(project, "t = 0.5", "t = 0.25")
    capsys.readouterr()
    assert run(["compile", "--check", "recipes/first.recipe"]) == 1
    assert "changed: pipelines/first/nodes/merged.json" in capsys.readouterr().out
    for number in range(20):
        (project / f"pipelines/first/nodes/left-{number}.json").write_text("{}")
    assert run(["compile", "--check", "recipes/first.recipe"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 12
    assert said[10] == "and 11 more"


def test_compile_says_what_it_removed_and_that_dvc_is_not_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["compile", "--check", "recipes/first.recipe"]) == 1
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert "was never compiled" in said.err
    assert run(["compile", "recipes/first.recipe"]) == 0
    assert "`dvc init` first" in capsys.readouterr().out
    (project / "pipelines/first/nodes/old.json").write_text("{}")
    assert run(["compile", "recipes/first.recipe"]) == 0
    assert "removed pipelines/first/nodes/old.json" in capsys.readouterr().out


def test_a_recipe_that_is_not_there_is_said_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("check", "plan", "run", "graph", "report", "compile"):
        assert run([command, "no/such.recipe"]) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err


def test_wrong_usage_is_2_and_the_near_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chek"]) == 2
    assert "no such command `chek`: did you mean `check`? `ladle --help`" in capsys.readouterr().err
    assert run(["zzzzzzz"]) == 2
    assert "no such command `zzzzzzz`. `ladle --help`" in capsys.readouterr().err
    assert run(["check"]) == 2
    assert run(["check", "--frmat", "json", "x"]) == 2


@pytest.mark.parametrize("form", ["mermaid", "dot", "svg", "json"])
def test_graph_draws_each_node(project: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    capsys.readouterr()
    assert run(["graph", "recipes/first.recipe", "--format", form]) == 0
    drawn = capsys.readouterr().out
    assert "merged" in drawn
    assert "trained-cpt-sft-dpo" in drawn


@pytest.mark.parametrize("command", ["check", "plan"])
def test_checking_and_planning_import_nothing_heavy(project: Path, command: str) -> None:
    code = (
        "import sys; from ladle.executor.cli import run; "
        f"status = run([{command!r}, 'recipes/first.recipe']); "
        "print(sorted(set(sys.modules)), file=sys.stderr); sys.exit(status)"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0
    loaded = done.stderr
    assert "ladle.dsl.check" in loaded
    assert [name for name in HEAVY if f"'{name}'" in loaded] == []


SLOW = (
    "dataclasses",
    "pkgutil",
    "importlib.resources",
    "tempfile",
    "shutil",
    "ctypes",
    "tomllib",
    "difflib",
    "textwrap",
)
"""Of the standard library, what would make an answer 1 to 4 ms later each."""


def test_linting_imports_nothing_that_it_does_not_use(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\ndependencies = ["ladle[run]"]\n[tool.ruff.lint]\nselect = []\n')
    code = (
        "import sys; before = set(sys.modules); from ladle.executor.cli import run; "
        "status = run(['check', '--lint', 'recipes/first.recipe']); print(*set(sys.modules) - before); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    loaded = done.stdout.split()
    assert "ladle.executor.rulebook" in loaded
    assert [name for name in SLOW if name in loaded] == []


RUN_EXTRA = (*HEAVY, "safetensors", "tokenizers", "jinja2", "huggingface_hub")


def in_a_light_install(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where nothing of the extra `run` can be imported."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({RUN_EXTRA!r})); "
        "from ladle.executor.cli import run; sys.exit(run(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["check", "plan", "why", "graph", "compile"])
def test_a_light_install_does_all_but_run(project: Path, command: str) -> None:
    name = ["merged"] if command == "why" else []
    done = in_a_light_install(command, "recipes/first.recipe", *name)
    assert (done.returncode, done.stderr) == (0, "")
    if command == "compile":
        assert in_a_light_install("compile", "--check", "recipes/first.recipe").returncode == 0


def test_what_a_light_install_lacks_is_named(project: Path) -> None:
    done = in_a_light_install("run", "recipes/first.recipe")
    assert done.returncode == 1
    assert "error: this command needs `rich`, which is not installed" in done.stderr
    assert "pip install 'ladle[run]'" in done.stderr


def test_a_file_name_that_cannot_name_a_recipe_is_a_mistake(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "recipes/first.recipe").rename(project / "recipes/my second.recipe")
    capsys.readouterr()
    assert run(["check", "recipes/my second.recipe"]) == 1
    said = capsys.readouterr().out
    assert "error[E020]: `my second.recipe` cannot name a recipe" in said
    assert "digits, `-` and `_`" in said


def test_a_report_before_the_first_run_says_what_makes_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "recipes/first.recipe"]) == 1
    said = capsys.readouterr().err
    assert "has no report yet" in said
    assert "`ladle run recipes/first.recipe` makes it" in said


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("abc", "6 B  .ladle/runs/  3 records of runs of no recipe"),
        ("a", "2 B  .ladle/runs/  1 record of a run of no recipe"),
    ],
)
def test_run_records_are_one_line(digits: str, said: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = project / ".ladle/runs"
    runs.mkdir(parents=True)
    for digit in digits:
        (runs / f"{digit * 64}.json").write_text("{}")
    capsys.readouterr()
    assert run(["gc"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.lstrip() for line in lines[:-1]] == [said]
    assert run(["gc", "--yes"]) == 0
    assert not list(runs.iterdir())


def test_the_doctor_names_what_brings_a_command_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    helps = {finding.subject: finding.help for finding in doctor.on_path()}
    assert "export PATH=" in helps["dvc on PATH"]
    monkeypatch.setattr(sys, "path", [])
    helps = {finding.subject: finding.help for finding in doctor.on_path()}
    assert helps["dvc on PATH"] == "pip install 'ladle[run]'"


def adopting(project: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `adopt` says when it refuses."""
    capsys.readouterr()
    assert run(["adopt", *arguments]) == 1
    return capsys.readouterr().err


def test_a_member_as_the_recipe_writes_it_is_adopted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "elsewhere").mkdir()
    (project / "recipes/broken.recipe").write_text("model = \n")
    for name in ("trained[cpt | sft]", "trained-cpt-sft", "merged"):
        said = adopting(project, capsys, "elsewhere", "as", name)
        assert "config.json" in said
        assert "no recipe" not in said
    said = adopting(project, capsys, "elsewhere", "as", "trained")
    assert "`trained` is 2 of them" in said
    assert "name one of them" in said
    said = adopting(project, capsys, "elsewhere", "as", "mergd")
    assert "no recipe of this project has a model called `mergd`" in said
    assert "`recipes/broken.recipe` could not be read" in said


def test_a_name_that_several_recipes_have_needs_its_recipe(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "elsewhere/second"]) == 0
    said = adopting(project, capsys, "elsewhere", "as", "merged")
    assert "`elsewhere/second.recipe`, `recipes/first.recipe`" in said


def test_adopting_without_as_says_how_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["adopt", "elsewhere", "merged"]) == 2
    assert "write `ladle adopt FOLDER as NAME`" in capsys.readouterr().err


def test_a_mistake_in_a_used_recipe_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/shared.recipe").write_text(
        'edition 1\ncorpus lost: text = jsonl("nowhere.jsonl")\nlet r = 1e-5\n'
    )
    for name in ("a", "b"):
        (tmp_path / f"recipes/{name}.recipe").write_text('edition 1\nuse "recipes/shared.recipe": r\n')
    assert run(["check", "recipes"]) == 1
    assert capsys.readouterr().out.count("error[E402]") == 1
