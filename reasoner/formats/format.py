"""What a format is: how a solution is asked for, where it ends, and how its text is read."""

from collections.abc import Callable
from dataclasses import dataclass

from reasoner.records import Sampling, Step


@dataclass(frozen=True, slots=True)
class Format:
    """One way of writing a solution."""

    name: str  # key of FORMATS
    title: str  # for the screen
    instruction: str  # what a model is told; a plain model is not told anything
    stop: tuple[str, ...]  # generation ends after the first of these, which is no part of the solution
    max_new_tokens: int  # tokens a whole solution may take
    parse: Callable[[str], tuple[Step, ...]]  # completion → steps
    answer: Callable[[str], str | None]  # completion → answer as written there, None where there is none

    def solution(self, completion: str) -> str:
        """The completion without the stop string that may end it, and without white space at its end."""
        return before_stop(completion, self.stop)

    def sampling(
        self, num: int = 1, temperature: float = 0.7, seed: int = 0, top_p: float = 1.0, max_new_tokens: int = 0
    ) -> Sampling:
        """Settings for drawing solutions in this format; `max_new_tokens` 0 is the format's own."""
        return Sampling(num, temperature, top_p, max_new_tokens or self.max_new_tokens, self.stop, seed)


def before_stop(text: str, stop: tuple[str, ...]) -> str:
    """`text` before the first of the `stop` strings, without white space at its end."""
    starts = [text.find(string) for string in stop if string in text]
    return text[: min(starts)].rstrip() if starts else text.rstrip()
