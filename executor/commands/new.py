"""`ladle new`. In: the path of a recipe to begin. Out: a commented recipe and small corpora that it runs on at once."""

from __future__ import annotations

import json
from pathlib import Path

import click
from ladle.executor.atomic import in_words
from ladle.executor.console import one_line, typed
from ladle.executor.project import project_root, recipe_name

RECIPE = """\
# What is made is an expression, what is set is a block, and `|` fills the first operand.
# Try:  ladle check {path}    ladle plan {path}    ladle run {path}    ladle report {path}
edition 1

# Corpora: what to read, what to answer, what to prefer. The kind is checked against the columns of the rows.
corpus reading: text       = jsonl("{folder}/text.jsonl")
corpus lessons: chat       = jsonl("{folder}/chat.jsonl")
corpus pairs:   preference = jsonl("{folder}/pairs.jsonl")

# A benchmark asks every model the same questions. No model may have trained on them: that is an error.
benchmark colours: choice {{ on = jsonl("{folder}/bench.jsonl") }}

# Stages: settings of a training. What is not said has a default. A stage named like a kind is of that kind.
stage cpt {{ on = reading  steps = 80  lr = 3e-3  global_batch = 8  context = 64  packing = wrapped }}
stage sft {{ on = lessons  steps = 80  lr = 3e-3  global_batch = 8  context = 64 }}
stage dpo {{ on = pairs    steps = 10  lr = 1e-4  global_batch = 8  context = 64  beta = 0.1 }}

# Models. This one starts from nothing, so that the recipe runs anywhere. With your own model write, for instance,
#   model base = local("models/llama-8b")        a folder of this project
#   model base = hub("meta-llama/Llama-3.1-8B")  a model of the Hugging Face hub
model base = init(
  arch = llama,
  hidden = 64,
  layers = 2,
  heads = 4,
  intermediate = 128,
  tied = true,
  tokenizer = bpe([reading, lessons], vocab = 320),
  template = chatml,
)

# A family: one model for each value of its axis. A shared part is trained once.
model trained[path in [cpt | sft, cpt | sft | dpo]] = base | path

# A merge of the two: t = 0 is the first operand, t = 1 the second.
model merged = slerp(trained[cpt | sft], trained[cpt | sft | dpo], t = 0.5)

evaluate scores {{ models = [base, trained, merged]  on = [colours]  baseline = base }}
"""

THINGS = {
    "the sky": "blue", "grass": "green", "snow": "white", "coal": "black", "a lemon": "yellow", "blood": "red",
    "a carrot": "orange", "milk": "white", "a crow": "black", "a leaf": "green", "the sea": "blue", "a ruby": "red",
}  # fmt: skip


def corpora() -> dict[str, list[dict[str, object]]]:
    """Return the rows of each sample file: twelve things and their colours."""
    colours = sorted(set(THINGS.values()))
    rows: dict[str, list[dict[str, object]]] = {"text": [], "chat": [], "pairs": [], "bench": []}
    for index, (thing, colour) in enumerate(THINGS.items()):
        right = f"The colour of {thing} is {colour}."
        wrong = [f"The colour of {thing} is {other}." for other in colours if other != colour][:3]
        ask = f"What colour has {thing}?"
        rows["text"].append({"text": right})
        rows["chat"].append({"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": right}]})
        rows["pairs"].append({"prompt": ask, "chosen": right, "rejected": wrong[0]})
        place = index % 4
        choices = [*wrong[:place], right, *wrong[place:]]
        rows["bench"].append({"question": f"Tell me the colour of {thing}.", "choices": choices, "answer": place})
    return rows


@click.command("new", short_help="Begin a recipe, with small corpora, ready to run.")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
def COMMAND(recipe: Path) -> int:  # noqa: N802 - the one name by which a command module is found
    """Begin a recipe: a commented RECIPE and small corpora, ready for `ladle run`.

    Nothing that exists is overwritten.
    """
    recipe = recipe if recipe.suffix == ".recipe" else recipe.with_name(recipe.name + ".recipe")
    root, name = project_root(recipe), recipe_name(recipe)
    folder = root / "corpora" / name
    for path in (recipe, folder):
        if path.exists():
            click.echo(f"error: `{one_line(path)}` exists already; choose another name", err=True)
            return 1
    with in_words("beginning a recipe"):
        recipe.parent.mkdir(parents=True, exist_ok=True)
        write_rows(folder)
        recipe.write_text(RECIPE.format(path=typed(recipe), folder=f"corpora/{name}"), encoding="utf-8")
    click.echo(one_line(f"wrote {recipe} and its corpora in {folder}"))
    click.echo(one_line(f"next: ladle check {typed(recipe)}"))
    return 0


def write_rows(folder: Path) -> None:
    """Write the sample corpora into a new folder."""
    folder.mkdir(parents=True)
    for stem, rows in corpora().items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{stem}.jsonl").write_text(lines, encoding="utf-8")
