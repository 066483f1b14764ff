"""Chat templates of strangers: rendered as transformers does, answers found, and nothing let loose."""

from __future__ import annotations

import threading
from importlib import resources
from pathlib import Path

import pytest
from ladle.executor.prepare.limits import TooLong, limited, patience
from ladle.executor.prepare.render import ChatTemplate, TemplateFault
from ladle.executor.prepare.turns import chat
from ladle.executor.task import StepError
from ladle.executor.templates import BUILT_IN
from transformers.utils.chat_template_utils import render_jinja_template

NAMES = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
MESSAGES = [
    {"role": "user", "content": "Hi there"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "What?"},
    {"role": "assistant", "content": "Nothing."},
]
DATED = {"gptoss", "muse_glimmer"}
"""Templates that write today's date, which ours never do."""


def known_templates() -> dict[str, str]:
    """The templates that TRL ships, of the models people train, for text."""
    folder = Path(str(resources.files("trl"))) / "chat_templates"
    found = {path.stem: path.read_text() for path in sorted(folder.glob("*.jinja"))}
    return {name: text for name, text in found.items() if not name.startswith("llava")}


KNOWN = known_templates()


@pytest.mark.parametrize("name", KNOWN)
def test_known_templates_render_as_in_transformers(name: str) -> None:
    if name.removesuffix("_training") in DATED:
        pytest.skip("writes today's date")
    mine = ChatTemplate(KNOWN[name], NAMES).render(MESSAGES).text
    theirs, _ = render_jinja_template([MESSAGES], chat_template=KNOWN[name], **NAMES)
    fixed, _ = render_jinja_template([MESSAGES], chat_template=KNOWN[name], date_string="26 Jul 2024", **NAMES)
    assert mine in (theirs[0], fixed[0])


@pytest.mark.parametrize("name", [n for n in KNOWN if "smolvlm" not in n and "idefics" not in n])
def test_the_last_answer_of_known_templates_is_found_or_refused(name: str) -> None:
    template = ChatTemplate(KNOWN[name], NAMES)
    try:
        found = chat(template, MESSAGES, [3])
    except TemplateFault:
        return
    (start, end), text = found.answers[0], found.text
    assert "Nothing." in text[start:end]
    assert "What?" not in text[start:end]


REFUSED = {
    "deepseek_r1_distill", "deepseekv3", "nemotron_3_5_lightning", "nemotron_3_nano", "nemotron_3_super",
    "nemotron_3_ultra", "qwen3", "qwen3_5_nothink", "qwen3_5_think", "qwen3_6",
}  # fmt: skip
"""Templates that rewrite an answer once others follow it."""


@pytest.mark.parametrize("name", [n for n in KNOWN if "smolvlm" not in n and "idefics" not in n])
def test_every_answer_of_known_templates_is_found_unless_it_is_rewritten(name: str) -> None:
    template = ChatTemplate(KNOWN[name], NAMES)
    if name in REFUSED:
        with pytest.raises(TemplateFault, match="message 2 differently"):
            chat(template, MESSAGES, [1, 3])
        return
    found = chat(template, MESSAGES, [1, 3])
    said = [found.text[start:end] for start, end in found.answers]
    assert ["Hello." in said[0], "Nothing." in said[1], "What?" in "".join(said)] == [True, True, False]


def test_the_built_in_template_renders_turns() -> None:
    template = ChatTemplate(BUILT_IN["chatml"].text, {})
    found = chat(template, MESSAGES[:2], [1])
    assert found.text == "<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"
    assert [found.text[a:b] for a, b in found.answers] == ["Hello.<|im_end|>\n"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ messages", "not valid"),
        ("{{ raise_exception('roles must alternate') }}", "refuses these messages: roles must alternate"),
        ("{{ messages[9].content.x }}", "refuses"),
        ("{{ 1 // 0 }}", "fails"),
        ("{{ messages.__class__.__mro__ }}", "refuses"),
        ("{{ ''.__class__.__base__.__subclasses__() }}", "refuses"),
        ("{% set x = messages.append(1) %}", "refuses"),
        ("{{ 'a' * 10000000000 }}", "too large"),
        ("{{ 'a' * 60000000 * 60000000 }}", "too large"),
        ("{{ [0] * 10000000000 }}", "too large"),
        ("{{ 10 ** 100000000 }}", "too large"),
        ("{{ '%100000000000d' % 1 }}", "not allowed"),
        ("{% set n = namespace() %}{% set n.__class__ = 1 %}", "may not set"),
        ("{% for i in range(100000) %}{{ 'a' * 100000 }}{% endfor %}", "writes more than"),
        ("{% for i in range(10000000) %}{% endfor %}", "fails"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "fails"),
        ("{% include '/etc/passwd' %}", "fails"),
    ],
)
def test_a_template_that_misbehaves_is_a_fault(text: str, said: str) -> None:
    with pytest.raises(TemplateFault, match=said):
        ChatTemplate(text, {}).render(MESSAGES)


def test_the_sandbox_hides_what_python_objects_have() -> None:
    assert ChatTemplate("{{ messages.__class__ }}", {}).render(MESSAGES).text == ""


ENDLESS = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"


def test_a_template_without_end_is_stopped() -> None:
    template = ChatTemplate(ENDLESS, {})
    with pytest.raises(TooLong), limited(0.2):
        template.render(MESSAGES)


def test_a_template_that_doubles_a_string_is_stopped() -> None:
    template = ChatTemplate(
        "{% set n = namespace(s='a') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}", {}
    )
    with pytest.raises((MemoryError, TooLong)), limited(20):
        template.render(MESSAGES)


def test_greed_is_reported_with_its_rows() -> None:
    batch = [("a.jsonl:1", {}), ("a.jsonl:9", {})]
    with pytest.raises(StepError, match=r"too much memory between `a\.jsonl:1` and"), patience(batch):  # type: ignore[arg-type]
        raise MemoryError


def test_limits_end_with_their_block() -> None:
    import resource  # noqa: PLC0415
    import signal  # noqa: PLC0415

    before = resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGALRM)
    with limited(5):
        assert resource.getrlimit(resource.RLIMIT_AS) != before[0]
    assert (resource.getrlimit(resource.RLIMIT_AS), signal.getsignal(signal.SIGALRM)) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_thread_that_is_not_the_main_one_renders_too() -> None:
    found: list[str] = []

    def render() -> None:
        with limited(5):
            found.append(ChatTemplate("{{ messages | length }}", {}).render(MESSAGES).text)

    thread = threading.Thread(target=render)
    thread.start()
    thread.join()
    assert found == ["4"]
