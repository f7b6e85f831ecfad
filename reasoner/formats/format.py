"""What a format is: how a solution is asked for, where it ends, and how its text is read.

    reading = FORMATS["program"].reading("Ana_coins = 41\\nanswer = Ana_coins + 26")
    reading.steps[0].outcome      "Ana_coins = 41"
    reading.answer                "67"

Some formats only read what is written; others (`runs`) execute it, which takes a while and may fail: then the reading
has no answer, and its `error` says why.
"""

from collections.abc import Callable
from dataclasses import dataclass

from reasoner.records import Sampling, Step


@dataclass(frozen=True, slots=True)
class Reading:
    """What a completion says: its steps, what executing each of them gave, and the answer."""

    steps: tuple[Step, ...]
    answer: str | None  # as written, or as computed where the format runs
    error: str = ""  # why there is no answer: "NameError: …", "UNSAT", "AMBIG", "timeout"; empty where nothing failed


@dataclass(frozen=True, slots=True)
class Format:
    """One way of writing a solution."""

    name: str  # key of FORMATS
    title: str  # for the screen
    instruction: str  # what a model is told; a plain model is told the tag at most
    stop: tuple[str, ...]  # generation ends after the first of these, which is no part of the solution
    max_new_tokens: int  # tokens a whole solution may take
    parse: Callable[[str], tuple[Step, ...]]  # completion → steps, nothing run
    answer: Callable[[str], str | None]  # completion → answer, None where there is none; runs where `runs`
    tag: str = ""  # the line that asks the built-in solver for this format: "Program"
    runs: bool = False  # is the answer got by executing what is written?
    read: Callable[[str], Reading] | None = None  # steps with their outcomes, and answer, at once
    code_ends: tuple[str, ...] = ()  # generation pauses after each of these, the code is run, its output put in

    def reading(self, completion: str) -> Reading:
        """Steps and answer of a completion, executed where the format runs."""
        if self.read is not None:
            return self.read(completion)
        return Reading(self.parse(completion), self.answer(completion))

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
