"""The report of a recipe: numbers, files, escaping, and what a browser makes of the page."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ladle.dsl.graph import Json
from ladle.executor.lineage import Lineage
from ladle.executor.report import program
from ladle.executor.report.content import Table
from ladle.executor.report.figure import ticks
from ladle.executor.scoring.items import write_accuracy, write_items, write_metrics
from ladle.executor.task import Given, Machine, Progress, StepError, Task

HOSTILE = "<script>alert('x')</script>\"|`*_[a](b)&amp;\x1b\u202e"


def score(folder: Path, benchmark: str, right: list[int]) -> Path:
    folder.mkdir(parents=True)
    items: list[dict[str, Json]] = [
        {
            "id": i,
            "content": hashlib.sha256(f"{benchmark}/{i}".encode()).hexdigest(),
            "gold": 0,
            "prediction": 1 - value,
            "correct": value == 1,
            "log_likelihoods": [-1.0, -2.0, -3.0, -4.0],
        }
        for i, value in enumerate(right)
    ]
    write_accuracy(folder, items)
    return folder


def loss(folder: Path, value: float) -> Path:
    folder.mkdir(parents=True)
    write_items(folder, [{"id": 0, "content": "0" * 64, "tokens": 10, "loss": value}])
    write_metrics(folder, {"n": 1, "tokens": 10, "loss": value, "low": None, "high": None, "perplexity": 2.0})
    return folder


RIGHT = {
    ("instruct", "silk"): [1] * 10 + [0] * 30,
    ("trained", "silk"): [1] * 36 + [0] * 4,
    ("merged", "silk"): [1] * 37 + [0] * 3,
    ("instruct", "manners"): [1] * 57 + [0] * 3,
    ("trained", "manners"): [1] * 20 + [0] * 40,
    ("merged", "manners"): [1] * 56 + [0] * 4,
}
MODELS = ["instruct", "trained", "merged"]


def task(path: Path, name: str = "main", right: dict[tuple[str, str], list[int]] = RIGHT, extra: str = "") -> Task:
    inputs = [
        Given(f"score:{name}/{model}/{b}", "choice", "a" * 64, path=score(path / "s" / str(i), b, values))
        for i, ((model, b), values) in enumerate(right.items())
    ]
    models = list(dict.fromkeys(model for model, _ in right))
    benchmarks = list(dict.fromkeys(b for _, b in right))
    trained = path / "m" / "trained"
    trained.mkdir(parents=True)
    lines = "".join(f"{step},{3 / step},0.001,1.0\n" for step in range(1, 21))
    (trained / "losses.csv").write_text(f"step,loss,lr,grad_norm\n{lines}")
    inputs.append(Given(f"model:{models[1]}", "sft", "b" * 64, path=trained))
    inputs.append(Given(f"model:{models[0]}", "local", "c" * 64, path=path / "m"))
    if extra:
        inputs += [
            Given(f"score:{name}/{model}/{extra}", "loss", "d" * 64, path=loss(path / "l" / str(i), 2.0 + i))
            for i, model in enumerate(models)
        ]
        benchmarks.append(extra)
    options: dict[str, Json] = {
        "tables": [
            {
                "name": name,
                "models": [[model, "f" * 64] for model in models],
                "benchmarks": list[Json](benchmarks),
                "scores": [[model, b, "f" * 64] for model in models for b in benchmarks],
                "baseline": models[0],
                "parents": [[models[2], [models[0], models[1]]]],
            }
        ],
        "graph": {
            "nodes": [[models[0], "init"], [models[1], "sft"], [models[2], "slerp"]],
            "edges": [[models[0], models[1]], [models[0], models[2]], [models[1], models[2]]],
        },
    }
    (path / "out").mkdir()
    seen: list[Progress] = []
    return Task("report", "report", options, tuple(inputs), "0" * 64, path, path / "out", Machine(), seen.append)


def made(path: Path, **changes: object) -> Path:
    given = task(path, **changes)  # type: ignore[arg-type]
    program.run(given)
    return given.output


def table(folder: Path) -> Table:
    return program.load_report(folder).tables[0]


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_rows_hold_every_score_with_its_interval(tmp_path: Path) -> None:
    content = json.loads((made(tmp_path) / "report.json").read_text())
    assert content["schema"] == 1
    rows = {(row["model"], row["benchmark"]): row for row in content["rows"]}
    assert rows.keys() == RIGHT.keys()
    row = rows["instruct", "silk"]
    assert (row["n"], row["accuracy"]) == (40, 0.25)
    assert (row["low"], row["high"]) == pytest.approx((0.1419, 0.4019), abs=1e-4)


def test_metrics_are_nested_for_dvc(tmp_path: Path) -> None:
    metrics = json.loads((made(tmp_path) / "metrics.json").read_text())
    assert metrics["main"]["trained"] == {"silk": 0.9, "manners": pytest.approx(0.333333)}


def test_overall_counts_every_benchmark_the_same(tmp_path: Path) -> None:
    overall = {model.name: model.overall for model in table(made(tmp_path)).models}
    assert overall["instruct"] is not None
    assert overall["instruct"].value == pytest.approx((0.25 + 0.95) / 2)


def test_a_merge_is_set_beside_its_parents(tmp_path: Path) -> None:
    merges = {merged.benchmark: merged for merged in table(made(tmp_path)).merges}
    whole = merges[""]
    assert dict(whole.parents) == pytest.approx({"instruct": 0.6, "trained": 0.616667})
    assert whole.expected == pytest.approx(0.608333, abs=1e-6)
    assert whole.diversity == pytest.approx(0.016667, abs=1e-6)
    assert whole.improvement.value == pytest.approx((37 / 40 + 56 / 60) / 2 - 0.616667, abs=1e-5)
    assert whole.synergy
    # One item of forty above the better parent is within the interval, and so no synergy.
    assert merges["silk"].improvement.value == pytest.approx(1 / 40)
    assert not merges["silk"].synergy
    assert not merges["manners"].synergy


def test_notes_call_complementary_skills_by_their_name(tmp_path: Path) -> None:
    notes = " ".join(table(made(tmp_path)).notes)
    assert "recovery of complementary skills, not synergy" in notes
    assert "`merged` has the highest mean accuracy" in notes
    assert "one seed" in notes


def test_notes_claim_nothing_where_a_merge_lies_between_its_parents(tmp_path: Path) -> None:
    right = {key: list(values) for key, values in RIGHT.items()}
    right["merged", "silk"] = [1] * 20 + [0] * 20
    right["merged", "manners"] = [1] * 40 + [0] * 20
    notes = " ".join(table(made(tmp_path, right=right)).notes)
    assert "so no synergy is claimed" in notes
    assert "recovery" not in notes


def test_a_merge_on_one_benchmark_needs_the_adjusted_test(tmp_path: Path) -> None:
    right = {key: list(values) for key, values in RIGHT.items()}
    # Six of forty above the better parent: the interval lies above zero, and among two tests p = 2 * 2 / 2^6 does not.
    right["trained", "silk"] = [1] * 34 + [0] * 6
    right["merged", "silk"] = [1] * 40
    silk = next(m for m in table(made(tmp_path, right=right)).merges if m.benchmark == "silk")
    assert silk.improvement.above_zero
    assert silk.p == pytest.approx(2 / 2**6)
    assert silk.adjusted == pytest.approx(4 / 2**6)
    assert not silk.synergy


def test_differences_are_paired_and_adjusted_for_their_number(tmp_path: Path) -> None:
    against = {(a.model, a.benchmark): a for a in table(made(tmp_path)).against}
    assert len(against) == 6
    trained = against["trained", "silk"]
    assert trained.difference.value == pytest.approx(26 / 40)
    assert trained.p == pytest.approx(2 / 2**26, abs=1e-6)
    assert against["merged", "manners"].adjusted == 1.0
    assert against["trained", ""].p is None


def test_a_loss_stands_in_the_table_and_not_in_the_mean(tmp_path: Path) -> None:
    folder = made(tmp_path, extra="held")
    row = next(r for r in json.loads((folder / "report.json").read_text())["rows"] if r["benchmark"] == "held")
    assert (row["accuracy"], row["metric"], row["value"]) == (None, "loss", 2.0)
    overall = table(folder).models[0].overall
    assert overall is not None
    assert overall.value == pytest.approx(0.6)
    assert "held" in (folder / "report.md").read_text()


UNIT = "nats per token, lower is better"


def test_a_loss_is_said_to_be_one_in_every_form(tmp_path: Path) -> None:
    folder = made(tmp_path, extra="reading")
    text = program.render_text(program.load_report(folder))
    assert text.startswith(f"main: accuracy in percent, with 95 % intervals; reading in {UNIT}\n")
    assert "reading (n=1, nats)" in text
    assert f"`reading` in {UNIT}, with 95 % intervals." in (folder / "report.md").read_text()
    assert f"<th>reading<small>{UNIT}</small></th>" in (folder / "report.html").read_text()
    plain = made(tmp_path / "plain")
    for name in ("report.md", "report.html"):
        assert "nats" not in (plain / name).read_text()


def test_a_table_of_losses_is_not_called_accuracy(tmp_path: Path) -> None:
    report = program.load_report(made(tmp_path, extra="reading"))
    only = replace(
        report.tables[0],
        benchmarks=tuple(b for b in report.tables[0].benchmarks if b.metric == "loss"),
        models=tuple(replace(model, overall=None) for model in report.tables[0].models),
        merges=(),
        notes=(),
    )
    for render in (program.render_text, program.render_markdown):
        shown = render(replace(report, tables=(only,)))
        assert UNIT in shown
        assert "ccuracy" not in shown


def test_notes_say_plainly_what_there_is_none_of(tmp_path: Path) -> None:
    values = {"instruct": [1] * 20 + [0] * 20, "trained": [1] * 40, "merged": [0] * 40}
    said = " ".join(table(made(tmp_path, right={(model, "silk"): right for model, right in values.items()})).notes)
    assert "each can be told apart from it" in said
    assert "No merge lies above the mean of its parents." in said
    assert "none cannot" not in said
    assert "not synergy" not in said


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    folder = made(tmp_path)
    report = program.load_report(folder)
    assert program.render_markdown(report) == (folder / "report.md").read_text()


def vouched(folder: Path, model: str, adopted: str) -> None:
    """Say in a score's lineage that its model, or one before it, was adopted."""
    lineage = Lineage("choice", 1, {}, {}, (("model", model),), (), {}, from_adopted=(adopted,))
    (folder / "lineage.json").write_bytes(lineage.encode())


