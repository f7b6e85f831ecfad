"""A model in this process: a folder or a Hugging Face id, by transformers, with or without a LoRA adapter.

    engine = load("assets/model/solver")
    [[completion]] = engine.complete([engine.render("Ana has 3 coins. …", "")], Sampling(seed=7))

bf16 on a GPU, float32 on a CPU (bf16 measured slower there: tests/bench/bench_sampling.py). Prompts are sorted by
length, so that little of a batch is padding; the batch is as large as memory allows. The same seed and prompts give the
same text.

Not covered: models that are not decoders; prompts of images or sound; several GPUs.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jinja2 import TemplateError

from reasoner.engines.local_batches import batch_rows, in_batches, prefix_bytes, shared_rows
from reasoner.engines.local_loading import adapter_name, find_model, load_model, model_name
from reasoner.engines.local_prefixes import PrefixStore
from reasoner.engines.local_sampling import Drawn, Row, Settings, sample
from reasoner.engines.local_shared import Loop, can_share
from reasoner.engines.prompts import Request, is_plain, knows_tags, plain_prompt, question_prompt, through_stop
from reasoner.errors import BadInput, EngineError, WorkbenchError
from reasoner.records import Completion, Maker, Sampling

IS_ZERO_GPU = bool(os.environ.get("SPACES_ZERO_GPU"))  # a Space whose GPU is lent call by call
TURN_SECONDS = 1.0  # for which one thread works on, while others wait. Ours
ZERO_GPU_SECONDS = 60  # of a visitor's GPU time that one call asks for. Ours


class LocalEngine:
    """One model; threads that ask at the same time take turns."""

    def __init__(
        self, model: Any, tokenizer: Any, maker: Maker, is_plain: bool = False, knows_tags: bool = False
    ) -> None:
        self.maker = maker
        self.model = model
        self.tokenizer = tokenizer
        self.context = _context(model, tokenizer)
        self._is_plain = is_plain
        self._knows_tags = knows_tags
        self._has_template = bool(getattr(tokenizer, "chat_template", None)) and not is_plain
        self._ends = _end_ids(model, tokenizer)
        self.turn = threading.Lock()  # held while the model works
        self.prefixes = PrefixStore(prefix_bytes(model))

    def render(self, question: str, instruction: str, tag: str = "") -> str:
        """By the tokenizer's chat template if it has one, else as prompts.py says."""
        if self._is_plain:
            return plain_prompt(question, tag if self._knows_tags else "")
        if not self._has_template:
            return question_prompt(question, instruction)
        special = [token for token in self.tokenizer.all_special_tokens if token]
        while any(token in question for token in special):  # what a person types must not end their own turn;
            for token in special:  # again and again, since taking one out may leave another
                question = question.replace(token, "")
        messages = [{"role": "user", "content": f"{question.strip()}\n\n{instruction}".strip()}]
        try:  # enable_thinking: Qwen3's and others' switch; templates that do not know it take no notice
            rendered = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except TemplateError as error:
            raise EngineError(f"The chat template of {self.maker.model} fails: {error}. Use another model.") from error
        return str(rendered)

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[Completion]]:
        """For each prompt `sampling.num` completions. Raises BadInput (a prompt fills the context) and EngineError."""
        num_drawn = 1 if sampling.temperature <= 0 else sampling.num  # greedy ones are all the same
        requests = [
            Request(prompt, sampling.seed + index, sampling.max_new_tokens)
            for prompt in dict.fromkeys(prompts)
            for index in range(num_drawn)
        ]
        done = dict(zip(requests, self.complete_each(requests, sampling), strict=True))
        return [
            [
                done[Request(prompt, sampling.seed + index % num_drawn, sampling.max_new_tokens)]
                for index in range(sampling.num)
            ]
            for prompt in prompts
        ]

    def complete_each(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """One completion a request, each with its own seed and limit; the same prompts stand together in a batch."""
        ids = {prompt: self._ids(prompt) for prompt in dict.fromkeys(one.prompt for one in requests)}
        for number in map(len, ids.values()):
            if number >= self.context:
                raise BadInput(
                    f"The text to continue has {number:,} tokens, and {self.maker.model} reads {self.context:,} "
                    "in all: shorten it, or start with a model of a longer context (--model)."
                )
        by_length = {prompt: place for place, prompt in enumerate(sorted(ids, key=lambda one: len(ids[one])))}
        order = sorted(range(len(requests)), key=lambda place: by_length[requests[place].prompt])
        rows = [self._row(ids[requests[place].prompt], requests[place]) for place in order]
        done = dict(zip(order, self._draw(rows, sampling), strict=True))
        return [done[place] for place in range(len(requests))]

    def count_tokens(self, text: str) -> int:
        return len(self._ids(text))

    def unknown_words(self, text: str) -> list[str]:
        unknown = self.tokenizer.unk_token_id
        if unknown is None or not self.tokenizer.is_fast:
            return []
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        pairs = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        words = [text[start:end].strip() for token, (start, end) in pairs if token == unknown]
        return [word for word in dict.fromkeys(words) if word]

    def draw(self, rows: list[Row], sampling: Sampling) -> list[Completion]:
        """Sample the rows in this process. Threads take turns batch by batch: nobody waits for another's whole run."""
        stops = _Stops(self.tokenizer, sampling.stop)
        pad = self.tokenizer.pad_token_id or 0
        settings = Settings(sampling.temperature, sampling.top_p, self._ends, stops.has_ended, pad)

        if can_share(self.model):
            return [self._completion(one, sampling.stop) for one in self._draw_shared(rows, settings)]

        def draw_batch(batch: Sequence[Row]) -> list[Drawn]:
            with self.turn:
                drawn = sample(self.model, batch, settings)
            time.sleep(0.001)  # else this thread has the lock again before those that wait for it wake up
            return drawn

        drawn = in_batches(draw_batch, rows, batch_rows(self.model, rows))
        return [self._completion(one, sampling.stop) for one in drawn]

    def _draw_shared(self, rows: list[Row], settings: Settings) -> list[Drawn]:
        loop = Loop(self.model, rows, settings, shared_rows(self.model, rows), self.prefixes)
        while not loop.is_over:
            with self.turn:
                loop.run(TURN_SECONDS)
            time.sleep(0.001)  # else this thread has the lock again before those that wait for it wake up
        return loop.drawn

    def _draw(self, rows: list[Row], sampling: Sampling) -> list[Completion]:
        if not (IS_ZERO_GPU and self.model.device.type == "cuda"):
            return self.draw(rows, sampling)
        done = _draw_on_lent_gpu(_key(self.maker), rows, sampling)
        if isinstance(done, str):
            raise EngineError(done)
        return done

    def _ids(self, text: str) -> tuple[int, ...]:
        """Token ids of a prompt; a rendered chat has its special tokens in it already."""
        text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates
        ids = self.tokenizer(text, add_special_tokens=not self._has_template)["input_ids"]
        while ids and ids[-1] == self.tokenizer.eos_token_id and not self._has_template:
            ids = ids[:-1]  # some tokenizers end every text
        return tuple(ids)

    def _row(self, ids: tuple[int, ...], request: Request) -> Row:
        limit = max(1, min(request.max_new_tokens, self.context - len(ids)))
        return Row(ids or (self._start(),), f"{request.seed}\x1f{request.prompt}", limit)

    def _start(self) -> int:
        """What an empty prompt begins with."""
        for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def _completion(self, drawn: Drawn, stop: tuple[str, ...]) -> Completion:
        tokens = drawn.tokens
        ended_itself = bool(tokens) and tokens[-1] in self._ends
        text = self.tokenizer.decode(tokens[:-1] if ended_itself else tokens, skip_special_tokens=True)
        return Completion(through_stop(text, stop), len(tokens), drawn.is_finished)


class _Stops:
    """Looks for stop strings, decoding only when the newest token could have completed one."""

    def __init__(self, tokenizer: Any, stop: tuple[str, ...]) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._last = {string[-1] for string in stop if string}
        self._may_end: dict[int, bool] = {}

    def has_ended(self, tokens: list[int]) -> bool:
        if not self._last:
            return False
        newest = tokens[-1]
        if newest not in self._may_end:
            text = self._tokenizer.decode([newest])
            self._may_end[newest] = "�" in text or any(character in text for character in self._last)
        if not self._may_end[newest]:
            return False
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return any(string in text for string in self._stop)


def load(model: str, adapter: str = "") -> LocalEngine:
    """The engine of a model folder or Hugging Face id, with the adapter in that folder. Raises EngineError."""
    found = find_model(model, adapter)
    loaded, tokenizer = load_model(found)
    maker = Maker("local", model_name(found.model), adapter_name(found.adapter))
    engine = LocalEngine(loaded, tokenizer, maker, is_plain(found.model), knows_tags(found.model))
    if IS_ZERO_GPU:
        _LOADED[_key(maker)] = engine
    return engine


def _context(model: Any, tokenizer: Any) -> int:
    """Tokens that prompt and completion may take together: what the model and its tokenizer both allow."""
    config = model.config.get_text_config()
    limits = [getattr(config, "max_position_embeddings", None), getattr(tokenizer, "model_max_length", None)]
    return int(min([limit for limit in limits if limit and 0 < limit < 10**9], default=2048))


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Ids that end a sequence: the tokenizer's, and what the model's generation settings add (a chat's end of turn)."""
    told = getattr(model.generation_config, "eos_token_id", None)
    ids = [tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])]
    return frozenset(int(token) for token in ids if token is not None)


_LOADED: dict[str, LocalEngine] = {}  # on ZeroGPU a call runs in a forked process: it finds the model here


def _key(maker: Maker) -> str:
    return f"{maker.model} {maker.adapter}"


Drawing = TypeVar("Drawing", bound=Callable[..., Any])


def _lent(function: Drawing) -> Drawing:
    """On a Space with ZeroGPU: run `function` with the GPU. To be met while the app starts, or the Space is refused."""
    if not IS_ZERO_GPU:
        return function
    import spaces

    lent: Drawing = spaces.GPU(duration=ZERO_GPU_SECONDS)(function)
    return lent


@_lent
def _draw_on_lent_gpu(key: str, rows: list[Row], sampling: Sampling) -> list[Completion] | str:
    """On ZeroGPU: `draw` in the process that has the GPU. A string is an error's text: errors do not come back."""
    if key not in _LOADED:
        return "The GPU's process has not seen this model yet: try again in a minute."
    engine = _LOADED[key]
    engine.turn = threading.Lock()  # the old one may have been held by another thread when the process was forked
    try:
        return engine.draw(rows, sampling)
    except WorkbenchError as error:
        return str(error)
