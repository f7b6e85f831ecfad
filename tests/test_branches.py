"""Rows of one question with several solutions."""

from pathlib import Path
from typing import Any

import pytest

from training.branches import Branch, Row, batches, collate, encode_rows
from training.pretrain import Preset, make_model
from training.vocabulary import build_tokenizer, extend_tokenizer

QUESTION = "Ana has 3 coins. How many coins does Ana have?"
WORDS = Branch("Words:\n", "Ana's coins = 3.\nThe answer is 3.")
CODE = Branch("Words and code:\n", "<code>\nAna_coins = 3\nAna_coins\n</code>\nOutput: 3\nFinal Answer: 3")


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    texts = [QUESTION, *(branch.tag + branch.solution for branch in (WORDS, CODE))]
    return build_tokenizer(texts, tmp_path)


def test_every_branch_goes_on_where_the_question_ended(tokenizer: Any) -> None:
    [row] = encode_rows([QUESTION], [[WORDS, CODE]], tokenizer)
    num_question = row.branches.count(0)
    for number in (1, 2):
        positions = [p for p, branch in zip(row.positions, row.branches, strict=True) if branch == number]
        assert positions == list(range(num_question, num_question + len(positions)))


def test_neither_question_nor_tag_nor_output_is_learnt(tokenizer: Any) -> None:
    [row] = encode_rows([QUESTION], [[CODE]], tokenizer)
    learnt = tokenizer.decode([i for i, is_target in zip(row.ids, row.is_target, strict=True) if is_target])
    assert learnt == "<code>\nAna_coins = 3\nAna_coins\n</code>\nFinal Answer: 3 [EOS]"


def test_a_solution_reads_the_same_alone_and_beside_another(tokenizer: Any) -> None:
    import torch

    model: Any = make_model(Preset(hidden=32, layers=2, heads=2), tokenizer)
    both, alone = (collate(encode_rows([QUESTION], [own], tokenizer), 0) for own in ([WORDS, CODE], [CODE]))
    logits = []
    with torch.inference_mode():
        for batch in (both, alone):
            batch.pop("targets")
            logits.append(model(**batch, use_cache=False).logits[0])
    [row], [own] = encode_rows([QUESTION], [[WORDS, CODE]], tokenizer), encode_rows([QUESTION], [[CODE]], tokenizer)
    num_code = own.branches.count(1)
    num_all, num_alone = len(row.ids), len(own.ids)
    torch.testing.assert_close(logits[0][num_all - num_code : num_all], logits[1][num_alone - num_code : num_alone])


def test_every_row_is_in_exactly_one_batch() -> None:
    rows = [Row((i,) * (1 + i % 7), (0,) * (1 + i % 7), (0,) * (1 + i % 7), (False,) * (1 + i % 7)) for i in range(500)]
    groups = list(batches(rows, 12, seed=1))
    assert sorted(row.ids[0] for group in groups for row in group) == list(range(500))
    assert groups == list(batches(rows, 12, seed=1))


def test_a_tokenizer_is_extended_without_moving_a_word(tokenizer: Any, tmp_path: Path) -> None:
    before = tokenizer.get_vocab()
    larger = extend_tokenizer(["Ben_books = Ana_coins + 2"], tmp_path)
    assert {word: larger.get_vocab()[word] for word in before} == before
    assert {"Ben", "##_books", "+"} <= set(larger.get_vocab()) - set(before)
    text = "Ben_books = Ana_coins + 2\nFinal Answer: 3"
    assert larger.decode(larger(text)["input_ids"]) == text
