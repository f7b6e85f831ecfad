"""What rows share: prompts, states and steps. The models are random ones of two layers, so rows part early."""

from dataclasses import replace
from pathlib import Path

import pytest

from reasoner.engines import BUILT_IN, load_engine
from reasoner.engines.local import LocalEngine
from reasoner.engines.local_prefixes import PrefixStore
from reasoner.engines.local_sampling import Drawn, Row, Settings, sample
from reasoner.engines.local_shared import Loop, can_share
from reasoner.errors import EngineError
from reasoner.formats import FORMATS
from reasoner.records import Sampling
from reasoner.rounds import complete
from tests.tiny_model import QUESTION, make_model

SETTINGS = Settings(1.0, 1.0, frozenset({2, 7}), lambda tokens: tokens[-1] == 9)
LONG = tuple(range(3, 33))
NESTED = [LONG[:num] for num in (1, 2, 9, 17, 30)]
ROOM = 2**24


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    loaded = load_engine(str(make_model(tmp_path_factory.mktemp("models") / "qwen3")))
    assert isinstance(loaded, LocalEngine)
    return loaded


def rows_of(prompts: list[tuple[int, ...]], copies: int = 6, limit: int = 40) -> list[Row]:
    return [Row(ids, f"{number} {ids}", limit - number) for ids in prompts for number in range(copies)]


def drawn_by(
    engine: LocalEngine,
    rows: list[Row],
    store: PrefixStore | None = None,
    width: int = 50,
    settings: Settings = SETTINGS,
) -> Loop:
    loop = Loop(engine.model, rows, settings, width, PrefixStore(ROOM) if store is None else store)
    loop.run()
    return loop


def tokens(drawn: list[Drawn]) -> list[tuple[list[int], bool]]:
    return [(one.tokens, one.is_finished) for one in drawn]


# Sharing changes nothing


def keep_logits(monkeypatch: pytest.MonkeyPatch, are_kept: bool) -> None:
    for module in ("local_prefixes", "local_shared"):
        monkeypatch.setattr(f"reasoner.engines.{module}.keeps_logits", lambda model: are_kept)


@pytest.mark.parametrize("are_kept", [True, False])
@pytest.mark.parametrize("settings", [SETTINGS, replace(SETTINGS, temperature=0.0), replace(SETTINGS, top_p=0.5)])
def test_nested_prompts_give_what_each_gives_alone(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, are_kept: bool, settings: Settings
) -> None:
    keep_logits(monkeypatch, are_kept)
    rows = rows_of(NESTED)
    alone = [one for row in rows for one in sample(engine.model, [row], settings)]
    assert tokens(drawn_by(engine, rows, settings=settings).drawn) == tokens(alone)


@pytest.mark.parametrize("are_kept", [True, False])
def test_what_is_kept_between_calls_changes_no_text(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, are_kept: bool
) -> None:
    keep_logits(monkeypatch, are_kept)
    store = PrefixStore(ROOM)
    for prompts in (NESTED[3:4], NESTED[:3], [(*LONG[:20], 40, 41, 42)], NESTED[::-1]):
        rows = rows_of(prompts)
        assert tokens(drawn_by(engine, rows, store).drawn) == tokens(drawn_by(engine, rows).drawn)


