"""What an OpenAI-compatible server says, read: completions out of a reply, words for a person out of a refusal.

    completions_of({"choices": [{"text": "5", "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}, …)

Not covered: streams; tool calls; a model's hidden reasoning, which some servers send beside the answer.
"""

from typing import Any

from reasoner.engines.prompts import AskedQuestion, through_stop
from reasoner.errors import BadInput, EngineError
from reasoner.records import Completion, Sampling

KEYS = ("FIRST_PIT_API_KEY", "OPENAI_API_KEY")


class Refused(Exception):
    """The server answered, and would not do it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = " ".join(said.split())[:300]

    @property
    def is_missing_route(self) -> bool:
        """Does the server not have this endpoint, or not for this model?"""
        said = self.said.lower()
        is_for_other_models = any(words in said for words in ("chat template", "chat_template", "chat model"))
        return is_for_other_models or self.status in (405, 501) or (self.status == 404 and "model" not in said)


def messages_of(asked: AskedQuestion) -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"{asked.question}\n\n{asked.instruction}".strip()}]


def completions_of(reply: dict[str, Any], sampling: Sampling, url: str) -> list[Completion]:
    """The choices of a reply; its tokens are shared out evenly among them."""
    try:
        choices = list(reply["choices"])[: sampling.num]
        texts = [
            str(choice["text"] if "text" in choice else choice["message"].get("content") or "") for choice in choices
        ]
        are_cut = [choice.get("finish_reason") == "length" for choice in choices]
        num_tokens = int((reply.get("usage") or {}).get("completion_tokens") or sum(map(len, texts)) // 3)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EngineError(f"The server at {url} answered without choices: is it OpenAI-compatible?") from error
    if not choices:
        raise EngineError(f"The server at {url} answered with no completion at all: look into its log.")
    share, left = divmod(num_tokens, len(choices))
    return [
        Completion(through_stop(text, sampling.stop), share + (place < left), is_finished=not is_cut)
        for place, (text, is_cut) in enumerate(zip(texts, are_cut, strict=True))
    ]


def error_of(refused: Refused, url: str, model: str) -> EngineError | BadInput:
    said = refused.said.lower()
    if refused.status in (401, 403):
        return EngineError(
            f"The server at {url} wants a valid key: set {KEYS[0]} or {KEYS[1]}. It said: {refused.said}"
        )
    if refused.status in (400, 413, 422) and ("context" in said or "too long" in said or "maximum" in said):
        return BadInput(f"The text is too long for {model} at {url}: shorten it. The server said: {refused.said}")
    if refused.status == 429:
        return EngineError(
            f"The server at {url} takes no more requests for now: try again later. It said: {refused.said}"
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
