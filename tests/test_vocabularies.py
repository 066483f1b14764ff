"""Whose tokens a merge has: rows matched by what tokens say, whatever their numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.executor.task import StepError
from ladle.executor.token_table import Tokens
from ladle.executor.weights.rearranged import Rearranged, is_embedding
from ladle.executor.weights.vocabularies import Arranged, Joined, Rows, Speaker, Tree, arrange

EMBED = "model.embed_tokens.weight"


def speaker(name: str, words: str, rows: int = 0, *, special: str = "") -> Speaker:
    """A model of the tokens of `words`, in order; `_` is a row without a token."""
    ids = {word: number for number, word in enumerate(words.split()) if word != "_"}
    added: tuple[Mapping[str, Json], ...] = tuple(
        {"id": ids[word], "content": word, "special": True, "lstrip": True} for word in special.split()
    )
    return Speaker(name, Tokens(ids, added), rows or len(words.split()))


class Held:
    """A leaf in memory: row r of the embedding of model m is (100 m + r, its negative)."""

    def __init__(self, place: int, rows: int) -> None:
        self.embed = torch.tensor([[100.0 * place + row, -(100.0 * place + row)] for row in range(rows)])
        self.bias = torch.arange(rows, dtype=torch.float32).reshape(1, -1) + 100 * place
        self.norm = torch.full((1, 2), float(place))
        self.asked: list[tuple[int, int]] = []

    def read(self, tensor: str, row: int, rows: int) -> torch.Tensor:
        self.asked.append((row, rows))
        held = {EMBED: self.embed, "lm_head.bias": self.bias}.get(tensor, self.norm)
        assert row + rows <= len(held)
        return held[row : row + rows]


def speakers(tree: Tree) -> list[Speaker]:
    if isinstance(tree, Speaker):
        return [tree]
    parts = (*tree.operands, *([] if tree.base is None else [tree.base]))
    return [found for part in parts for found in speakers(part)]


def read(tree: Tree, place: int) -> list[int]:
    """The embedding of one model of an expression as a merge sees it, as the numbers that `Held` gives its rows."""
    found = arrange(tree)
    return seen(found, [each.rows for each in speakers(tree)], place)


def seen(found: Arranged, rows: list[int], place: int) -> list[int]:
    leaves = [Held(number, count) for number, count in enumerate(rows)]
    leaf = Rearranged(leaves[place], leaves, found.maps[place], {EMBED: (found.rows, 2), "lm_head.bias": (found.rows,)})
    whole = leaf.read(EMBED, 0, found.rows)
    assert torch.equal(whole[:, 0], -whole[:, 1])
    step = 3
    cut = [leaf.read(EMBED, row, min(step, found.rows - row)) for row in range(0, found.rows, step)]
    assert torch.equal(torch.cat(cut), whole)
    assert torch.equal(leaf.read("lm_head.bias", 0, 1)[0], whole[:, 0])
    assert torch.equal(leaf.read("model.norm.weight", 0, 1), leaves[place].norm)
    return [int(number) for number in whole[:, 0]]


def test_rows_are_matched_by_what_tokens_say() -> None:
    tree = Joined((speaker("a", "x y z"), speaker("b", "z x y")), whose=0)
    assert read(tree, 0) == [0, 1, 2]
    assert read(tree, 1) == [101, 102, 100]


def test_the_tokens_of_the_named_model_are_the_results() -> None:
    tree = Joined((speaker("a", "x y z"), speaker("b", "z x")), whose=1)
    found = arrange(tree)
    assert (found.ids, found.rows, found.donor) == ({"z": 0, "x": 1}, 2, 1)
    assert read(tree, 0) == [2, 0]
    assert read(tree, 1) == [100, 101]


def test_a_union_keeps_the_numbers_of_the_first_and_puts_the_others_after() -> None:
    tree = Joined((speaker("a", "x y"), speaker("b", "p y q", special="q")), whose=0, union=True)
    found = arrange(tree)
    assert found.ids == {"x": 0, "y": 1, "p": 2, "q": 3}
    word = {"single_word": True, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    control = {"single_word": False, "lstrip": True, "rstrip": False, "normalized": False, "special": True}
    assert found.added == ({"id": 2, "content": "p", **word}, {"id": 3, "content": "q", **control})
    # What a model lacks it is given by the one that has it, so that a merge leaves that row as it is there.
    assert read(tree, 0) == [0, 1, 100, 102]
    assert read(tree, 1) == [0, 101, 100, 102]


def test_what_is_lacking_is_the_bases_before_any_others() -> None:
    a, b, base = speaker("a", "x"), speaker("b", "x n m"), speaker("base", "x n o")
    tree = Joined((a, b), base, whose=0, union=True)
    assert list(arrange(tree).ids) == ["x", "n", "m", "o"]
    assert read(tree, 0) == [0, 201, 102, 202]
    assert read(tree, 1) == [100, 101, 102, 202]
    assert read(tree, 2) == [200, 201, 102, 202]


def test_what_is_lacking_without_a_base_is_the_mean_of_what_the_others_have() -> None:
    tree = Joined((speaker("a", "x"), speaker("b", "x n m"), speaker("c", "n x m"), speaker("d", "m x")), whose=0,
                  union=True)  # fmt: skip
    found = arrange(tree)
    assert list(found.ids) == ["x", "n", "m"]
    # `n` is row 1 of b and 0 of c; `m` is row 2 of b and of c, and 0 of d.
    assert seen(found, [1, 3, 3, 2], 0) == [0, 150, 201]
    assert seen(found, [1, 3, 3, 2], 1) == [100, 101, 102]
    assert seen(found, [1, 3, 3, 2], 3) == [301, 150, 300]


def test_padded_rows_stay_padding_until_tokens_take_them() -> None:
    a, b = speaker("a", "x y", rows=8), speaker("b", "y x n", rows=4)
    found = arrange(Joined((a, b), whose=0, union=True))
    assert (found.ids["n"], found.rows) == (2, 8)
    # Row 3 is of no token in both; 4 to 7 are padding that only the first has.
    assert seen(found, [8, 4], 0) == [0, 1, 102, 3, 4, 5, 6, 7]
    assert seen(found, [8, 4], 1) == [101, 100, 102, 103, 4, 5, 6, 7]


def test_a_padded_vocabulary_grows_by_what_it_is_a_multiple_of() -> None:
    words = " ".join(f"w{number}" for number in range(6))
    a, b = speaker("a", words, rows=8), speaker("b", "p q r")
    found = arrange(Joined((a, b), whose=0, union=True))
    assert (max(found.ids.values()), found.rows) == (8, 16)
    assert seen(found, [8, 3], 0) == [*range(6), 100, 101, 102, *[0] * 7]
    exact = arrange(Joined((speaker("a", words), b), whose=0, union=True))
    assert exact.rows == 9


def test_a_token_without_a_row_takes_that_of_another() -> None:
    a = Speaker("a", Tokens({"x": 0, "y": 1, "late": 2}), 2)
    found = arrange(Joined((a, speaker("b", "late x y")), whose=0, union=True))
    assert found.rows == 2
    grown = arrange(Joined((a, speaker("b", "late x y n")), whose=0, union=True))
    assert grown.ids["n"] == 3
    assert seen(grown, [2, 4], 0) == [0, 1, 100, 103]


def test_a_union_after_tokens_without_rows_goes_on_after_them_and_refuses_a_hole() -> None:
    b = speaker("b", "x y new")
    late = Speaker("a", Tokens({"x": 0, "y": 1, "late": 2, "later": 3}), 2)
    assert arrange(Joined((late, b), whose=0, union=True)).ids == {"x": 0, "y": 1, "late": 2, "later": 3, "new": 4}
    far = Speaker("a", Tokens({"x": 0, "y": 1, "far": 1_500_000}), 2)
    with pytest.raises(StepError, match="`far` is token 1500000 of `a`, which has rows for 2 and no token 2"):
        arrange(Joined((far, b), whose=0, union=True))
    # Where nothing is added no row is made: the token has none, as in the model itself.
    assert arrange(Joined((far, speaker("b", "x y")), whose=0, union=True)).rows == 2
    assert arrange(Joined((far, b), whose=0)).rows == 2


def test_a_merge_within_a_merge_is_brought_to_the_outer_tokens() -> None:
    inner = Joined((speaker("a", "x y"), speaker("b", "y p")), whose=1)
    tree = Joined((inner, speaker("c", "q p y")), whose=0, union=True)
    found = arrange(tree)
    assert (found.ids, found.donor) == ({"y": 0, "p": 1, "q": 2}, 1)
    # The inner merge gives `a` the row of `p` that `b` has, the outer one gives both `q`.
    assert [read(tree, place) for place in range(3)] == [[1, 101, 200], [100, 101, 200], [202, 201, 200]]


@pytest.mark.parametrize(("whose", "union"), [(0, False), (1, False), (0, True)])
def test_equal_models_are_left_as_they_are(whose: int, union: bool) -> None:
    a = speaker("a", "x _ y z", rows=8, special="z")
    found = arrange(Joined((a, a), whose=whose, union=union))
    assert not found.added
    assert all(found.maps[place].own(place, 8) for place in range(2))


def test_a_permuted_copy_is_the_model_again() -> None:
    words = [f"w{number}" for number in range(50)]
    shuffled = random.Random(3).sample(words, 50)
    tree = Joined((speaker("a", " ".join(words), 64), speaker("b", " ".join(shuffled), 64)), whose=0)
    where = [shuffled.index(word) for word in words]
    assert read(tree, 1) == [100 + row for row in [*where, *range(50, 64)]]


def test_consecutive_rows_are_read_at_once() -> None:
    rows = Rows(torch.tensor([[0, 0, 0, 1, 1, -1]]), torch.tensor([[4, 5, 6, 0, 1, 0]]))
    leaves = [Held(0, 8), Held(1, 8)]
    leaf = Rearranged(leaves[0], leaves, rows, {EMBED: (6, 2)})
    assert leaf.read(EMBED, 0, 6)[:, 0].tolist() == [4, 5, 6, 100, 101, 0]
    assert (leaves[0].asked, leaves[1].asked) == ([(4, 3)], [(0, 2)])


def test_without_a_word_models_of_other_tokens_are_refused() -> None:
    with pytest.raises(StepError, match=r"`y` is token 1 of the one and token 2 of the other") as refusal:
        arrange(Joined((speaker("a", "x y z"), speaker("b", "x z y"))))
    assert "tokenizer = first" in refusal.value.help
    with pytest.raises(StepError, match=r"`z` is no token of the one and token 2 of the other"):
        arrange(Joined((speaker("a", "x y"), speaker("b", "x y z"))))
    with pytest.raises(StepError, match=r"embeddings of 2 tokens and `b` of 4"):
        arrange(Joined((speaker("a", "x y"), speaker("b", "x y", rows=4))))


def test_a_union_beside_one_of_its_models_is_told_by_a_name_of_its_own() -> None:
    a, b = speaker("a", "x y"), speaker("b", "x y new")
    with pytest.raises(StepError, match="`union of a, b` and `a` have different vocabularies: `new` is token 2 of the"):
        arrange(Joined((Joined((a, b), whose=0, union=True), a)))


def test_a_model_without_a_tokenizer_has_the_tokens_of_the_others_or_is_refused() -> None:
    bare = Speaker("bare", Tokens(), 2)
    assert arrange(Joined((speaker("a", "x y"), bare))).maps[1].own(1, 2)
    with pytest.raises(StepError, match=r"`bare` has no `tokenizer.json`"):
        arrange(Joined((speaker("a", "x y"), bare), whose=0, union=True))


def test_what_is_an_embedding() -> None:
    assert is_embedding(EMBED, (12, 8), 12)
    assert is_embedding("lm_head.weight", (12, 8), 12)
    assert is_embedding("transformer.wte.weight", (12, 8), 12)
    assert not is_embedding("model.layers.0.mlp.up_proj.weight", (12, 8), 12)
    assert not is_embedding(EMBED, (16, 8), 12)
    assert not is_embedding("model.norm.weight", (12,), 12)
