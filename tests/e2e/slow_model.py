"""A server whose model knows the stage's solutions and takes its time: for watching, stopping and breaking a search.

with running_app(folder, "--server", model.url) …      model.seconds = 0.5     model.is_broken = True
"""

import time
from typing import Any

from tests.e2e import stage
from tests.fake_server import FakeServer, Reply

KNOWN = {
    stage.COINS: [stage.COINS_RIGHT, stage.COINS_MISREAD, stage.COINS_WRONG],
    stage.LEGS: [stage.LEGS_RIGHT, stage.LEGS_RIGHT, stage.LEGS_WRONG],
}


def going_on(prompt: str, seed: int) -> str:
    """What comes after a prompt: the solutions that begin as it ends go on, round and round by seed."""
    texts = next((texts for question, texts in KNOWN.items() if question in prompt), ["I do not know."])
    found: list[tuple[int, str]] = []
    for text in texts:
        lines = [line + "\n" for line in text.split("\n")]
        num = next((num for num in range(len(lines), 0, -1) if prompt.endswith("".join(lines[:num]))), 0)
        found.append((num, "".join(lines[num:]).rstrip("\n")))
    most = max(num for num, _ in found)
    fitting = [rest for num, rest in found if num == most]
    return fitting[seed % len(fitting)]


class SlowModel(FakeServer):
    """`seconds` a request; `is_broken`: every request is refused."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds, self.is_broken = seconds, False
        self.answers = self._answers

    def _answers(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/models":
            return 200, {"data": [{"id": "stage", "max_model_len": 8192}]}
        if self.is_broken:
            return 401, {"error": {"message": "the model has left the stage"}}
        time.sleep(self.seconds)
        is_chat = path == "/v1/chat/completions"
        asked = body["messages"][-1]["content"] if is_chat else body["prompt"]
        prompts = asked if isinstance(asked, list) else [asked]
        num, seed = body.get("n", 1), body.get("seed") or 0
        texts = [going_on(prompt, seed + child) for prompt in prompts for child in range(num)]
        choices: list[dict[str, Any]] = [
            {"index": place, "finish_reason": "stop"}
            | ({"message": {"role": "assistant", "content": text}} if is_chat else {"text": text})
            for place, text in enumerate(texts)
        ]
        return 200, {"choices": choices, "usage": {"completion_tokens": sum(len(text.split()) for text in texts)}}
