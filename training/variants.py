"""Variants of a generated problem, through its DAG: other numbers, other words, or one more quantity to find.

    problem                   Ana has 41 coins. Ben has 26 more coins than Ana. How many coins does Ben have?
    vary_numbers(problem, 0)  Ana has 17 coins. Ben has 5 more coins than Ana. How many coins does Ben have?
    reword(problem, 0)        Uma owns 41 pens. Compared with Uma, Kai has 26 more pens. How many pens does Kai own?
    harder(problem, 0)        Ana has 41 coins. Ben has 26 more coins than Ana. Cal has twice as many coins as Ben. How
                              many coins does Cal have?

FDD (arXiv 2411.14698) makes easy problems harder and gives hard ones siblings, with a large model; here the DAG does
it: question, gold answer, gold solution and spec are right. A variant is a function of its problem and the seed alone.

Not covered: problems without a spec (recipes/variants_asked.py asks an engine for theirs).
"""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from reasoner.errors import BadInput
from reasoner.records import Problem, make_problem
from training import wordings as say
from training.wordproblems import (
    LARGEST,
    LEVELS,
    Impossible,
    Quantity,
    Story,
    apply,
    ask_for,
    computed,
    conversion,
    divisors,
    given,
    gold_transitions,
    quantities_of,
    rate,
    relate,
)

TRIES = 2_000  # of numbers or relations that do not fit; ours: a hundred are nearly always enough
DEFAULT_ITEM = "coins"  # of stories without things: no wording of theirs names one

ByName = dict[str, Quantity]


@dataclass
class _Told:
    """A problem read back: its story, its goal, and its sentences in the order told, without the question."""

    story: Story
    goal: Quantity
    sentences: list[str]
    asked: str  # the last sentence


def vary_numbers(problem: Problem, seed: int) -> Problem:
    """The same story with other numbers. Raises BadInput for a problem that was not generated here."""
    rng = random.Random(f"numbers/{problem.id}/{seed}")
    old = _read(problem, rng)

    def attempt(told: _Told) -> Problem:
        quantities, sentences = told.story.quantities, {}
        by_name: ByName = {}
        for quantity in quantities:
            template = _template(quantity, _by_name(quantities), told.story)
            drawn = _with_numbers(quantity, by_name, rng)
            by_name[drawn.name] = _worded(drawn, template, by_name, told.story)
            sentences[quantity.sentence] = by_name[drawn.name].sentence
        told.story.quantities = list(by_name.values())
        told.sentences = [sentences[sentence] for sentence in told.sentences]
        return _made(problem, told, by_name[told.goal.name], told.asked)

    return _until_it_fits(problem, rng, attempt, old)


def reword(problem: Problem, seed: int) -> Problem:
    """The same numbers with other people, things and wordings. Raises BadInput as `vary_numbers` does."""
    rng = random.Random(f"words/{problem.id}/{seed}")
    old = _read(problem, rng)

    def attempt(told: _Told) -> Problem:
        story, quantities = told.story, told.story.quantities
        owners = list(dict.fromkeys(quantity.owner for quantity in quantities))
        names = dict(zip(owners, rng.sample(say.NAMES, k=len(owners)), strict=True))
        story.things, story.thing = rng.choice([pair for pair in say.ITEMS.items() if pair[0] != story.things])
        renamed: dict[str, str] = {}
        sentences: dict[str, str] = {}
        by_name: ByName = {}
        for quantity in quantities:
            owner = names[quantity.owner]
            is_total = quantity.noun == "total"
            renamed[quantity.name] = quantity.name if is_total else f"{owner}'s {story.label(quantity.noun)}"
            operands = tuple(renamed[one] if isinstance(one, str) else one for one in quantity.operands)
            new = replace(quantity, name=renamed[quantity.name], owner=owner, operands=operands)
            choices = wordings_of(new, by_name)
            by_name[new.name] = _worded(new, rng.choice(choices) if choices else "", by_name, story)
            sentences[quantity.sentence] = by_name[new.name].sentence
        story.quantities = list(by_name.values())
        told.sentences = [sentences[sentence] for sentence in told.sentences]
        goal = by_name[renamed[told.goal.name]]
        return _made(problem, told, goal, ask_for(story, goal))

    return _until_it_fits(problem, rng, attempt, old)


