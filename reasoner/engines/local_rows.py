"""States on their way, and the room that each has for the keys and values of what has been written since its prompt.

    states = States(longest=256)
    states.add([State(prefix, num_shared=61, token=7, members=[Member(0, …), Member(1, …)])])
    states.go_on([[…], …])               after each step: what becomes of each

Rows that have read the same prompt and written the same tokens are in one state, which is computed once for all of
them; each draws with random numbers of its own, and where they draw different tokens the state divides.

Room comes in sizes, so that one long row does not make all others long: a state that outgrows its slot moves to a
longer one. A slot that gets free is filled at once, so nothing is computed for rows that have ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from reasoner.engines.local_prefixes import Prefix

SHORTEST, GROWTH = 32, 2  # tokens of the shortest slots, and how much longer the next ones are. Ours


@dataclass(eq=False, slots=True)
class Member:
    """One row in a state."""

    place: int  # in the caller's list of rows
    limit: int  # tokens that it may write
    uniforms: Sequence[float]  # 0-1, its random numbers, one a token; empty for a greedy row
    begun: list[int] = field(default_factory=list)  # what it wrote before this state began


@dataclass(eq=False, slots=True)
class State:
    """What some rows have read and written so far."""

    prefix: "Prefix"  # shared with other states
    num_shared: int  # its first tokens, which this state reads
    token: int  # the next to be read: the last one of the prompt, then what was drawn
    members: list[Member]
    tokens: list[int] = field(default_factory=list)  # drawn since the state began
    written: int = 0  # tokens in its own slot

    def uniforms(self, num: int) -> list[float]:
        """Each member's random number for the next token, filled up to `num`."""
        step = len(self.tokens)
        numbers = [one.uniforms[len(one.begun) + step] if one.uniforms else 0.0 for one in self.members]
        return numbers + [0.0] * (num - len(numbers))


class Slots:
    """Room for up to `room` tokens each: keys and values (layers, slots, heads, room, width)."""

    def __init__(self, like: "Prefix", room: int) -> None:
        self.room = room
        self.holders: list[Any] = []  # whose each slot is
        self.keys, self.values = (self._empty(part[:, None], 0) for part in (like.keys, like.values))

    def __len__(self) -> int:
        return len(self.holders)

    def add(self, holders: Sequence[Any]) -> slice:
        """New slots for these; what is in them is left over from others."""
        start, end = len(self.holders), len(self.holders) + len(holders)
        if end > self.keys.shape[1]:
            num = max(end, 2 * self.keys.shape[1])
            self.keys, self.values = (self._longer(part, num) for part in (self.keys, self.values))
        self.holders += holders
        return slice(start, end)

    def copy(self, source: "Slots", places: Sequence[int], holders: Sequence[Any]) -> None:
        """New slots for these, filled with what is at these places of `source` (which may be this)."""
        length, new = min(self.room, source.room), self.add(holders)
        length = min(length, max(holder.written for holder in holders))
        self.keys[:, new, :, :length] = source.keys[:, places, :, :length]
        self.values[:, new, :, :length] = source.values[:, places, :, :length]

    def remove(self, places: Sequence[int]) -> None:
        """Free these slots; the last ones move into them."""
        if not places:
            return
        gone, left = set(places), len(self.holders) - len(places)
        holes = sorted(place for place in gone if place < left)
        movers = [place for place in range(left, len(self.holders)) if place not in gone]
        if holes:
            self.keys[:, holes] = self.keys[:, movers]
            self.values[:, holes] = self.values[:, movers]
        for hole, mover in zip(holes, movers, strict=True):
            self.holders[hole] = self.holders[mover]
        del self.holders[left:]

    def _empty(self, like: "Tensor", num: int) -> "Tensor":
        """Zeros, since what lies in memory by chance may be no number, and a mask does not hide that."""
        layers, _, heads, _, width = like.shape
        return like.new_zeros((layers, num, heads, self.room, width))

    def _longer(self, part: "Tensor", num: int) -> "Tensor":
        longer = self._empty(part, num)
        longer[:, : len(self.holders)] = part[:, : len(self.holders)]
        return longer


