"""The catalogue: what every entry must be, and the rules of single operators."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from checking import FakeFacts
from ladle.dsl.frozen import replace
from ladle.dsl.graph import canonical
from ladle.dsl.signature import (
    REQUIRED,
    CorpusFacts,
    Fault,
    File,
    Number,
    OneOf,
    Operator,
    Option,
    OptionType,
    Role,
    Typed,
    Typing,
    Word,
)
from ladle.dsl.types import UNKNOWN, CorpusKind, CorpusType, Dimension, ModelType, Schedule, Share, Value
from ladle.executor.catalog import PACKAGES, vocabulary
from ladle.executor.constraints import pinned
from ladle.executor.templates import BUILT_IN, END, PAD, reserved, template_identity

ROOT = Path(__file__).parent.parent
OPERATORS = list(vocabulary().values())
OPTIONS = [(operator, option) for operator in OPERATORS for option in operator.options]


class NoFacts(FakeFacts):
    """Facts of an empty world."""

    def corpus(self, pattern: str, columns: Mapping[str, str]) -> CorpusFacts | tuple[Fault, ...]:
        return CorpusFacts(tuple(columns) or ("text",), CorpusKind.TEXT)

    def model(self, folder: str) -> ModelType | tuple[Fault, ...]:
        return ModelType("llama", vocabulary="theirs", template=None)

    def files(self, pattern: str) -> tuple[File, ...] | tuple[Fault, ...]:
        return ()

    def engine(self, distribution: str) -> str:
        return pinned()[distribution]


def typed(
    name: str,
    options: Mapping[str, Value],
    operands: tuple[ModelType | CorpusType, ...] = (),
    references: Mapping[str, tuple[ModelType | CorpusType, ...]] | None = None,
    identity: str = "",
) -> Typed:
    operator = vocabulary()[name]
    defaults = {o.name: o.default for o in operator.options if o.default is not REQUIRED}
    assert operator.typed
    return operator.typed(Typing({**defaults, **options}, operands, references or {}, NoFacts(), identity))  # type: ignore[dict-item]


def message(found: Typed) -> str:
    assert isinstance(found, tuple)
    return found[0].message


def test_every_word_of_the_first_edition_is_there_once() -> None:
    by_role = {role: {o.name for o in OPERATORS if o.role is role} for role in Role}
    assert by_role[Role.STAGE] == {"cpt", "sft", "dpo", "orpo"}
    assert by_role[Role.MODEL_SOURCE] == {"init", "local", "hub"}
    assert by_role[Role.TOKENIZER] == {"bpe"}
    assert by_role[Role.CORPUS_SOURCE] == {"jsonl", "hub_rows", "pdf"}
    assert by_role[Role.TRANSFORM] == {
        "mix", "filter", "every", "except", "take", "sample", "shuffle", "as_text", "clean", "dedup", "chunk",
        "distill", "anneal",
    }  # fmt: skip
    assert by_role[Role.MERGE] == {
        "slerp", "lerp", "linear", "soup", "ties", "dare_ties", "task_arithmetic", "model_stock", "round", "pcb",
        "graft", "rebasin", "fisher", "regmean",
        "dare_linear", "breadcrumbs", "breadcrumbs_ties", "della", "della_linear",
        "nuslerp", "multislerp", "karcher", "arcee_fusion", "nearswap", "ram", "ramplus_tl", "sce", "passthrough",
        "mergekit", "stack", "moe", "tokensurgeon",
    }  # fmt: skip
    assert by_role[Role.BENCHMARK] == {"choice", "exact", "loss", "harness"}
    assert by_role[Role.CHOICE] == {"best", "greedy_soup", "kinship_merge"}
    assert by_role[Role.STATE] == {"snapshot"}
    assert by_role[Role.TEACHER] == {"api"}
    assert by_role[Role.ADAPTER] == {"extract_lora"}
    assert by_role[Role.INTERNAL] == {"prepare", "affine", "report"}


def test_loading_the_catalogue_imports_nothing_heavy_and_takes_little_time() -> None:
    code = (
        "import sys, ladle.executor.catalog as c; c.vocabulary();"
        "print([m for m in ('torch', 'numpy', 'transformers', 'trl', 'datasets', 'mergekit', 'dvc', 'pydantic')"
        " if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.strip() == "[]"


def test_packages_of_the_catalogue_are_packaged() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    needed = {package.__name__ for package in PACKAGES}
    needed |= {o.program.rpartition(".")[0] for o in OPERATORS if o.program}
    assert needed <= set(listed)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda o: o.name)
def test_an_operator_is_complete(operator: Operator) -> None:
    assert operator.text[0].islower()
    assert not operator.text.endswith(".")
    assert bool(operator.program) == (operator.produces and not operator.checked_only)
    assert len({option.name for option in operator.options}) == len(operator.options)
    assert set(operator.engines) <= set(pinned())
    if operator.pattern:
        assert operator.pattern in {option.name for option in operator.options}
    if operator.role in (Role.STAGE, Role.BENCHMARK) and not operator.checked_only:
        assert operator.takes
        assert "on" in {option.name for option in operator.options}


@pytest.mark.parametrize(
    "operator", [o for o in OPERATORS if o.role is Role.TRANSFORM and o.program], ids=lambda o: o.name
)
def test_a_corpus_operator_has_its_program(operator: Operator) -> None:
    assert callable(importlib.import_module(operator.program).run)


@pytest.mark.parametrize(("operator", "option"), OPTIONS, ids=lambda item: getattr(item, "name", ""))
def test_a_default_is_a_value_of_its_type(operator: Operator, option: Option) -> None:
    assert option.text
    if option.default is REQUIRED or option.default is None:
        return
    canonical(option.default)
    assert fits(option.default, option.type), f"{operator.name}.{option.name}"


def fits(value: Value, kind: OptionType) -> bool:
    match kind:
        case Number():
            number = value.fraction if isinstance(value, Share) else value
            assert isinstance(number, int | float)
            low = kind.low is None or (number > kind.low if kind.open_low else number >= kind.low)
            high = kind.high is None or (number < kind.high if kind.open_high else number <= kind.high)
            return low and high and (not kind.integer or isinstance(number, int))
        case Word(choices):
            return value in choices
        case OneOf(types):
            share = isinstance(value, Share)
            return any(share == (Dimension.PERCENT in t.dimensions) for t in types if isinstance(t, Number))
        case _:
            return True


@pytest.mark.parametrize("name", ["cpt", "sft", "dpo", "orpo"])
def test_every_option_of_a_stage_but_on_has_a_default(name: str) -> None:
    stage = vocabulary()[name]
    assert [o.name for o in stage.options if o.default is REQUIRED] == ["on"]
    budget = {o.name: o.default for o in stage.options if o.group == "budget"}
    assert budget == {"epochs": 1, "steps": None, "tokens": None}


def test_defaults_are_those_of_the_language() -> None:
    table = {o.name: o.default for o in vocabulary()["sft"].options}
    wanted = {
        "schedule": "cosine", "warmup": Share(0.05), "betas": (0.9, 0.95), "weight_decay": 0.01, "clip": 1.0,
        "packing": "none", "overlong": "error", "context": 1024, "global_batch": 32, "lr": 2e-5, "precision": None,
        "seed": 42, "supervise": "answers",
    }  # fmt: skip
    assert {name: table[name] for name in wanted} == wanted
    default = {(o.name, p.name): p.default for o, p in OPTIONS}
    assert default["cpt", "packing"] == "isolated"
    assert default["orpo", "lr"] == 3e-6
    assert default["dpo", "lr"] == 5e-7
    assert default["dpo", "beta"] == default["orpo", "beta"] == 0.1


def test_what_prepares_rows_is_declared_by_the_preparation_too() -> None:
    known = {option.name: option.type for option in vocabulary()["prepare"].options}
    for operator, option in OPTIONS:
        if operator.role is Role.STAGE and option.prepare and option.name != "on":
            assert known[option.name] == option.type


# --- typing rules ---------------------------------------------------------------------------------------------------

MINIATURE: Mapping[str, Value] = {
    "arch": "llama", "hidden": 192, "layers": 2, "heads": 4, "intermediate": 512, "tied": True, "template": "chatml",
}  # fmt: skip


def miniature(**changes: Value) -> Typed:
    tokenizer = typed("bpe", {"vocab": 1536, "template": "chatml"}, identity="abc")
    assert isinstance(tokenizer, ModelType)
    return typed("init", {**MINIATURE, **changes}, references={"tokenizer": (tokenizer,)})


def test_a_new_model_has_its_full_type() -> None:
    found = miniature()
    assert isinstance(found, ModelType)
    assert found.parameters == 1_180_608
    assert dict(found.shape) == {  # type: ignore[arg-type]
        "hidden": 192, "layers": 2, "heads": 4, "kv_heads": 4, "intermediate": 512, "vocab": 1536, "tied": 1,
    }  # fmt: skip
    assert found.vocabulary == "made:abc"
    assert found.template == template_identity(BUILT_IN["chatml"].text)


@pytest.mark.parametrize("arch", ["llama", "mistral", "qwen2"])
@pytest.mark.parametrize("tied", [False, True])
def test_the_parameter_count_is_that_of_transformers(arch: str, tied: bool) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    found = miniature(arch=arch, kv_heads=2, tied=tied)
    config = transformers.AutoConfig.for_model(
        arch, vocab_size=1536, hidden_size=192, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=512, tie_word_embeddings=tied,
    )  # fmt: skip
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    assert isinstance(found, ModelType)
    assert found.parameters == model.num_parameters()


@pytest.mark.parametrize(
    ("change", "option"),
    [({"heads": 5}, "heads"), ({"heads": 64}, "heads"), ({"kv_heads": 3}, "kv_heads"), ({"kv_heads": 8}, "kv_heads")],
)
def test_sizes_that_do_not_fit_are_a_fault_of_that_option(change: Mapping[str, Value], option: str) -> None:
    found = miniature(**change)
    assert isinstance(found, tuple)
    assert [(fault.code, fault.option) for fault in found] == [("E280", option)]


def test_a_tokenizer_nobody_can_tell_apart_is_unknown() -> None:
    found = typed("bpe", {"vocab": 300})
    assert isinstance(found, ModelType)
    assert found.vocabulary is UNKNOWN
    assert found.template is None


def test_a_template_comes_only_from_a_model_of_the_same_vocabulary() -> None:
    donor = ModelType(vocabulary="theirs", template="t")
    same = typed("local", {"folder": "m"}, references={"template": (donor,)})
    assert isinstance(same, ModelType)
    assert same.template == "t"
    other = replace(donor, vocabulary="another")
    assert "another vocabulary" in message(typed("local", {"folder": "m"}, references={"template": (other,)}))


def test_a_hub_model_is_unknown_but_for_a_template_put_on() -> None:
    found = typed("hub", {"name": "a/b", "template": "chatml"})
    assert isinstance(found, ModelType)
    assert found.vocabulary is UNKNOWN
    assert found.template == template_identity(BUILT_IN["chatml"].text)


TEXT = CorpusType(CorpusKind.TEXT)


@pytest.mark.parametrize(
    ("weights", "options", "said"),
    [
        ((1, Share(0.5)), {}, "both passes and shares"),
        ((Share(0.5), Share(0.4)), {}, "sum to 90 %"),
        ((1, 2), {"rows": 5}, "`rows` sets the size of shares"),
        ((Share(0.5), Share(0.5)), {"rows": 5, "bytes": 5}, "both `rows` and `bytes`"),
    ],
)
def test_a_mixture_is_of_passes_or_of_shares(weights: Value, options: Mapping[str, Value], said: str) -> None:
    assert said in message(typed("mix", {**options, "weights": weights}, (TEXT, TEXT)))


@pytest.mark.parametrize("weights", [(1, 0.1), (Share(0.6), Share(0.4)), (Share(1 / 3), Share(1 / 3), Share(1 / 3))])
def test_a_mixture_has_the_type_of_its_parts(weights: Value) -> None:
    assert typed("mix", {"weights": weights}, (TEXT, TEXT)) == TEXT


def test_operators_that_ask_for_nothing_are_faults() -> None:
    assert "no bound" in message(typed("filter", {}, (TEXT,)))
    assert "above" in message(typed("filter", {"min_words": 5, "max_words": 4}, (TEXT,)))
    assert "one of" in message(typed("sample", {}, (TEXT,)))
    assert "one of" in message(typed("sample", {"rows": 5, "share": Share(0.5)}, (TEXT,)))
    assert typed("sample", {"share": Share(0.5)}, (TEXT,)) == TEXT


def test_anything_becomes_text() -> None:
    assert typed("as_text", {}, (CorpusType(CorpusKind.CHAT),)) == TEXT


@pytest.mark.parametrize("name", ["linear", "ties"])
def test_weights_that_cancel_are_refused_where_they_divide(name: str) -> None:
    model = ModelType("llama")
    assert "sum to 0" in message(typed(name, {"weights": (1.0, -1.0)}, (model, model)))
    assert typed(name, {"weights": (1.0, -1.0), "normalize": False}, (model, model)) == model


def test_weights_that_follow_schedules_are_no_sum_yet() -> None:
    model = ModelType("llama")
    for name in ("linear", "ties", "multislerp"):
        weights = (Schedule((("mlp", 1.0),), 0.0), -1.0)
        assert typed(name, {"weights": weights}, (model, model)) == model


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("breadcrumbs", {"density": 0.95, "gamma": 0.1}, "0.95 and `gamma` 0.1 are more than all"),
        ("breadcrumbs_ties", {"density": (0.5, 0.999)}, "0.999 and `gamma` 0.01 are more than all"),
        ("breadcrumbs", {"density": Schedule((("mlp", 0.6),), 0.2), "gamma": 0.5}, "0.6 and `gamma` 0.5 are more"),
        ("della", {"density": 0.1}, "0.1 and `epsilon` 0.15 give a chance of -0.05"),
        ("della_linear", {"density": (1.0, 0.9), "epsilon": (0.5, 0.1)}, "a chance of 1,"),
        ("della", {"density": 0.5, "epsilon": Schedule((("layers", (0.1, 0.5)),), 0.2)}, "a chance of 0,"),
    ],
)
def test_what_is_kept_leaves_room_for_what_stands_beside_it(name: str, options: Mapping[str, Value], said: str) -> None:
    model = ModelType("llama", (("layers", 2),))
    found = typed(name, options, (model, model))
    assert said in message(found)
    assert isinstance(found, tuple)
    assert [(fault.code, fault.option) for fault in found] == [("E296", "gamma" if "bread" in name else "epsilon")]


def test_what_is_kept_whole_needs_no_room() -> None:
    model = ModelType("llama")
    varied = Schedule((("mlp", 0.1),), 0.9)
    for name, options in (
        ("breadcrumbs", {"gamma": 0.9}),
        ("della", {"density": (1.0, 0.5), "epsilon": (0.5, 0.2)}),
        ("breadcrumbs", {"density": 0.99, "gamma": 0.01}),
        ("breadcrumbs", {"density": varied, "gamma": varied}),  # which values meet, the step says
    ):
        assert typed(name, options, (model, model)) == model


def test_a_place_between_two_models_must_be_said() -> None:
    model = ModelType("llama")
    assert "no place" in message(typed("nuslerp", {"weights": (0.5, -0.5)}, (model, model)))
    assert "sum to 0" in message(typed("multislerp", {"weights": (0.5, -0.5)}, (model, model)))
    assert typed("multislerp", {"weights": (0.5, -0.5), "normalize_weights": False}, (model, model)) == model
    found = typed("nuslerp", {"weights": (0.5, 0.5), "nuslerp_row_wise": True}, (model, model))
    assert isinstance(found, tuple)
    assert [(fault.code, fault.option) for fault in found] == [("E288", "nuslerp_row_wise")]


def test_reserved_tokens_are_distinct_and_hold_the_turn_end() -> None:
    tokens = reserved("chatml")
    assert len(set(tokens)) == len(tokens)
    assert {END, PAD, BUILT_IN["chatml"].turn_end} <= set(tokens)
    assert reserved(None) == (END, PAD)