def test_a_row_walks_along_a_longer_prompt_and_nothing_is_computed_for_it(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_logits(monkeypatch, True)
    greedy = replace(SETTINGS, temperature=0.0, ends=frozenset(), has_ended=lambda tokens: False)
    short = Row(LONG, "", 12)
    [way] = drawn_by(engine, [short], settings=greedy).drawn
    longer = Row((*LONG, *way.tokens[:8]), "", 4)
    together = drawn_by(engine, [short, longer], settings=greedy)
    assert together.drawn[0].tokens == way.tokens
    assert together.drawn[1].tokens == way.tokens[8:]
    assert together.num_computed == 3  # one way for both, and the first token of it is drawn from what was read


def test_a_row_may_walk_beyond_the_prompts_of_its_call(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Along what an earlier call has read, and into steps of the model from there."""
    keep_logits(monkeypatch, True)
    greedy = replace(SETTINGS, temperature=0.0, ends=frozenset(), has_ended=lambda tokens: False)
    store, short = PrefixStore(ROOM), [Row((first, *LONG), "", 30) for first in (3, 4)]
    ways = drawn_by(engine, short, settings=greedy).drawn
    longer = [Row((*row.prompt, *way.tokens[:20]), "", 1) for row, way in zip(short, ways, strict=True)]
    drawn_by(engine, longer, store, settings=greedy)
    again = drawn_by(engine, [*short, Row((50, *LONG[:5]), "", 3)], store, settings=greedy)
    assert tokens(again.drawn)[:2] == tokens(ways)
    assert again.num_computed < 25


def test_attention_in_parts_is_attention_at_once() -> None:
    """On every device: the CPU's own kernel, and the products that others take."""
    import torch

    from reasoner.engines.local_attention import attend, in_products, joined, mask_of

    torch.manual_seed(0)
    query, key, value = (torch.randn(3, 2, num, 8) for num in (4, 10, 10))
    lengths = torch.tensor([0, 5, 10])
    mask = mask_of(lengths, 10, torch.float32)[:, None, None].expand(-1, 1, 4, -1)
    others = mask_of(10 - lengths, 10, torch.float32).flip(-1)[:, None, None].expand(-1, 1, 4, -1)
    whole = torch.softmax(torch.matmul(query, key.transpose(2, 3)) * 0.3, -1) @ value
    for way in (attend, in_products):
        first = way(query, key, value, mask, 0.3)
        rest = way(query, key, value, others, 0.3)
        assert torch.allclose(joined(first, rest), whole, atol=1e-5)


def test_other_devices_products_write_the_same_texts(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from reasoner.engines import local_attention

    rows = rows_of(NESTED)
    expected = tokens(drawn_by(engine, rows).drawn)
    for module in ("local_decoding", "local_prefixes"):
        monkeypatch.setattr(f"reasoner.engines.{module}.attend", local_attention.in_products)
    assert tokens(drawn_by(engine, rows).drawn) == expected


# What is computed, and what is kept


def test_rows_in_the_same_state_are_computed_once(engine: LocalEngine) -> None:
    one = Row(LONG, "the same numbers", 30)
    alone, together = drawn_by(engine, [one]), drawn_by(engine, [one] * 20)
    assert together.num_computed == alone.num_computed <= 30
    assert tokens(together.drawn) == tokens(alone.drawn) * 20


def test_a_prompt_is_read_once_and_a_longer_one_from_where_it_ends(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_logits(monkeypatch, True)
    store = PrefixStore(ROOM)
    drawn_by(engine, rows_of(NESTED[:4]), store)
    assert store.num_read == len(NESTED[3])
    drawn_by(engine, rows_of(NESTED), store)
    assert store.num_read == len(LONG)
    drawn_by(engine, rows_of(NESTED), store)
    assert store.num_read == len(LONG) and len(store) == 1


def test_prompts_are_read_in_batches_with_little_padding(engine: LocalEngine) -> None:
    store = PrefixStore(ROOM)
    lengths = [3, 18, 19, 20] * 8
    drawn_by(engine, rows_of([(4 + first, *LONG[:num]) for first, num in enumerate(lengths)], 1), store)
    assert 0 < store.num_padding <= 0.1 * store.num_read


def test_what_is_kept_has_a_bound_and_the_oldest_goes_first(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_logits(monkeypatch, True)
    measured = PrefixStore(ROOM)
    drawn_by(engine, rows_of([LONG], 1), measured)
    store = PrefixStore(2 * measured.size)
    prompts = [(start, *LONG[1:]) for start in (3, 4, 5)]
    for prompt in (prompts[0], prompts[1], prompts[0], prompts[2]):
        drawn_by(engine, rows_of([prompt], 1), store)
    assert len(store) == 2 and store.num_read == 3 * len(LONG)
    drawn_by(engine, rows_of([prompts[0]], 1), store)
    assert store.num_read == 3 * len(LONG)  # it was used between the other two
    drawn_by(engine, rows_of([prompts[1]], 1), store)
    assert store.num_read == 4 * len(LONG)
    nothing_kept = PrefixStore(0)
    assert tokens(drawn_by(engine, rows_of(NESTED), nothing_kept).drawn) == tokens(
        drawn_by(engine, rows_of(NESTED)).drawn
    )
    assert len(nothing_kept) == 0


def test_a_row_that_ends_makes_room_for_the_next(engine: LocalEngine) -> None:
    rows = rows_of([LONG], 40)
    loop = Loop(engine.model, rows, SETTINGS, 4, PrefixStore(ROOM))
    most = 0
    while not loop.is_over:
        loop.run(seconds=0)
        most = max(most, loop.num_going)
    assert most <= 4
    assert tokens(loop.drawn) == tokens(drawn_by(engine, rows).drawn)


# Where there is too little memory, or a model that cannot share


def test_too_little_memory_halves_what_is_on_its_way_and_nothing_is_lost(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    rows = rows_of(NESTED)
    expected = tokens(drawn_by(engine, rows).drawn)
    step = Loop._step

    def narrow(loop: Loop) -> None:
        if loop.width > largest:
            raise torch.OutOfMemoryError("no memory left")
        step(loop)

    monkeypatch.setattr(Loop, "_step", narrow)
    largest = 7
    loop = drawn_by(engine, rows)
    assert loop.width == 6 and tokens(loop.drawn) == expected
    largest = 0
    with pytest.raises(EngineError, match="too little free memory"):
        drawn_by(engine, rows)


@pytest.mark.parametrize("why", ["asks for more", "another interface"])
def test_a_decoder_that_cannot_share_is_found_out_and_sampled_all_the_same(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    other = load_engine(str(make_model(tmp_path / "qwen3")))
    assert isinstance(other, LocalEngine)
    if why == "asks for more":
        monkeypatch.setattr("reasoner.engines.local_attention.MORE", ("dropout",))
    else:
        monkeypatch.setattr(type(other.model), "_supports_attention_backend", False)
    assert not can_share(other.model)
    noise = Sampling(num=3, temperature=1.0, max_new_tokens=24, seed=3)
    assert other.complete([QUESTION + "\n"], noise) == engine.complete([QUESTION + "\n"], noise)


def test_the_models_own_attention_is_put_back(engine: LocalEngine) -> None:
    before = engine.model.config._attn_implementation
    drawn_by(engine, rows_of(NESTED))
    assert engine.model.config._attn_implementation == before != "first_pit"


def test_nothing_is_written_after_the_answer_in_any_format() -> None:
    if not (Path(BUILT_IN) / "model.safetensors").is_file():
        pytest.skip("the built-in solver has not been trained yet")
    solver = load_engine(BUILT_IN)
    question = "Ana has 41 coins. Ben has 26 more coins than Ana. How many coins does Ben have?"
    for name, writing in FORMATS.items():
        prompt = solver.render(question, writing.instruction, writing.tag)
        [completions] = complete(solver, writing, [prompt], writing.sampling(num=4, seed=5))
        for completion in completions:
            assert completion.is_finished, name
            last = completion.text.rstrip().splitlines()[-1]
            assert writing.answer(completion.text) is not None, completion.text
            if not writing.runs:
                assert writing.answer(last) == writing.answer(completion.text), completion.text