class States:
    """All states on their way, in the order of their slots: the order in which a step computes them."""

    def __init__(self, longest: int) -> None:
        self.longest = longest  # tokens that a slot may need at most
        self.sizes: list[Slots] = []

    def __len__(self) -> int:
        return sum(len(slots) for slots in self.sizes)

    def __iter__(self) -> Iterator[State]:
        return (state for slots in self.sizes for state in slots.holders)

    def add(self, states: Sequence[State]) -> None:
        if states:
            self._slots(0, states[0].prefix).add(states)

    def go_on(self, following: Sequence[Sequence[State]]) -> None:
        """What each state (by the order of all) becomes after a step: nothing, or one or several that have read it."""
        start = 0
        for slots, num in zip(list(self.sizes), [len(slots) for slots in self.sizes], strict=True):
            self._divide(slots, following[start : start + num])
            start += num
        for size, slots in enumerate(self.sizes):
            full = [place for place, state in enumerate(slots.holders) if state.written >= slots.room]
            if full:
                longer = self._slots(size + 1, slots.holders[full[0]].prefix)
                longer.copy(slots, full, [slots.holders[place] for place in full])
                slots.remove(full)

    def _divide(self, slots: Slots, following: Sequence[Sequence[State]]) -> None:
        added = [(place, state) for place, states in enumerate(following) for state in states[1:]]
        if added:
            slots.copy(slots, [place for place, _ in added], [state for _, state in added])
        for place, states in enumerate(following):
            if states:
                slots.holders[place] = states[0]
        slots.remove([place for place, states in enumerate(following) if not states])

    def _slots(self, size: int, like: "Prefix") -> Slots:
        while len(self.sizes) <= size:
            self.sizes.append(Slots(like, min(SHORTEST * GROWTH ** len(self.sizes), self.longest)))
        return self.sizes[size]


class PrefixPool:
    """Prefixes of few states each, side by side, so that all are attended to at once."""

    def __init__(self) -> None:
        self.slots: Slots | None = None
        self._free: list[int] = []

    def add(self, prefixes: Sequence["Prefix"]) -> None:
        """Copy those in that are not there yet."""
        if not prefixes:
            return
        slots = self._with_room(prefixes)
        there = {id(prefix) for prefix in slots.holders}
        for prefix in {id(one): one for one in prefixes if id(one) not in there}.values():
            if self._free:
                slot = self._free.pop()
                slots.holders[slot] = prefix
            else:
                slot = slots.add([prefix]).start
            length = len(prefix.ids)
            slots.keys[:, slot, :, :length] = prefix.keys
            slots.values[:, slot, :, :length] = prefix.values

    def _with_room(self, prefixes: Sequence["Prefix"]) -> Slots:
        """The slots, made longer where one of these needs it: a row may walk along its prefix to the end."""
        room = max(len(prefix.ids) for prefix in prefixes)
        if self.slots is None or self.slots.room < room:
            before, self.slots, self._free = self.slots, Slots(prefixes[0], room), []
            self.add([prefix for prefix in (before.holders if before else ()) if prefix is not None])
        return self.slots

    def places(self, states: Sequence[State]) -> dict[int, int]:
        """id of each pooled prefix → its slot. Slots that none reads any more are freed, and closed up if many."""
        if self.slots is None:
            return {}
        used = {id(state.prefix) for state in states}
        holders = self.slots.holders
        for slot, prefix in enumerate(holders):
            if prefix is not None and id(prefix) not in used:
                holders[slot] = None
                self._free.append(slot)
        if len(self._free) * 8 > len(holders):
            self.slots.remove(self._free)
            self._free = []
        return {id(prefix): slot for slot, prefix in enumerate(self.slots.holders) if prefix is not None}