def test_models_that_were_adopted_are_named(tmp_path: Path) -> None:
    folder = made(tmp_path / "before")
    assert "adopted" not in (folder / "report.json").read_text()
    given = task(tmp_path / "after")
    paths = {item.role: item.path for item in given.inputs}
    for label, key in (("instruct", "1" * 64), ("merged", "2" * 64)):
        path = paths[f"score:main/{label}/silk"]
        assert path
        vouched(path, key, "1" * 64)
    given.output.mkdir(exist_ok=True)
    program.run(given)
    said = "`instruct` was adopted: trained elsewhere, and vouched for. `merged` was made from an adopted model."
    content = table(given.output)
    assert (content.adopted, content.from_adopted) == (("instruct",), ("merged",))
    assert content.notes[0] == said
    assert said in (given.output / "report.md").read_text()
    assert re.sub("`([a-z]+)`", r"<code>\1</code>", said) in (given.output / "report.html").read_text()


def test_the_same_scores_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one"), made(tmp_path / "two")
    for file in ("report.html", "report.md", "report.json", "metrics.json"):
        assert (one / file).read_bytes() == (two / file).read_bytes()
        assert str(tmp_path) not in (one / file).read_text()


def test_round_numbers_are_chosen_for_an_axis() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    assert ticks(-12, 41) == [-10, 0, 10, 20, 30, 40]
    assert ticks(0.61, 0.64, 4) == pytest.approx([0.61, 0.62, 0.63, 0.64])


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_scores_over_other_items_are_not_compared(tmp_path: Path) -> None:
    right = dict(RIGHT) | {("merged", "silk"): [1] * 39}
    with pytest.raises(StepError, match="were asked different items of `silk`"):
        program.run(task(tmp_path, right=right))


