"""Generated grade-school problems: a random DAG of quantities, its wording, and its gold solutions.

    >>> problem = generate("easy", seed=4)
    >>> print(problem.question)                          # doctest: +SKIP
    Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. How many does Cal have?
    >>> print(gold_transitions(problem))                 # doctest: +SKIP
    Formalize: find Cal's coins
    Decompose: Cal's coins, Ben's coins
    Solve Subquestion: Ben's coins = Ana's coins + 26 = 41 + 26 = 67
    Solve Parent: Cal's coins = Ben's coins × 3 = 67 × 3 = 201
    Summarize: the answer is 201

The actions are Kwai-STaR's (arXiv 2411.04799, Table 1); the plan goes from the goal down to what it needs, the solving
goes back up. A problem is a function of its level and seed alone. `training.oracle` judges solutions against the DAG.

Not covered: quantities below 2 or above 999, fractions as values, more than one unknown at a time.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from reasoner.records import Problem, make_problem
from training import wordings as say

LARGEST = 999
"""No quantity is larger: a small model multiplies three digits by one, not more."""


@dataclass(frozen=True)
class Level:
    """One difficulty: how much must be computed, how much is beside the point, and in which order it is told."""

    num_needed: tuple[int, int]  # fewest and most computed quantities on the way to the goal, the goal included
    num_irrelevant: tuple[int, int]  # sentences the goal does not need
    is_shuffled: bool  # sentences out of the natural order
    is_plain: bool = False  # told so that it is hardly ever misread, one quantity from one other


LEVELS = {
    "easy": Level((2, 3), (0, 1), False),
    "medium": Level((3, 5), (1, 2), False),
    "hard": Level((5, 8), (2, 3), True),
}
CHAINS = {"chain": Level((4, 5), (0, 0), False, is_plain=True)}
"""Longer ones whose difficulty is the calculation: what `make reproduce` learns (training/reproduce.py)."""
ALL_LEVELS = LEVELS | CHAINS
DEFAULT_LEVEL = "easy"


@dataclass(frozen=True)
class Quantity:
    """One node of the DAG."""

    name: str  # "Ana's coins"
    operator: str  # "given", "+", "-", "×", "/", "% of"
    operands: tuple[int | str, ...]  # a name of another quantity, or a number of the text
    value: int
    sentence: str  # how the problem tells it
    owner: str
    noun: str  # "count", "age", "cost", …: which wordings fit


class Impossible(Exception):
    """This relation does not fit here (a value out of range, nobody left to own it): another one is drawn."""


class Story:
    """A problem while it is being made: who is in it, what they own, what is known so far."""

    def __init__(self, rng: random.Random, is_plain: bool = False) -> None:
        self.rng = rng
        self.is_plain = is_plain
        self.names = rng.sample(say.NAMES, k=len(say.NAMES))
        self.things, self.thing = rng.choice(list(say.ITEMS.items()))
        self.noun = rng.choices(("count", "age", "cost", "minutes", "distance"), (16, 2, 3, 2, 3))[0]
        self.quantities: list[Quantity] = []

    def label(self, noun: str) -> str:
        return self.things if noun == "count" else noun

    def add(
        self, owner: str, noun: str, operator: str, operands: tuple[int | str, ...], wording: str, **words: object
    ) -> Quantity:
        """Append the quantity, its value computed from its operands; `Impossible` if that value is out of range."""
        known = {quantity.name: quantity.value for quantity in self.quantities}
        values = [known[operand] if isinstance(operand, str) else operand for operand in operands]
        name = f"{owner}'s {self.label(noun)}"
        value = apply(operator, values)
        if value is None or not 2 <= value <= LARGEST or name in known:
            raise Impossible
        sentence = wording.format(things=self.things, thing=self.thing, **words)
        quantity = Quantity(name, operator, operands, value, sentence, owner, noun)
        self.quantities.append(quantity)
        return quantity

    def wording(self, ways: Sequence[str]) -> str:
        """One of the ways of saying it."""
        return self.rng.choice([way for way in ways if not self.is_plain or way not in say.MISREAD])

    def new_owner(self) -> str:
        if not self.names:
            raise Impossible
        return self.names.pop()


def apply(operator: str, values: Sequence[int]) -> int | None:
    """The value of `operator` over `values`; None when it is not a whole number."""
    first, second = values[0], values[-1]
    if operator == "given":
        return first
    if operator == "+":
        return first + second
    if operator == "-":
        return first - second
    if operator == "×":
        return first * second
    numerator, denominator = (first, second) if operator == "/" else (first * second, 100)
    return numerator // denominator if denominator and numerator % denominator == 0 else None


def given(story: Story, noun: str) -> Quantity:
    number = story.rng.randint(8, 60) if noun == "age" else story.rng.randint(5, 99)
    owner = story.new_owner()
    return story.add(owner, noun, "given", (number,), story.rng.choice(say.GIVEN[noun]), b=owner, n=number)


def rate(story: Story, noun: str) -> Quantity:
    if noun not in say.RATE:
        raise Impossible
    owner, each, times = story.new_owner(), story.rng.randint(3, 40), story.rng.randint(2, 9)
    wording = story.rng.choice(say.RATE[noun])
    return story.add(owner, noun, "×", (each, times), wording, b=owner, n=each, m=times)


def root(story: Story, noun: str) -> Quantity:
    return (rate if noun in say.RATE and story.rng.random() < 0.2 else given)(story, noun)


def _more(story: Story, base: Quantity) -> Quantity:
    number, owner = story.rng.randint(2, 60), story.new_owner()
    wording = story.wording(say.MORE[base.noun])
    return story.add(owner, base.noun, "+", (base.name, number), wording, b=owner, a=base.owner, n=number)


def _fewer(story: Story, base: Quantity) -> Quantity:
    number, owner = story.rng.randint(2, max(2, min(60, base.value - 2))), story.new_owner()
    wording = story.wording(say.FEWER[base.noun])
    return story.add(owner, base.noun, "-", (base.name, number), wording, b=owner, a=base.owner, n=number)


def _times(story: Story, base: Quantity) -> Quantity:
    number, owner = story.rng.randint(2, 9), story.new_owner()
    wording = story.wording(say.TIMES[base.noun])
    words = {"b": owner, "a": base.owner, "times": say.times_word(number)}
    return story.add(owner, base.noun, "×", (base.name, number), wording, **words)


def _fraction(story: Story, base: Quantity) -> Quantity:
    number, owner = story.rng.choice(divisors(base.value, list(say.FRACTIONS))), story.new_owner()
    wording = story.wording(say.FRACTION[base.noun])
    words = {"b": owner, "a": base.owner, "fraction": say.FRACTIONS[number]}
    return story.add(owner, base.noun, "/", (base.name, number), wording, **words)


def _together(story: Story, base: Quantity) -> Quantity:
    others = [q for q in story.quantities if q.noun == base.noun and q.name != base.name]
    other = story.rng.choice(others) if others else given(story, base.noun)
    owner, wording = story.new_owner(), story.rng.choice(say.TOGETHER[base.noun])
    words = {"b": owner, "a": base.owner, "c": other.owner}
    return story.add(owner, base.noun, "+", (base.name, other.name), wording, **words)


def convert(story: Story, base: Quantity) -> Quantity:
    """Another quantity of the same owner: what the items cost, the minutes they take, the boxes they fill …"""
    if base.noun == "rest":
        price = story.rng.randint(2, 9)
        wording = story.rng.choice(say.INCOME)
        return story.add(base.owner, "income", "×", (base.name, price), wording, a=base.owner, n=price)
    if base.noun != "count":
        raise Impossible
    noun = story.rng.choice(say.PLAIN_CONVERSIONS if story.is_plain else list(say.CONVERSIONS))
    operator, number = conversion(story.rng, noun, base.value)
    operands = (number, base.name) if operator == "% of" else (base.name, number)
    wording = story.rng.choice(say.CONVERSIONS[noun])
    return story.add(base.owner, noun, operator, operands, wording, a=base.owner, n=number)


def conversion(rng: random.Random, noun: str, value: int) -> tuple[str, int]:
    if noun in ("cost", "minutes"):
        return "×", rng.randint(2, 9)
    if noun == "rest":
        return "-", rng.randint(2, max(2, value - 2))
    if noun == "gold":
        return "% of", rng.choice([p for p in say.PERCENTS if value * p % 100 == 0] or [10])
    return "/", rng.choice(divisors(value, range(2, 10)))


def divisors(value: int, candidates: Sequence[int]) -> list[int]:
    found = [number for number in candidates if value % number == 0 and value // number >= 2]
    if not found:
        raise Impossible
    return found


def _total(story: Story, base: Quantity) -> Quantity:
    """What two owners have together: told by the question alone, so it can only be the goal."""
    others = [q for q in story.quantities if q.noun == "count" and q.name != base.name]
    if base.noun != "count" or not others:
        raise Impossible
    other = story.rng.choice(others)
    total = Quantity("the total", "+", (base.name, other.name), base.value + other.value, "", base.owner, "total")
    if total.value > LARGEST:
        raise Impossible
    story.quantities.append(total)
    return total


Relation = Callable[[Story, Quantity], Quantity]
RELATIONS: dict[Relation, int] = {_more: 4, _fewer: 4, _times: 4, _fraction: 2, _together: 3, convert: 3}
PLAIN_RELATIONS: dict[Relation, int] = {_more: 4, _fewer: 4, _times: 4, _fraction: 2, convert: 1}
COMPARABLE = ("count", "age", "cost", "minutes", "distance")


def relate(story: Story, base: Quantity) -> Quantity:
    """A new quantity from `base`; a base that cannot be compared (boxes, a share) can only be converted."""
    known = PLAIN_RELATIONS if story.is_plain else RELATIONS
    relations = known if base.noun in COMPARABLE else {convert: 1}
    return story.rng.choices(list(relations), list(relations.values()))[0](story, base)


def _attempt(level: Level, rng: random.Random) -> tuple[Story, Quantity]:
    """One try at a story of this level, with its goal; `Impossible` when it did not come out."""
    story = Story(rng, level.is_plain)
    goal = root(story, story.noun)
    num_needed = rng.randint(*level.num_needed)
    asks_for_total = rng.random() < 0.15 and not level.is_plain
    while (num_computed := len(computed(story.quantities, goal))) < num_needed:
        is_last = num_computed == num_needed - 1
        goal = _total(story, goal) if is_last and asks_for_total else relate(story, goal)
    if len(computed(story.quantities, goal)) != num_needed:
        raise Impossible
    for _ in range(rng.randint(*level.num_irrelevant)):
        before = len(story.quantities)
        if rng.random() < 0.4:
            root(story, story.noun)
        else:
            relate(story, rng.choice([q for q in story.quantities[:before] if q.noun != "total"]))
    return story, goal


def computed(quantities: Sequence[Quantity], goal: Quantity) -> list[Quantity]:
    """The quantities that must be computed to know `goal`, itself included, in the order they were made."""
    by_name = {quantity.name: quantity for quantity in quantities}
    needed, waiting = set(), [goal]
    while waiting:
        quantity = waiting.pop()
        needed.add(quantity.name)
        waiting += [by_name[operand] for operand in quantity.operands if isinstance(operand, str)]
    return [q for q in quantities if q.name in needed and q.operator != "given"]


def _order(story: Story, goal: Quantity, is_shuffled: bool) -> list[str]:
    """The sentences in natural order with the irrelevant ones put between, or shuffled."""
    needed = computed(story.quantities, goal)
    told = {q.name for q in needed} | {operand for q in needed for operand in q.operands if isinstance(operand, str)}
    sentences = [q.sentence for q in story.quantities if q.name in told and q.sentence]
    for quantity in (q for q in story.quantities if q.name not in told):
        sentences.insert(story.rng.randint(0, len(sentences)), quantity.sentence)
    if is_shuffled:
        story.rng.shuffle(sentences)
    return sentences


def generate(level: str = DEFAULT_LEVEL, seed: int = 0) -> Problem:
    """The problem of this level and seed, with its gold answer, gold solution and spec. KeyError: no such level."""
    rng, settings = random.Random(f"{level}/{seed}"), ALL_LEVELS[level]
    while True:
        try:
            story, goal = _attempt(settings, rng)
        except Impossible:
            continue
        break
    sentences = _order(story, goal, settings.is_shuffled)
    question = ask_for(story, goal)
    spec = json.dumps({"goal": goal.name, "quantities": [asdict(q) for q in story.quantities]}, ensure_ascii=False)
    problem = make_problem(" ".join([*sentences, question]), str(goal.value), "built-in", level=level, spec=spec)
    return replace(problem, solution=gold_transitions(problem))


def ask_for(story: Story, goal: Quantity) -> str:
    owners = {q.name: q.owner for q in story.quantities}
    first, *_, last = [owners[operand] for operand in goal.operands if isinstance(operand, str)] * 2 or ["", ""]
    words = {"things": story.things, "b": goal.owner, "a": first, "c": last}
    return story.rng.choice(say.QUESTIONS[goal.noun]).format(**words)


def quantities_of(problem: Problem) -> tuple[list[Quantity], Quantity]:
    """The DAG a generated problem was made from, and its goal. ValueError for a problem without a spec."""
    if not problem.spec:
        raise ValueError("this problem was not generated here: it has no spec")
    spec = json.loads(problem.spec)
    rows = [{"sentence": "", **row, "operands": tuple(row["operands"])} for row in spec["quantities"]]
    quantities = [Quantity(**row) for row in rows]
    return quantities, next(q for q in quantities if q.name == spec["goal"])


def problem_set(level: str, num: int, seed: int) -> list[Problem]:
    """`num` different problems of one level; sets with other seeds are other problems (seeds are 10⁷ apart)."""
    problems: dict[str, Problem] = {}
    next_seed = seed * 10_000_000
    while len(problems) < num:
        problem = generate(level, next_seed)
        problems[problem.id] = problem
        next_seed += 1
    return list(problems.values())


def expression(quantity: Quantity, values: dict[str, int] | None = None) -> str:
    """ "Ana's coins + 26", or with the values of its operands filled in: "41 + 26"."""
    left, *rest = [str(values[o]) if values and isinstance(o, str) else str(o) for o in quantity.operands]
    if quantity.operator == "% of":
        return f"{left}% of {rest[0]}"
    return f"{left} {quantity.operator} {rest[0]}"


def equation(quantity: Quantity, values: dict[str, int]) -> str:
    """ "Ben's coins = Ana's coins + 26 = 41 + 26 = 67"."""
    symbols, numbers = expression(quantity), expression(quantity, values)
    middle = numbers if symbols == numbers else f"{symbols} = {numbers}"
    return f"{quantity.name} = {middle} = {quantity.value}"


def gold_transitions(problem: Problem) -> str:
    """The gold solution as Kwai-STaR transitions, one a line."""
    quantities, goal = quantities_of(problem)
    values = {q.name: q.value for q in quantities}
    needed = computed(quantities, goal)
    lines = [f"Formalize: find {goal.name}", "Decompose: " + ", ".join(q.name for q in reversed(needed))]
    lines += [f"Solve Subquestion: {equation(q, values)}" for q in needed[:-1]]
    lines += [f"Solve Parent: {equation(goal, values)}", f"Summarize: the answer is {goal.value}"]
    return "\n".join(lines)


def gold_chain_of_thought(problem: Problem) -> str:
    """The gold solution in plain words, one quantity a line, the answer last."""
    quantities, goal = quantities_of(problem)
    values = {q.name: q.value for q in quantities}
    lines = [f"{q.name} = {expression(q, values)} = {q.value}." for q in computed(quantities, goal)]
    return "\n".join([*lines, f"The answer is {goal.value}."])