def harder(problem: Problem, seed: int) -> Problem:
    """The problem with exactly one more quantity to find: on top of the goal, or below what was given.

    Raises BadInput for a problem that was not generated here, or that has no room for one more.
    """
    rng = random.Random(f"harder/{problem.id}/{seed}")
    old = _read(problem, rng)
    wanted = len(computed(old.story.quantities, old.goal)) + 1

    def attempt(told: _Told) -> Problem:
        is_shuffled = problem.level in LEVELS and LEVELS[problem.level].is_shuffled
        goal = rng.choice((_on_top, _below))(told, is_shuffled)
        if len(computed(told.story.quantities, goal)) != wanted:
            raise Impossible
        asked = told.asked if goal is told.goal else ask_for(told.story, goal)
        return _made(problem, told, goal, asked)

    return _until_it_fits(problem, rng, attempt, old)


def _on_top(told: _Told, is_shuffled: bool) -> Quantity:
    """A new goal, found from the old one. A total is told by the question alone, so nothing can be said of it."""
    if told.goal.noun == "total":
        raise Impossible
    known = len(told.story.quantities)
    goal = relate(told.story, told.goal)
    _tell(told, [one.sentence for one in told.story.quantities[known:]], len(told.sentences), is_shuffled)
    return goal


def _below(told: _Told, is_shuffled: bool) -> Quantity:
    """What was given is told by somebody new: "Ana has 41 coins." → "Zoe has 30 coins. Ana has 11 more than Zoe."."""
    story, rng = told.story, told.story.rng
    needed = computed(story.quantities, told.goal)
    used = {q.name for q in needed} | {operand for q in needed for operand in q.operands}
    roots = [q for q in story.quantities if q.name in used and not _bases(q)]
    old = rng.choice(roots)
    index = story.quantities.index(old)
    before, after = story.quantities[:index], story.quantities[index + 1 :]
    story.quantities = before
    new = (given if old.operator == "given" else rate)(story, old.noun)
    operator, number = rng.choice(_ways(new.value, old.value) or _nothing())
    related = replace(old, operator=operator, operands=(new.name, number))
    by_name = _by_name(story.quantities)
    related = _worded(related, rng.choice(wordings_of(related, by_name)), by_name, story)
    story.quantities = [*story.quantities, related, *after]
    place = told.sentences.index(old.sentence)
    told.sentences[place] = related.sentence
    _tell(told, [new.sentence], place, is_shuffled)
    return related if old.name == told.goal.name else told.goal


