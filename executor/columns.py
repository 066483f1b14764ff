"""What the columns of rows are called. Out: every canonical name that `columns = {...}` may give another name."""

COLUMNS = (
    "text",
    "messages",
    "system",
    "user",
    "assistant",
    "prompt",
    "chosen",
    "rejected",
    "question",
    "choices",
    "answer",
)
