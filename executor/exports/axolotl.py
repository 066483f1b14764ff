"""Axolotl: the YAML of `axolotl train` for one stage. Out: the exporter to `axolotl`."""

from __future__ import annotations

from ladle.executor.exporting.stages import ATTENTION, Stage, budget, columns, lora, optimisation, scale, stage, warmup
from ladle.executor.exporting.subject import Exporter, Subject, number
from ladle.executor.exporting.text import Said, written

KINDS = ("cpt", "sft", "dpo", "orpo")
SCHEDULES = {"constant": "constant_with_warmup"}
LONG = {"drop": "drop", "truncate": "truncate", "error": "raise"}


def export(subject: Subject) -> str:
    """Return the settings of a stage as Axolotl's keys, every default that differs written out."""
    found = stage(subject)
    if found is None:
        return ""
    if found.kind not in KINDS:
        subject.refuse(subject.node, f"the export to Axolotl does not know `{found.kind}`")
        return ""
    body = {**_model(subject, found), **_kind(subject, found), **_rows(subject, found), **_training(subject, found)}
    subject.remark("Axolotl orders and packs rows its own way: the result is as good, and not the same bits")
    return written([body], subject.remarks, f"The stage of `{subject.node.name}` of a recipe, for Axolotl.")


def _model(subject: Subject, found: Stage) -> dict[str, Said]:
    name, _, revision = subject.model(found.start, "{name}\n{revision}").partition("\n")
    body: dict[str, Said] = {"base_model": name}
    if revision:
        body["revision_of_model"] = revision
    template = dict(found.start.options).get("template")
    if isinstance(template, str):
        body["chat_template"] = template
    return body


def _kind(subject: Subject, found: Stage) -> dict[str, Said]:
    body: dict[str, Said] = {}
    if found.kind in ("dpo", "orpo"):
        loss = str(found.options.get("loss", "sigmoid"))
        if loss not in ("sigmoid", "ipo"):
            subject.refuse(subject.node, f"`loss = {loss}` is no setting of Axolotl", "use `sigmoid` or `ipo`")
        body["rl"] = "ipo" if loss == "ipo" else found.kind
        body["orpo_alpha" if found.kind == "orpo" else "rl_beta"] = number(found.options["beta"])
    if found.kind == "sft":
        if found.options["supervise"] == "final":
            subject.refuse(subject.node, "`supervise = final` is no setting of Axolotl", "use `answers` or `all`")
        body["train_on_inputs"] = found.options["supervise"] == "all"
    adapter = lora(subject, found)
    if adapter:
        body |= {
            "adapter": "lora",
            "lora_r": int(number(adapter.get("r"))),
            "lora_alpha": scale(adapter),
        }
        body["lora_dropout"] = number(adapter.get("dropout"))
        attention = adapter.get("targets") == "attention"
        body |= {"lora_target_modules": ATTENTION} if attention else {"lora_target_linear": True}
    return body


def _rows(subject: Subject, found: Stage) -> dict[str, Said]:
    body: dict[str, Said] = {"datasets": [_set(subject, found, each) for each in _places(subject, found)]}
    body["sequence_len"] = int(number(found.options["context"]))
    body["excess_length_strategy"] = LONG[str(found.options["overlong"])]
    packing = found.options.get("packing", "none")
    if packing == "wrapped":
        subject.refuse(subject.node, "`packing = wrapped` is no setting of Axolotl", "use `isolated` or `none`")
    if found.kind in ("cpt", "sft"):
        body["sample_packing"] = packing == "isolated"
    return body


def _places(subject: Subject, found: Stage) -> list[dict[str, Said]]:
    """Return where rows come from: a data set of the hub, or files."""
    rows = subject.hub_rows(found.corpus)
    if rows is None:
        return [{"path": file, "ds_type": "json"} for file in subject.rows(found.corpus)]
    told = {"name": rows.subset, "split": rows.split, "revision": "" if rows.revision == "main" else rows.revision}
    return [{"path": rows.name, **{key: value for key, value in told.items() if value}}]


def _set(subject: Subject, found: Stage, body: dict[str, Said]) -> Said:
    renamed = columns(subject, found)
    if found.kind == "cpt":
        return {**body, "type": "completion", "field": renamed.get("text", "text")}
    if found.kind == "sft" and ("user" in renamed or "assistant" in renamed):
        subject.refuse(subject.node, "rows with one question and one answer: Axolotl's `chat_template` reads messages",
                       "write the rows with `messages`")  # fmt: skip
    if found.kind == "sft":
        return {**body, "type": "chat_template", "field_messages": renamed.get("messages", "messages")}
    told = {f"field_{name}": renamed.get(name, name) for name in ("chosen", "rejected")}
    return {**body, "type": "chat_template", "field_messages": renamed.get("prompt", "prompt"), **told}


def _training(subject: Subject, found: Stage) -> dict[str, Said]:
    options = found.options
    length, amount = budget(subject, found)
    warming, share = warmup(found)
    schedule = str(options["schedule"])
    return {
        "max_steps" if length == "steps" else "num_epochs": amount,
        "learning_rate": number(options["lr"]),
        "lr_scheduler": SCHEDULES.get(schedule, schedule),
        "warmup_ratio" if warming == "ratio" else "warmup_steps": share,
        "micro_batch_size": 1,
        "gradient_accumulation_steps": int(number(options["global_batch"])),
        "optimizer": "adamw_torch_fused",
        **optimisation(found),
        "output_dir": f"./{subject.place(subject.node)}-axolotl",
    }


EXPORTER = Exporter("axolotl", export)
