"""A server whose model knows the stage's solutions and takes its time: for watching, stopping and breaking a search.

with running_app(folder, "--server", model.url) …
model.seconds = 0.5       model.left = 1       model.is_broken = True       model.let_go()
"""

import threading
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
    """`seconds` a request; `left`: how many prompts it still answers, others wait (None: all); `is_broken`: none."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds, self.is_broken = seconds, False
        self.left: int | None = None
        self._answered: set[str] = set()  # prompts, since the last let_go
        self._counting = threading.Lock()
        self.answers = self._answers

    def let_go(self) -> None:
        """Answer at once again, those that wait first."""
        self.seconds, self.is_broken, self.left = 0.0, False, None
        self._answered.clear()

    def _may_answer(self, prompt: str) -> bool:
        with self._counting:
            if self.left and prompt not in self._answered:
                self.left -= 1
                self._answered.add(prompt)
            return self.left is None or prompt in self._answered

    def _answers(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/models":
            return 200, {"data": [{"id": "stage", "max_model_len": 8192}]}
        while not self._may_answer(str(body.get("prompt") or body.get("messages"))):
            time.sleep(0.02)
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
