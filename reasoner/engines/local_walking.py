"""The first tokens of rows whose way a longer prompt has gone: drawn from logits that are there already.

    start = Start(settings, over)
    start.add(prefix, prompt, members)
    start.states            where the members are now: the states that have to be computed

A prefix that was read for a longer prompt (of nested ones, say) holds the logits after each of its tokens. A row draws
from them as it would draw in the common steps. As long as it draws what the prefix has next, it walks along, and
nothing is computed; where it leaves, it is in a state of its own. Rows that leave at the same place by the same token
share that state, whatever prompts they began with.

Not covered: models of many words, whose logits are larger than keys and values and are not kept; their rows begin with
the last token of the prompt.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from reasoner.engines.local_rows import Member, State
from reasoner.engines.local_sampling import Settings, pick

if TYPE_CHECKING:
    from reasoner.engines.local_prefixes import Prefix

Over = Callable[[Member, list[int], bool], None]  # a member is over: what it wrote, and whether it ended by itself


class Start:
    """The states in which rows begin."""

    def __init__(self, settings: Settings, over: Over) -> None:
        self._settings, self._over = settings, over
        self._states: dict[tuple[int, int, int], State] = {}  # by prefix, tokens of it, and the token after them

    @property
    def states(self) -> list[State]:
        return list(self._states.values())

    def add(self, prefix: "Prefix", prompt: tuple[int, ...], members: Sequence[Member]) -> None:
        """Members that begin with `prompt`, which `prefix` begins with, but for its last token perhaps."""
        if prefix.logits is None:
            self._put(prefix, len(prompt) - 1, prompt[-1], members)
            return
        for member, tokens in zip(members, self._drawn(prefix, len(prompt), members), strict=True):
            self._walk(prefix, len(prompt), member, tokens)

    def _drawn(self, prefix: "Prefix", start: int, members: Sequence[Member]) -> list[list[int]]:
        """For each member, what it draws after each token of the prefix from the last one of its prompt on."""
        import torch

        assert prefix.logits is not None
        logits = prefix.logits[start - 1 :]
        num = min(len(logits), max(member.limit for member in members))
        uniforms = torch.zeros((num, len(members)))
        for place, member in enumerate(members):
            drawn = torch.tensor(member.uniforms[:num])
            uniforms[: len(drawn), place] = drawn
        return pick(logits[:num], uniforms.to(logits.device), self._settings).T.tolist()

    def _walk(self, prefix: "Prefix", start: int, member: Member, tokens: list[int]) -> None:
        for place, token in enumerate(tokens, start):
            member.begun.append(token)
            is_finished = self._settings.is_end(member.begun)
            if is_finished or len(member.begun) >= member.limit:
                self._over(member, member.begun, is_finished)
                return
            if place == len(prefix.ids) or prefix.ids[place] != token:
                self._put(prefix, place, token, [member])
                return

    def _put(self, prefix: "Prefix", num_shared: int, token: int, members: Sequence[Member]) -> None:
        key = (id(prefix), num_shared, token)
        self._states.setdefault(key, State(prefix, num_shared, token, [])).members.extend(members)
