"""Preparation of rows, which lowering puts before each stage. Out: the declaration of `prepare`."""

from ladle.dsl.signature import Number, Operator, Option, Role, Word

OPERATOR = Operator(
    name="prepare",
    role=Role.INTERNAL,
    version=1,
    text="render in the template, tokenise, mask, cut, pack, and prove each row",
    options=(
        Option("context", Number(low=2, integer=True), 1024, "tokens per sequence, at most"),
        Option("overlong", Word(("error", "drop", "truncate")), "error", "what becomes of a longer row"),
        Option("packing", Word(("none", "wrapped", "isolated")), "none", "how documents share rows (text and chat)"),
        Option("supervise", Word(("answers", "final", "all")), "all", "which tokens of a chat are learned"),
    ),
    engines=("jinja2", "tokenizers", "transformers"),
    program="ladle.executor.prepare.program",
)
