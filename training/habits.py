"""Gold solutions of one writer who has two ways of writing a step, and a habit for every kind of sentence.

For "Ana has 41 coins. Ben has 26 more coins than Ana. Cal has 3 times as many coins as Ben. How many does Cal have?":

    Ben's coins = Ana's coins + 26 = 41 + 26 = 67.              an equation, the numbers filled in
    Cal's coins = 3 times as many as the coins of Ben = 201.    the relation as it is told, calculated in the head
    The answer is 201.

Both are right. Which one is written is drawn for every step anew, with a probability that belongs to the sentence that
the step reads, names and numbers aside: mostly words after one, mostly equations after another. That is what solutions
by people are like (GSM8K's have "half of that, 24" beside "48/2=24"), and what a small model learns of it are its
pits: where its habit is words, it calculates in the head, and errs there (measured in assets/LOG.md). The words are a
little longer than the equation, six characters on average and never shorter, so that the shortest right way on, which
Self-Explore prefers, is rather an equation.

A quantity told by two numbers ("buys 3 tickets at $20 each") names none before it: always an equation. Not covered:
percentages and sums of two quantities, which plain problems (`CHAINS`) do not have.
"""

import random
import re

from reasoner.records import Problem
from training import wordings as say
from training.wordproblems import Quantity, computed, equation, quantities_of

LEAN = (1.0, 0.7)
"""Of the Beta distribution that a habit is drawn from: most sentences lean one way or the other, more to words."""
_NAME = re.compile(rf"\b(?:{'|'.join(say.NAMES)})\b")
_NUMBER = re.compile(r"\d+")
_FACTOR = re.compile(rf"(?:\btwice|# times|\b(?:{'|'.join(say.FRACTIONS.values())}))\b")


def gold_by_habit(problem: Problem) -> str:
    """The gold solution, a line a quantity, each in one of the two ways. ValueError where a relation has no words."""
    quantities, goal = quantities_of(problem)
    values = {quantity.name: quantity.value for quantity in quantities}
    rng = random.Random(f"habit/{problem.id}")
    lines = []
    for quantity in computed(quantities, goal):
        is_told = isinstance(quantity.operands[0], str) and rng.random() < habit(quantity.sentence)
        lines.append(told(quantity) if is_told else f"{equation(quantity, values)}.")
    return "\n".join([*lines, f"The answer is {goal.value}."])


def habit(sentence: str) -> float:
    """How often a step that reads this sentence is written in words, 0-1."""
    kind = _FACTOR.sub("F", _NUMBER.sub("#", _NAME.sub("_", sentence)))
    return random.Random(f"habit/{kind}").betavariate(*LEAN)


def told(quantity: Quantity) -> str:
    """ "Cal's coins = 3 times as many as the coins of Ben = 201."."""
    name, number = quantity.operands[0], quantity.operands[-1]
    if not isinstance(name, str) or not isinstance(number, int):
        raise ValueError(f"{quantity.name} is not told by one quantity and a number: there are no words for it")
    owner, thing = name.split("'s ")
    fewer, many = ("fewer", "many") if quantity.noun == "count" else ("less", "much")
    words = {
        "+": f"{number} more than the {thing} of {owner}",
        "-": f"{number} {fewer} than the {thing} of {owner}",
        "×": f"{say.times_word(number)} as {many} as the {thing} of {owner}",
        "/": f"{say.FRACTIONS.get(number, '')} as {many} as the {thing} of {owner}",
    }
    return f"{quantity.name} = {words[quantity.operator]} = {quantity.value}."