def test_a_missing_and_a_damaged_score_are_named(tmp_path: Path) -> None:
    given = task(tmp_path)
    broken = given.given("score:main/trained/silk").path
    assert broken is not None
    (broken / "items.jsonl").write_text("{")
    with pytest.raises(StepError, match="cannot be read"):
        program.run(given)


def test_no_report_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="there is no report"):
        program.load_report(tmp_path)


# --- the page ---------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    text = (made(tmp_path) / "report.html").read_text()
    parsed = Page()
    parsed.feed(text)
    names = {name for name, _ in parsed.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "a"}
    attributes = {key for _, given in parsed.tags for key in given}
    assert not {key for key in attributes if key.startswith("on")} | (attributes & {"src", "href", "style"})
    assert "url(" not in text
    assert "@import" not in text


def test_nothing_of_a_name_becomes_markup(tmp_path: Path) -> None:
    names = {"instruct": HOSTILE, "trained": HOSTILE + "2", "merged": HOSTILE + "3"}
    right = {(names[model], b + HOSTILE): values for (model, b), values in RIGHT.items()}
    folder = made(tmp_path, name=HOSTILE, right=right)
    page = (folder / "report.html").read_text()
    assert "<script" not in page
    assert html.escape("<script>") in page
    parsed = Page()
    parsed.feed(page)
    assert {name for name, _ in parsed.tags} & {"script"} == set()
    for text in (page, (folder / "report.md").read_text(), program.render_text(program.load_report(folder))):
        assert "\x1b" not in text
        assert "\u202e" not in text
    for line in (folder / "report.md").read_text().splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (5, 7)
            assert not re.search(r"(?<!\\)[<`*\[]", line)


