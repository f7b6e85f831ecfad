"""Models in this process: random ones of two layers, so what they write is noise, but the same noise every time."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reasoner.engines import BUILT_IN, Request, load_engine
from reasoner.engines.local import LocalEngine
from reasoner.engines.local_prefixes import PrefixStore
from reasoner.engines.local_shared import Loop, can_share
from reasoner.errors import BadInput, EngineError
from reasoner.records import Maker, Sampling, make_problem
from reasoner.solve import solve
from tests.tiny_model import QUESTION, make_adapter, make_model

PROMPTS = [QUESTION + "\n", "Ana has 3 coins .\n", QUESTION + "\nSolve Parent: Ben has 3 + 2\n", "How many ?\n"]
CHAT = (
    "{% for m in messages %}Question : {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}Answer :\n{% endif %}"
)
NOISE = Sampling(num=3, temperature=1.0, max_new_tokens=24, seed=3)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in ("qwen3", "llama", "gpt2", "mistral"):
        make_model(folder / kind, kind)
    make_model(folder / "base", plain=False)
    make_model(folder / "chat", plain=False, chat_template=CHAT)
    make_model(folder / "other", "llama", seed=1)
    make_adapter(folder / "qwen3", folder / "run-1" / "adapter")
    return folder


@pytest.fixture(scope="module")
def engine(models: Path) -> LocalEngine:
    return loaded(models / "qwen3")


def loaded(model: Path, adapter: str = "") -> LocalEngine:
    engine = load_engine(str(model), adapter)
    assert isinstance(engine, LocalEngine)
    return engine


def texts(engine: LocalEngine, prompts: list[str], sampling: Sampling = NOISE) -> list[list[str]]:
    return [[one.text for one in completions] for completions in engine.complete(prompts, sampling)]


def test_the_same_seed_and_prompts_give_the_same_text(engine: LocalEngine) -> None:
    first = engine.complete(PROMPTS, NOISE)
    assert engine.complete(PROMPTS, NOISE) == first
    assert len({text for row in texts(engine, PROMPTS) for text in row}) > 9
    assert texts(engine, PROMPTS, Sampling(num=3, temperature=1.0, max_new_tokens=24, seed=90)) != texts(
        engine, PROMPTS
    )


def drawn_by_sharing(model: Any, rows: list[Any], settings: Any, width: int) -> list[Any]:
    loop = Loop(model, rows, settings, width, PrefixStore(2**20))
    loop.run()
    assert loop.is_over
    return loop.drawn


def test_each_request_has_its_own_seed_and_limit(engine: LocalEngine) -> None:
    many = engine.complete(PROMPTS[:2], NOISE)
    requests = [Request(PROMPTS[1], NOISE.seed + 2, 24), Request(PROMPTS[0], NOISE.seed, 5)]
    requests += [Request(PROMPTS[1], NOISE.seed, 24)]
    drawn = engine.complete_each(requests, NOISE)
    assert [drawn[0], drawn[2]] == [many[1][2], many[1][0]]
    assert drawn[1].num_tokens <= 5 and many[0][0].text.startswith(drawn[1].text)
    assert engine.complete_each([], NOISE) == []


def test_a_text_depends_on_its_prompt_and_seed_and_not_on_its_neighbours(engine: LocalEngine) -> None:
    together = texts(engine, PROMPTS)
    assert texts(engine, PROMPTS[::-1])[::-1] == together
    assert texts(engine, PROMPTS[:1]) == together[:1]
    assert texts(engine, PROMPTS * 2) == together * 2
    for index in range(3):
        alone = Sampling(num=1, temperature=1.0, max_new_tokens=24, seed=3 + index)
        assert [row[0] for row in texts(engine, PROMPTS, alone)] == [row[index] for row in together]


@pytest.mark.parametrize("kind", ["qwen3", "llama", "gpt2", "mistral"])
@pytest.mark.parametrize("top_p", [1.0, 0.6])
def test_our_loop_writes_what_generate_writes(models: Path, kind: str, top_p: float) -> None:
    from reasoner.engines.local_sampling import Row, Settings, can_loop, sample

    engine = loaded(models / kind)
    assert can_loop(engine.model) == (kind != "mistral")  # a window of attention: left to generate
    ids = [tuple(engine.tokenizer(prompt)["input_ids"]) for prompt in PROMPTS]
    rows = [Row(one, f"{i} {one}", limit=5 + 7 * i) for one in ids for i in range(5)]
    settings = Settings(1.0, top_p, frozenset({2, 7}), lambda tokens: tokens[-1] == 9)
    theirs = sample(engine.model, rows, settings, by_generate=True)
    loops = [sample(engine.model, rows, settings)]
    if kind != "mistral":
        assert can_share(engine.model)
        loops += [drawn_by_sharing(engine.model, rows, settings, width) for width in (1, 7, 100)]
    for ours in loops:
        assert [one.tokens for one in ours] == [one.tokens for one in theirs]
        assert [one.is_finished for one in ours] == [one.is_finished for one in theirs]
    assert len({len(one.tokens) for one in theirs}) > 4  # rows left the batch at different times
    assert not sample(engine.model, [], settings)


@pytest.mark.parametrize("kind", ["qwen3", "gpt2"])
def test_greedy_is_what_transformers_calls_greedy(models: Path, kind: str) -> None:
    engine = loaded(models / kind)
    for prompt in PROMPTS:
        [[first, second]] = engine.complete([prompt], Sampling(num=2, temperature=0, max_new_tokens=20))
        ids = engine.tokenizer(prompt, return_tensors="pt")["input_ids"]
        written = engine.model.generate(ids, do_sample=False, max_new_tokens=20)[0, ids.shape[1] :]
        assert first == second
        assert first.text == engine.tokenizer.decode(written, skip_special_tokens=True)


def test_tokens_are_drawn_from_the_models_distribution(engine: LocalEngine) -> None:
    """The first token of 4,000 samples against the softmax, and nothing outside the nucleus."""
    import torch

    from reasoner.engines.local_sampling import Row, Settings, sample

    ids = tuple(engine.tokenizer(PROMPTS[0])["input_ids"])
    with torch.inference_mode():
        logits = engine.model(torch.tensor([ids])).logits[0, -1]
    for top_p in (1.0, 0.5):
        probabilities = torch.softmax(logits / 0.8, -1)
        ordered, places = probabilities.sort(descending=True)
        nucleus = places[: int((ordered.cumsum(0) < top_p).sum()) + 1]
        expected = torch.zeros_like(probabilities)
        expected[nucleus] = probabilities[nucleus] / probabilities[nucleus].sum()
        rows = [Row(ids, f"draw {number}", limit=1) for number in range(4000)]
        drawn = sample(engine.model, rows, Settings(0.8, top_p, frozenset(), lambda tokens: False))
        counts = torch.bincount(torch.tensor([one.tokens[0] for one in drawn]), minlength=len(expected)) / len(rows)
        assert float((counts - expected).abs().max()) < 0.03  # 3 standard errors of a rate of one half: 0.024
        assert set(counts.nonzero().flatten().tolist()) <= set(nucleus.tolist())


def test_the_batch_may_be_of_any_size(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    together = texts(engine, PROMPTS)
    for num_rows in (1, 2, 5):
        monkeypatch.setattr("reasoner.engines.local.shared_rows", lambda model, rows, num=num_rows: num)
        assert texts(engine, PROMPTS) == together


def test_a_batch_that_does_not_fit_is_halved_and_one_row_too_many_is_an_error() -> None:
    import torch

    from reasoner.engines.local_batches import in_batches
    from reasoner.engines.local_sampling import Row

    sizes = []

    def draw(rows):  # type: ignore[no-untyped-def]
        sizes.append(len(rows))
        if len(rows) > limit:
            raise torch.OutOfMemoryError("no memory left")
        return list(rows)

    limit = 3
    rows = [Row((number,), "", 1) for number in range(8)]
    assert in_batches(draw, rows, 8) == rows
    assert sizes == [8, 4, 2, 2, 2, 2]
    limit = 0
    with pytest.raises(EngineError, match="too little free memory"):
        in_batches(draw, rows, 8)


def test_a_stop_string_ends_the_text_and_stays_in_it(engine: LocalEngine) -> None:
    [[whole]] = engine.complete([PROMPTS[0]], Sampling(temperature=1.0, max_new_tokens=40, seed=3))
    words = whole.text.split(" ")
    stop = " ".join(words[4:6])
    [[cut]] = engine.complete([PROMPTS[0]], Sampling(temperature=1.0, max_new_tokens=40, seed=3, stop=("never", stop)))
    assert cut.text == whole.text[: whole.text.index(stop) + len(stop)]
    assert cut.is_finished and cut.num_tokens < whole.num_tokens


def test_a_text_is_finished_only_when_it_ended_by_itself(engine: LocalEngine) -> None:
    completions = [one for row in engine.complete(PROMPTS, Sampling(40, 1.0, 1.0, 24)) for one in row]
    assert {one.is_finished for one in completions} == {True, False}
    for one in completions:
        assert one.num_tokens == 24 if not one.is_finished else one.num_tokens <= 24
        assert "[EOS]" not in one.text and "[PAD]" not in one.text


def test_a_prompt_that_fills_the_context_is_refused_with_the_numbers(engine: LocalEngine) -> None:
    assert engine.context == 256
    with pytest.raises(BadInput, match=r"300 tokens.*256 in all"):
        engine.complete([PROMPTS[0], "coins " * 300], NOISE)
    [[last]] = engine.complete(["coins " * 250], Sampling(temperature=1.0, max_new_tokens=100, seed=1))
    assert last.num_tokens <= 6


def test_an_empty_prompt_is_continued(engine: LocalEngine) -> None:
    assert engine.complete([""], NOISE)[0][0].num_tokens > 0


def test_each_model_is_asked_in_its_own_way(models: Path, engine: LocalEngine) -> None:
    assert engine.render(QUESTION, "Think.") == QUESTION + "\n"
    assert loaded(models / "base").render(QUESTION, "Think.") == f"Question: {QUESTION}\nAnswer (Think.):\n"
    chat = loaded(models / "chat")
    assert chat.render(QUESTION, "Think.") == f"Question : {QUESTION}\n\nThink.\nAnswer :\n"
    assert chat.render("Ana [EOS] has", "").startswith("Question : Ana  has\n")  # nobody ends their own turn
    assert "[EOS]" not in chat.render("Ana [E[EOS]OS] has", "")


def test_a_rendered_chat_is_not_begun_twice(models: Path, tmp_path: Path) -> None:
    """A template that writes the beginning of the sequence, and a tokenizer that would write it again."""
    from tokenizers.processors import TemplateProcessing

    folder = shutil.copytree(models / "chat", tmp_path / "bos")
    engine = loaded(folder)
    engine.tokenizer.add_special_tokens({"bos_token": "[UNK]"})
    engine.tokenizer._tokenizer.post_processor = TemplateProcessing(single="[UNK] $A", special_tokens=[("[UNK]", 1)])
    assert engine.tokenizer("Ana")["input_ids"][0] == 1
    assert engine.count_tokens("[UNK] Ana") == 2
    engine._has_template = False
    assert engine.count_tokens("Ana") == 2


def test_words_outside_the_vocabulary_are_named_once(engine: LocalEngine) -> None:
    assert engine.unknown_words("Zorblax has 3 coins . Zorblax and 12 florins ?") == ["Zorblax", "florins"]
    assert engine.unknown_words(QUESTION) == []
    assert engine.unknown_words("") == []


def test_text_with_half_a_surrogate_or_no_text_at_all_does_no_harm(engine: LocalEngine) -> None:
    assert engine.count_tokens("Ana \udc80 has") >= 2
    assert engine.complete([], NOISE) == []


def test_an_adapter_changes_the_text_and_is_named(models: Path, engine: LocalEngine) -> None:
    adapted = loaded(models / "qwen3", str(models / "run-1" / "adapter"))
    assert (adapted.maker.model, adapted.maker.adapter) == ("qwen3", "run-1")
    assert texts(adapted, PROMPTS) != texts(engine, PROMPTS)
    as_model = loaded(models / "run-1" / "adapter")
    assert as_model.maker == adapted.maker
    assert texts(as_model, PROMPTS) == texts(adapted, PROMPTS)


def test_a_merged_adapter_writes_what_the_unmerged_one_writes(models: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    merged = loaded(models / "qwen3", str(models / "run-1" / "adapter"))
    plain = AutoModelForCausalLM.from_pretrained(models / "qwen3")
    unmerged = PeftModel.from_pretrained(plain, models / "run-1" / "adapter")
    ids = merged.tokenizer(QUESTION, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        assert torch.allclose(merged.model(ids).logits, unmerged(ids).logits, atol=1e-4)


def test_in_bf16_an_adapter_stays_unmerged_and_is_sampled_all_the_same(models: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from reasoner.engines.local_loading import _with_adapter
    from reasoner.engines.local_sampling import can_loop

    half = AutoModelForCausalLM.from_pretrained(models / "qwen3", dtype=torch.bfloat16)
    adapted = _with_adapter(half, str(models / "run-1" / "adapter")).eval()
    assert any("lora" in name for name, _ in adapted.named_parameters())
    assert can_loop(adapted)
    tokenizer = loaded(models / "qwen3").tokenizer
    unmerged = LocalEngine(adapted, tokenizer, Maker("local", "qwen3", "run-1"), is_plain=True)
    assert texts(unmerged, PROMPTS) == texts(unmerged, PROMPTS)


def test_threads_that_sample_at_once_do_not_disturb_each_other(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reasoner.engines.local.shared_rows", lambda model, rows: 2)
    monkeypatch.setattr("reasoner.engines.local.TURN_SECONDS", 0.0)
    expected = [texts(engine, [prompt]) for prompt in PROMPTS]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda prompt: texts(engine, [prompt]), PROMPTS)) == expected


def test_what_a_lent_gpus_process_says_comes_back(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """ZeroGPU draws in a forked process, from which neither the model nor an error comes back whole."""
    from reasoner.engines import local

    monkeypatch.setattr(local, "_LOADED", {})
    assert "try again" in str(local._draw_on_lent_gpu("qwen3 ", [], NOISE))
    monkeypatch.setattr(local, "_LOADED", {"qwen3 ": engine})
    rows = [
        engine._row(engine._ids(PROMPTS[0]), Request(PROMPTS[0], NOISE.seed + index, NOISE.max_new_tokens))
        for index in range(3)
    ]
    assert local._draw_on_lent_gpu("qwen3 ", rows, NOISE) == engine.complete(PROMPTS[:1], NOISE)[0]
    assert local._draw_on_lent_gpu("qwen3 ", [], NOISE) == []


def test_a_larger_model_or_longer_text_makes_smaller_batches(engine: LocalEngine) -> None:
    from reasoner.engines import local_batches
    from reasoner.engines.local_sampling import Row

    short, long = [Row((1,) * 10, "", 10)], [Row((1,) * 100_000, "", 100_000)]
    assert local_batches.batch_rows(engine.model, short) == local_batches.CPU_ROWS
    assert 1 <= local_batches.batch_rows(engine.model, long) < local_batches.CPU_ROWS
    assert local_batches.batch_rows(engine.model, []) == local_batches.CPU_ROWS
    assert local_batches.shared_rows(engine.model, short) == local_batches.SHARED_ROWS
    assert 1 <= local_batches.shared_rows(engine.model, long) < local_batches.SHARED_ROWS


def test_a_chat_template_that_fails_is_an_error_with_its_words(models: Path, tmp_path: Path) -> None:
    engine = loaded(models / "chat")
    engine.tokenizer.chat_template = "{{ raise_exception('only for assistants') }}"
    with pytest.raises(EngineError, match="only for assistants"):
        engine.render(QUESTION, "")


def test_traces_name_the_model_and_can_be_drawn_again(engine: LocalEngine) -> None:
    problem = make_problem(QUESTION, "5", "typed")
    sampling = Sampling(num=5, temperature=1.0, max_new_tokens=24, seed=11)
    traces = list(solve(engine, problem, "transitions", sampling))
    assert [trace.maker.seed for trace in traces] == [11, 12, 13, 14, 15]
    assert {(trace.maker.engine, trace.maker.model) for trace in traces} == {("local", "qwen3")}
    again = Sampling(temperature=1.0, max_new_tokens=24, seed=14)
    assert [trace.id for trace in solve(engine, problem, "transitions", again)] == [traces[3].id]


def test_the_weights_stay_as_they_are(models: Path) -> None:
    import torch

    engine = loaded(models / "qwen3")
    assert engine.model.dtype == torch.float32
    assert not engine.model.training


def test_the_built_in_solver_answers_if_it_is_there() -> None:
    if not (Path(BUILT_IN) / "model.safetensors").is_file():
        pytest.skip("the built-in solver has not been trained yet")
    engine = loaded(Path(BUILT_IN))
    question = "Ana has 41 coins. Ben has 26 more coins than Ana. How many coins does Ben have?"
    [trace] = solve(engine, make_problem(question, "67", "typed"), sampling=Sampling(temperature=0))
    assert trace.steps[0].action == "Formalize" and trace.steps[-1].action == "Summarize"
    assert engine.unknown_words(question) == []
    assert engine.unknown_words("Zorblax owns 3 quokkas.") != []
