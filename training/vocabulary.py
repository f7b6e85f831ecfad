"""The built-in solver's tokenizer: one token a word, one a digit, made from the generator's own sentences.

    "Ben's coins = 41 + 26\n"       →  Ben ##'s coins = 4 ##1 + 2 ##6 \n
    "Ben_coins = Ana_coins + 26\n"  →  Ben ##_coins = Ana ##_coins + 2 ##6 \n

WordPiece keeps a word the same token at the start of a line and inside it; digits and marks that follow without a
space are `##` pieces, so that decoding gives back the text exactly. A word outside the vocabulary becomes [UNK].
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL = ("[PAD]", "[UNK]", "[EOS]")
DIGITS = tuple("0123456789")
MARKS = ("'s", "%", ":", ",", ".", "?", "!", "/", "-")


def words_of(texts: Iterable[str]) -> list[str]:
    """Every distinct word of `texts` without the digits and marks that hang on it, sorted; a variable as two pieces."""
    found: set[str] = set()
    for text in texts:
        for piece in text.split():
            if variable := re.fullmatch(r"([A-Za-z]+)(_[a-z]+)", piece):
                found |= {variable[1], f"##{variable[2]}"}
                continue
            bare = re.sub(r"('s)?[%:,.?!]*$", "", piece)
            found |= {bare} if bare and not re.search(r"\d", bare) else set()
            found |= set(re.findall(r"[^\w]", piece)) - set("'")
    return sorted(found)


def build_tokenizer(texts: Iterable[str], folder: Path) -> "PreTrainedTokenizerFast":
    """Build the tokenizer over the words of `texts` and save it into `folder`."""
    pieces = [*SPECIAL, "\n", "$", *DIGITS, *(f"##{digit}" for digit in DIGITS), *(f"##{mark}" for mark in MARKS)]
    pieces += [word for word in words_of(texts) if word not in pieces]
    tokenizer = tokenizer_of(pieces)
    tokenizer.save_pretrained(folder)
    return tokenizer


def extend_tokenizer(texts: Iterable[str], folder: Path) -> "PreTrainedTokenizerFast":
    """The tokenizer in `folder` with the words of `texts` that it lacks after its own, saved there again."""
    from transformers import AutoTokenizer

    known: dict[str, int] = AutoTokenizer.from_pretrained(folder).get_vocab()
    pieces = sorted(known, key=lambda piece: known[piece])
    pieces += [word for word in words_of(texts) if word not in known]
    tokenizer = tokenizer_of(pieces)
    tokenizer.save_pretrained(folder)
    return tokenizer


def tokenizer_of(pieces: Sequence[str]) -> "PreTrainedTokenizerFast":
    """The tokenizer whose vocabulary is `pieces`, in their order."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=40))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Split(Regex("[ \t]+"), "removed")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix="##", cleanup=False),
            decoders.Fuse(),
            decoders.Replace(" \n", "\n"),
            decoders.Replace("\n ", "\n"),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        eos_token="[EOS]",
        clean_up_tokenization_spaces=False,
    )
