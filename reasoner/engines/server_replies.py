"""What an OpenAI-compatible server says, read: completions out of a reply, words for a person out of a refusal.

    read_choices({"choices": [{"text": "5", "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}, …)

A server's reply is not to be trusted: whatever its shape, it gives completions or `Garbled`, which says what is wrong
with it. A count of tokens that cannot be is estimated from the texts.

Not covered: streams; tool calls; a model's hidden reasoning, which some servers send beside the answer; a completion
that the server cut off by its own fault (finish_reason "abort") counts as one that reached the limit of tokens.
"""

import re
from typing import Any, NamedTuple

from reasoner.engines.prompts import AskedQuestion, through_stop
from reasoner.errors import BadInput, EngineError
from reasoner.records import Completion

KEYS = ("FIRST_PIT_API_KEY", "OPENAI_API_KEY")
CONTEXT_SAID = re.compile(r"context length (?:is|of) (\d{1,9})")  # in vLLM's and SGLang's words
PROMPT_SAID = re.compile(r"(\d{1,9}) (?:input tokens|tokens from the input|in the messages|in the prompt)")
CUT = ("length", "abort", "error", "content_filter")  # reasons to finish that are no end of the model's own


class Refused(Exception):
    """The server answered, and would not do it."""

    def __init__(self, status: int, said: str, retry_after: float | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.said = " ".join(said.split())[:300]
        self.retry_after = retry_after  # seconds it asks to wait

    @property
    def is_missing_route(self) -> bool:
        """Does the server not have this endpoint, or not for this model?"""
        said = self.said.lower()
        is_for_other_models = any(words in said for words in ("chat template", "chat_template", "chat model"))
        return is_for_other_models or self.status in (405, 501) or (self.status == 404 and "model" not in said)

    @property
    def is_too_long(self) -> bool:
        """Is the prompt longer than the model reads?"""
        said = self.said.lower()
        return self.status in (400, 413, 422) and ("context" in said or "too long" in said or "maximum" in said)

    @property
    def room(self) -> int:
        """Tokens that the model could still write after the prompt, where the server says so; else 0."""
        context, prompt = CONTEXT_SAID.search(self.said), PROMPT_SAID.search(self.said)
        return int(context[1]) - int(prompt[1]) if self.is_too_long and context and prompt else 0

    @property
    def is_for_every_request(self) -> bool:
        """Would any other request be refused as well: a wrong key, an empty purse, another model?"""
        said = self.said.lower()
        is_other_model = self.status == 404 and "model" in said and not self.is_missing_route
        return self.status in (401, 402, 403) or "insufficient_quota" in said or is_other_model or self.is_redirect

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400


class Garbled(Exception):
    """The server answered with something that is no answer; the text says what."""


class NotTogether(Exception):
    """The server does not take these prompts in one request."""


class Choices(NamedTuple):
    """The completions of one reply, in the order of their index."""

    completions: list[Completion]
    is_estimated: bool  # the server's count of tokens was missing or absurd


def messages_of(asked: AskedQuestion) -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"{asked.question}\n\n{asked.instruction}".strip()}]


def read_choices(reply: dict[str, Any], most: int, max_new_tokens: int, stop: tuple[str, ...]) -> Choices:
    """The completions of a reply, `most` at the most. Raises Garbled, and Refused for an error in a reply's clothes."""
    if "choices" not in reply and reply.get("error"):
        raise refusal_of(reply["error"])
    choices = reply.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise Garbled("it answered without choices: is it OpenAI-compatible?")
    if not choices:
        raise Garbled("it answered with no completion at all: look into its log")
    ordered = sorted(choices, key=_index)[:most] if _have_places(choices) else choices[:most]
    texts = [_text(choice) for choice in ordered]
    told = _told_tokens(reply.get("usage"), len(choices) * max_new_tokens)
    is_estimated = told is None or (told == 0 and any(texts))
    total = sum(map(len, texts)) // 3 if told is None or is_estimated else told
    shares = _shares(total, [len(text) + 1 for text in texts])
    completions = [
        Completion(through_stop(text, stop), share, is_finished=choice.get("finish_reason") not in CUT)
        for choice, text, share in zip(ordered, texts, shares, strict=True)
    ]
    return Choices(completions, is_estimated)


def refusal_of(error: Any, status: int = 500) -> Refused:
    """The refusal that an "error" in a reply stands for."""
    told = error.get("code") if isinstance(error, dict) else None
    said = error.get("message") or error if isinstance(error, dict) else error
    return Refused(told if isinstance(told, int) and 400 <= told < 600 else status, str(said))


def _index(choice: dict[str, Any]) -> int:
    return int(choice["index"])


def _have_places(choices: list[dict[str, Any]]) -> bool:
    """Does each choice say which one it is?"""
    places = [choice.get("index") for choice in choices]
    return all(type(place) is int for place in places) and len(set(places)) == len(places)


def _text(choice: dict[str, Any]) -> str:
    message = choice.get("message")
    text = choice["text"] if "text" in choice else message.get("content") if isinstance(message, dict) else 0
    if text is None:
        return ""
    if not isinstance(text, str):
        raise Garbled("it answered with choices that have no text: is it OpenAI-compatible?")
    return clean(text)


def clean(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair, which JSON may hold, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _told_tokens(usage: Any, most: int) -> int | None:
    """The tokens that the server says it wrote; None where it says nothing that can be."""
    told = usage.get("completion_tokens") if isinstance(usage, dict) else None
    if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= most:  # NaN is in no range
        return int(told)
    return None


def _shares(total: int, weights: list[int]) -> list[int]:
    """`total` shared out by weight, in whole numbers that sum to it."""
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    left = total - sum(shares)
    return [share + (place < left) for place, share in enumerate(shares)]


def error_of(refused: Refused, url: str, model: str) -> EngineError | BadInput:
    """What a person is told of a refusal."""
    said = refused.said.lower()
    if refused.is_redirect:
        return EngineError(f"The server at {url} {refused.said}: give the address itself with --server.")
    if refused.status in (401, 403):
        return EngineError(
            f"The server at {url} wants a valid key: set {KEYS[0]} or {KEYS[1]}. It said: {refused.said}"
        )
    if refused.is_too_long:
        return BadInput(f"The text is too long for {model} at {url}: shorten it. The server said: {refused.said}")
    if refused.status == 429:
        return EngineError(
            f"The server at {url} takes no more requests for now: try again later, or ask for less at a time "
            f"(FIRST_PIT_REQUESTS=4). It said: {refused.said}"
        )
    if refused.status == 404 or "model" in said:
        return EngineError(f"The server at {url} does not serve {model!r}: check --model. It said: {refused.said}")
    return EngineError(
        f"The server at {url} failed with status {refused.status}: look into its log. It said: {refused.said}"
    )


def no_route(asked: AskedQuestion | None, refusals: list[Refused], url: str, model: str) -> EngineError | BadInput:
    """Why none of the routes led to an answer."""
    others = [one for one in refusals if not one.is_missing_route]
    if others:
        return error_of(others[0], url, model)
    if asked is None or asked.partial:
        return EngineError(
            f"The server at {url} cannot continue a partial answer: it has no /completions, and its chat "
            "begins a new answer. Exploring needs that: use another server (vLLM, llama.cpp) or a local model."
        )
    return EngineError(f"The server at {url} has neither /chat/completions nor /completions: check the URL.")