def _ways(base: int, value: int) -> list[tuple[str, int]]:
    """How `value` can be told from `base`: operator and number."""
    ways = [("+", value - base)] if 2 <= value - base <= 60 else []
    ways += [("-", base - value)] if 2 <= base - value <= 60 else []
    ways += [("×", value // base)] if value % base == 0 and 2 <= value // base <= 9 else []
    return ways + ([("/", base // value)] if base % value == 0 and base // value in say.FRACTIONS else [])


def _nothing() -> list[tuple[str, int]]:
    raise Impossible


def _tell(told: _Told, sentences: Sequence[str], place: int, is_shuffled: bool) -> None:
    """Put new sentences in at `place`, or anywhere in a problem whose sentences are shuffled."""
    for offset, sentence in enumerate(sentences):
        at = told.story.rng.randint(0, len(told.sentences)) if is_shuffled else place + offset
        told.sentences.insert(at, sentence)


def wordings_of(quantity: Quantity, by_name: ByName) -> tuple[str, ...]:
    """The ways of telling a quantity; none for a total, which the question tells."""
    if quantity.noun == "total":
        return ()
    bases = [by_name[operand] for operand in _bases(quantity)]
    if not bases:
        return (say.GIVEN if quantity.operator == "given" else say.RATE)[quantity.noun]
    if quantity.noun == "income":
        return say.INCOME
    if bases[0].owner == quantity.owner:
        return say.CONVERSIONS[quantity.noun]
    if len(bases) == 2:
        return say.TOGETHER[quantity.noun]
    return {"+": say.MORE, "-": say.FEWER, "×": say.TIMES, "/": say.FRACTION}[quantity.operator][quantity.noun]


def _bases(quantity: Quantity) -> list[str]:
    return [operand for operand in quantity.operands if isinstance(operand, str)]


def _by_name(quantities: Sequence[Quantity]) -> ByName:
    return {quantity.name: quantity for quantity in quantities}


def _worded(quantity: Quantity, template: str, by_name: ByName, story: Story) -> Quantity:
    """The quantity with its sentence in the words of `template`."""
    owners = [by_name[operand].owner for operand in _bases(quantity)]
    numbers = [operand for operand in quantity.operands if isinstance(operand, int)]
    number = numbers[0] if numbers else 0
    words = {
        "b": quantity.owner,
        "a": owners[0] if owners else "",
        "c": owners[-1] if owners else "",
        "n": number,
        "m": numbers[-1] if numbers else 0,
        "times": say.times_word(number),
        "fraction": say.FRACTIONS.get(number, ""),
        "things": story.things,
        "thing": story.thing,
    }
    return replace(quantity, sentence=template.format(**words))


def _template(quantity: Quantity, by_name: ByName, story: Story) -> str:
    """Which of the wordings a sentence was made with."""
    for template in wordings_of(quantity, by_name):
        if _worded(quantity, template, by_name, story).sentence == quantity.sentence:
            return template
    if quantity.noun == "total":
        return ""
    raise BadInput(f'"{quantity.sentence[:80]}" is no sentence of the generator: this problem cannot be varied.')


def _with_numbers(quantity: Quantity, by_name: ByName, rng: random.Random) -> Quantity:
    """The quantity with numbers drawn as the generator draws them; Impossible where the value is out of range."""
    bases = [by_name[operand] for operand in _bases(quantity)]
    operands: tuple[int | str, ...]
    if quantity.operator == "given":
        operands = (rng.randint(8, 60) if quantity.noun == "age" else rng.randint(5, 99),)
    elif not bases:
        operands = (rng.randint(3, 40), rng.randint(2, 9))
    else:
        number = _number(quantity, bases[0], rng) if len(bases) == 1 else 0
        operands = tuple(operand if isinstance(operand, str) else number for operand in quantity.operands)
    values = [by_name[operand].value if isinstance(operand, str) else operand for operand in operands]
    value = apply(quantity.operator, values)
    if value is None or not 2 <= value <= LARGEST:
        raise Impossible
    return replace(quantity, operands=operands, value=value)


def _number(quantity: Quantity, base: Quantity, rng: random.Random) -> int:
    if quantity.noun == "income":
        return rng.randint(2, 9)
    if base.owner == quantity.owner:
        return conversion(rng, quantity.noun, base.value)[1]
    if quantity.operator == "+":
        return rng.randint(2, 60)
    if quantity.operator == "-":
        return rng.randint(2, max(2, min(60, base.value - 2)))
    return rng.randint(2, 9) if quantity.operator == "×" else rng.choice(divisors(base.value, list(say.FRACTIONS)))


def _read(problem: Problem, rng: random.Random) -> _Told:
    """The problem's story as it was when it was made. Raises BadInput where it was not made here."""
    try:
        quantities, goal = quantities_of(problem)
        parts = re.split(r"(?<=[.?]) (?=\S)", problem.question)
        if sorted(parts[:-1]) != sorted(quantity.sentence for quantity in quantities if quantity.sentence):
            raise ValueError("its question does not say what its spec says")
        story = Story(rng)
        taken = {quantity.owner for quantity in quantities}
        story.names = [name for name in story.names if name not in taken]
        plural = next((q.name.rpartition(" ")[2] for q in quantities if q.noun == "count"), DEFAULT_ITEM)
        story.things, story.thing = plural, say.ITEMS[plural]
        story.quantities = list(quantities)
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise BadInput(
            f"This problem cannot be varied here ({error}): only generated problems can, others need an engine."
        ) from error
    return _Told(story, goal, parts[:-1], parts[-1])


def _until_it_fits(problem: Problem, rng: random.Random, attempt: Callable[[_Told], Problem], old: _Told) -> Problem:
    """The first attempt whose numbers fit and whose question is another one."""
    for _ in range(TRIES):
        story = Story(rng)
        story.names, story.things, story.thing = list(old.story.names), old.story.things, old.story.thing
        rng.shuffle(story.names)
        story.quantities = list(old.story.quantities)
        try:
            made = attempt(_Told(story, old.goal, list(old.sentences), old.asked))
        except (Impossible, IndexError):
            continue
        if made.id != problem.id:
            return made
    raise BadInput(f"No variant of this problem was found in {TRIES:,} tries: “{problem.question[:80]}…”.")


def level_for(num_needed: int, level: str) -> str:
    """The level of a problem that needs so many quantities: its own while they fit in, else the next one up."""
    names = list(LEVELS)
    start = names.index(level) if level in names else 0
    return next((name for name in names[start:] if num_needed <= LEVELS[name].num_needed[1]), names[-1])


def _made(problem: Problem, told: _Told, goal: Quantity, asked: str) -> Problem:
    quantities = told.story.quantities
    spec = json.dumps({"goal": goal.name, "quantities": [asdict(q) for q in quantities]}, ensure_ascii=False)
    level = level_for(len(computed(quantities, goal)), problem.level)
    question = " ".join([*told.sentences, asked])
    made = make_problem(question, str(goal.value), problem.source, level=level, spec=spec)
    return replace(made, solution=gold_transitions(made))
