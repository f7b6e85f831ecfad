"""What is sent in one request: k continuations of a prompt, several prompts in a list.

    asks_of([Request(p, 7, 99), Request(p, 8, 99), Request(q, 7, 99)])
                                    [Ask((p,), 7, num=2, 99), Ask((q,), 7, num=1, 99)]
    together(asks, places=1)        those with the same seed, number and limit in one request: prompt=[p, q]

Seeds: completion i of a request with seed s and n is the one of seed s + i. That is what vLLM does with `n` (its
parallel_sampling.py gives child i the seed + i), and so requests whose seeds follow one another become one with `n`.
All prompts of a list have the same seed.

Requests stand in the order of their prompts: those that begin alike, the prefixes of one trace above all, go out next
to one another, while the server still has what it computed of their beginning.
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import NamedTuple

from reasoner.engines.prompts import Request, read_prompt

MOST_PROMPTS = 32  # in one list. Ours
MOST_COMPLETIONS = 128  # of one request: OpenAI's bound for n, and what is asked again when a request is lost


class Ask(NamedTuple):
    """One request: `num` completions of each prompt, of the seeds seed, seed + 1, …"""

    prompts: tuple[str, ...]
    seed: int
    num: int
    max_new_tokens: int
    tries: int = 0  # how often it has failed

    def requests(self, prompt: str, first: int, num: int) -> list[Request]:
        return [Request(prompt, self.seed + i, self.max_new_tokens) for i in range(first, first + num)]

    def singles(self) -> list["Ask"]:
        """The same, a request a prompt."""
        return [self._replace(prompts=(prompt,)) for prompt in self.prompts]

    def split(self, num: int) -> tuple["Ask", "Ask | None"]:
        """The first `num` completions of each prompt, and the rest, with the seeds that follow."""
        if self.num <= num:
            return self, None
        return self._replace(num=num), self._replace(seed=self.seed + num, num=self.num - num)


def asks_of(requests: Iterable[Request]) -> list[Ask]:
    """One ask for each run of seeds of a prompt, in the order of the prompts; the same request twice is one."""
    asks: list[Ask] = []
    for one in sorted(set(requests), key=lambda one: (one.prompt, one.max_new_tokens, one.seed)):
        last = asks[-1] if asks else None
        continues = last is not None and (last.prompts, last.max_new_tokens, last.seed + last.num) == (
            (one.prompt,),
            one.max_new_tokens,
            one.seed,
        )
        if last is not None and continues and last.num < MOST_COMPLETIONS:
            asks[-1] = last._replace(num=last.num + 1)
        else:
            asks.append(Ask((one.prompt,), one.seed, 1, one.max_new_tokens))
    return asks


def together(asks: Sequence[Ask], places: int, can_share: Callable[[str], bool] | None = None) -> list[Ask]:
    """Asks in lists of prompts, only as long as needed to send all of them at once.

    places: requests that may be under way at the same time. can_share: may this prompt stand in a list?
    """
    size = min(MOST_PROMPTS, ceil(len(asks) / max(1, places)))
    if size <= 1:
        return list(asks)
    open_lists: dict[tuple[int, int, int], int] = {}  # (seed, number, limit) → place in `lists`
    lists: list[Ask] = []
    for ask in asks:
        kind = (ask.seed, ask.num, ask.max_new_tokens)
        place = open_lists.get(kind)
        if can_share is not None and not can_share(ask.prompts[0]):
            lists.append(ask)
        elif place is not None and _has_room(lists[place], size):
            lists[place] = lists[place]._replace(prompts=lists[place].prompts + ask.prompts)
        else:
            open_lists[kind] = len(lists)
            lists.append(ask)
    return lists


def is_text(prompt: str) -> bool:
    """Is it sent as text to be continued, and not taken apart into a chat?"""
    asked = read_prompt(prompt)
    return asked is None or bool(asked.partial)


def _has_room(ask: Ask, size: int) -> bool:
    return len(ask.prompts) < size and (len(ask.prompts) + 1) * ask.num <= MOST_COMPLETIONS