PROBE = """<!doctype html><meta charset="utf-8"><body>
<iframe id="page" width="WIDTH" height="3000"></iframe><pre id="out"></pre>
<script>
const frame = document.getElementById("page");
frame.onload = () => {
  const page = frame.contentDocument, style = (e) => frame.contentWindow.getComputedStyle(e);
  const bars = [...page.querySelectorAll(".wide rect.bar")].filter((e) => !e.closest(".key"));
  document.getElementById("out").textContent = JSON.stringify({
    bars: bars.map((e) => [e.getBoundingClientRect().width, style(e).fill, e.querySelector("title").textContent]),
    intervals: page.querySelectorAll(".wide > svg path.interval").length,
    curves: page.querySelectorAll("svg.curve path.smooth").length,
    boxes: page.querySelectorAll("svg.graph rect.box").length,
    wide: page.documentElement.scrollWidth,
    font: style(page.body).fontSize,
  });
};
frame.srcdoc = SOURCE;
</script>"""


def in_browser(folder: Path, work: Path, width: int = 1280) -> tuple[dict[str, Any], str]:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    source = json.dumps((folder / "report.html").read_text()).replace("</", "<\\/")
    probe = work / "probe.html"
    probe.write_text(PROBE.replace("WIDTH", str(width)).replace("SOURCE", source))
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=10000"
    )
    command = [browser, *flags.split(), f"--user-data-dir={work / 'profile'}", "--dump-dom", probe.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    found = re.search(r'<pre id="out">(.+?)</pre>', done.stdout)
    assert found, done.stderr[-2000:]
    return json.loads(html.unescape(found[1])), done.stderr


def test_a_browser_draws_the_figure(tmp_path: Path) -> None:
    seen, log = in_browser(made(tmp_path), tmp_path)
    assert "CONSOLE" not in log
    assert len(seen["bars"]) == seen["intervals"] == 9
    widths = {str(title): float(str(width)) for width, _, title in seen["bars"]}
    low = next(width for title, width in widths.items() if title.startswith("instruct on silk: 25.0 %"))
    high = next(width for title, width in widths.items() if title.startswith("trained on silk: 90.0 %"))
    assert low > 20
    assert high / low == pytest.approx(0.9 / 0.25, rel=0.01)
    fills = {str(title).split(" ")[0].rstrip(":"): fill for _, fill, title in seen["bars"]}
    assert len(set(fills.values())) == 3
    assert "rgb(0, 0, 0)" not in fills.values()
    assert (seen["curves"], seen["boxes"], seen["font"]) == (1, 3, "15px")
    assert seen["wide"] == 1280


def test_a_narrow_page_does_not_scroll_sideways(tmp_path: Path) -> None:
    seen, _ = in_browser(made(tmp_path, extra="reading"), tmp_path, width=420)
    assert seen["wide"] <= 420
