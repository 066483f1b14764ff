"""TRL: the arguments of `trl sft`, `trl dpo` and ORPO's script for one stage. Out: the exporter to `trl`."""

from __future__ import annotations

from ladle.executor.exporting.stages import ATTENTION, Stage, budget, columns, lora, optimisation, scale, stage, warmup
from ladle.executor.exporting.subject import Exporter, Subject, number
from ladle.executor.exporting.text import Said, written

SCRIPTS = {"cpt": "`trl sft`", "sft": "`trl sft`", "dpo": "`trl dpo`", "orpo": "ORPO's script (trl.experimental.orpo)"}
SCHEDULES = {"constant": "constant_with_warmup"}
PACKING = {"isolated": "bfd", "wrapped": "wrapped"}


def export(subject: Subject) -> str:
    """Return the settings of a stage as TRL's arguments, every default that differs written out."""
    found = stage(subject)
    if found is None:
        return ""
    if found.kind not in SCRIPTS:
        subject.refuse(subject.node, f"the export to TRL does not know `{found.kind}`")
        return ""
    body = {**_model(subject, found), **_rows(subject, found), **_training(subject, found), **_kind(subject, found)}
    subject.remark("TRL orders and cuts rows its own way: the result is as good, and not the same bits")
    title = f"The stage of `{subject.node.name}` of a recipe, for {SCRIPTS[found.kind]}."
    return written([body], subject.remarks, title)


def _model(subject: Subject, found: Stage) -> dict[str, Said]:
    name, _, revision = subject.model(found.start, "{name}\n{revision}").partition("\n")
    body: dict[str, Said] = {"model_name_or_path": name}
    if revision:
        body["model_revision"] = revision
    if "template" in dict(found.start.options) and dict(found.start.options)["template"]:
        subject.remark(
            "the recipe puts a chat template on the start model: save it there, or give `chat_template_path`"
        )
    return body


def _rows(subject: Subject, found: Stage) -> dict[str, Said]:
    body: dict[str, Said] = {"datasets": [_set(subject, found)]}
    renamed = columns(subject, found)
    text = renamed.pop("text", "text")
    if found.kind == "cpt":
        body["dataset_text_field"] = text
    if any(name != column for name, column in renamed.items()):
        subject.refuse(subject.node, "`columns` of the corpus: TRL reads `messages`, `prompt`, `chosen` and `rejected`",
                       "rename the columns of the rows")  # fmt: skip
    body["max_length"] = int(number(found.options["context"]))
    if found.options["overlong"] != "truncate":
        subject.remark(
            f"TRL cuts rows longer than max_length; the recipe says `overlong = {found.options['overlong']}`"
        )
    packing = found.options.get("packing", "none")
    if packing in PACKING:
        body |= {"packing": True, "packing_strategy": PACKING[str(packing)]}
    elif found.kind in ("cpt", "sft"):
        body["packing"] = False
    return body


def _set(subject: Subject, found: Stage) -> Said:
    rows = subject.hub_rows(found.corpus)
    if rows is None:
        files = subject.rows(found.corpus)
        return {"path": "json", "data_files": list(files) if len(files) > 1 else files[0]}
    if rows.revision != "main":
        subject.remark(f"the recipe takes {rows.name} at {rows.revision}, and TRL the newest")
    return {"path": rows.name, **({"name": rows.subset} if rows.subset else {}), "split": rows.split}


def _training(subject: Subject, found: Stage) -> dict[str, Said]:
    options = found.options
    length, amount = budget(subject, found)
    length_of_warmup, share = warmup(found)
    if length_of_warmup == "ratio" and share:
        subject.remark(
            "`warmup_steps` below 1 is a share of the steps for transformers 5; before, write `warmup_ratio`"
        )
    schedule = str(options["schedule"])
    return {
        "max_steps" if length == "steps" else "num_train_epochs": amount,
        "learning_rate": number(options["lr"]),
        "lr_scheduler_type": SCHEDULES.get(schedule, schedule),
        "warmup_steps": share,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": int(number(options["global_batch"])),
        "optim": "adamw_torch_fused",
        **optimisation(found),
        "output_dir": f"./{subject.place(subject.node)}-trl",
    }


def _kind(subject: Subject, found: Stage) -> dict[str, Said]:
    body: dict[str, Said] = {}
    if found.kind in ("dpo", "orpo"):
        body["beta"] = number(found.options["beta"])
    if found.kind == "dpo":
        body["loss_type"] = str(found.options["loss"])
    if found.kind == "sft":
        if found.options["supervise"] == "final":
            subject.refuse(subject.node, "`supervise = final` is no setting of TRL", "use `answers` or `all`")
        body["assistant_only_loss"] = found.options["supervise"] == "answers"
    adapter = lora(subject, found)
    if adapter:
        body |= {
            "use_peft": True,
            "lora_r": int(number(adapter.get("r"))),
            "lora_alpha": scale(adapter),
        }
        body["lora_dropout"] = number(adapter.get("dropout"))
        body["lora_target_modules"] = ATTENTION if adapter.get("targets") == "attention" else ["all-linear"]
    subject.remark("one device, one row at a time: raise per_device_train_batch_size and lower "
                   "gradient_accumulation_steps as the machine allows")  # fmt: skip
    return body


EXPORTER = Exporter("trl", export)
