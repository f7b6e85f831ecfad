"""People against the machine: where they differ on the first wrong step, in words; how often they agree, in numbers.

    in_words(disagreement)      "ada: step 1; machine: step 3, 2 steps later, 97 % sure"
    agreement(store)            [{"annotator": "ada", "num": 40, "exact": {"rate": 0.8, "low": 0.65, …}, …}, …]

A word is a step, 0-based, or "no step": the person says that all are right, the machine that no prefix is a pit. Both
are told of the same trace; the machine's is its latest pit (store/queues.py). `exact` is the same word, `within_one`
the same word or a neighbouring step, each with Wilson's 95 % interval. `kappa` is Cohen's, over the words themselves:
agreement beyond what two would reach who say each word as often, but blindly.

Source: Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960).

Not covered: which of the two is right. A machine's pit says from where it did not recover; a person reads the steps.
"""

from collections import Counter
from dataclasses import asdict
from typing import Any

from reasoner.intervals import wilson
from reasoner.store import Store
from reasoner.store.queues import Disagreement

EVERYBODY = "all"
Words = Counter[tuple[int | None, int | None]]
"""(person's step, machine's step) → traces; None is "no step"."""


def named(step: int | None) -> str:
    return "no step" if step is None else f"step {step}"


def how_far(person: int | None, machine: int | None) -> str:
    """How the machine's word lies to the person's: "2 steps later", "1 step earlier"; empty where one names no step."""
    if person is None or machine is None or person == machine:
        return ""
    by = abs(machine - person)
    return f"{by} {'step' if by == 1 else 'steps'} {'later' if machine > person else 'earlier'}"


def how_sure(chance: float | None) -> str:
    return "how sure is not known" if chance is None else f"{100 * chance:.0f} % sure"


def in_words(one: Disagreement) -> str:
    """Both words, how far apart, and how sure the machine is."""
    machine = ", ".join(
        part for part in (named(one.machine), how_far(one.person, one.machine), how_sure(one.chance)) if part
    )
    return f"{one.annotator}: {named(one.person)}; machine: {machine}"


def agreement(store: Store) -> list[dict[str, Any]]:
    """How often each person and the machine say the same, and all people together ("all") where there are several."""
    each: dict[str, Words] = {}
    for annotator, person, machine, num in store.queues.words():
        each.setdefault(annotator, Counter())[person, machine] += num
    rows = [_row(annotator, words) for annotator, words in sorted(each.items(), key=lambda pair: -pair[1].total())]
    return [*rows, _row(EVERYBODY, sum(each.values(), Counter()))] if len(rows) > 1 else rows


def _row(annotator: str, words: Words) -> dict[str, Any]:
    total = words.total()

    def count(test: Any) -> int:
        return sum(num for (person, machine), num in words.items() if test(person, machine))

    exact = count(lambda person, machine: person == machine)
    near = count(lambda person, machine: None not in (person, machine) and abs(person - machine) == 1)
    return {
        "annotator": annotator,
        "num": total,
        "exact": asdict(wilson(exact, total)),
        "within_one": asdict(wilson(exact + near, total)),
        "kappa": kappa(words),
        "machine_earlier": count(lambda person, machine: None not in (person, machine) and machine < person),
        "machine_later": count(lambda person, machine: None not in (person, machine) and machine > person),
        "only_person": count(lambda person, machine: person is not None and machine is None),
        "only_machine": count(lambda person, machine: person is None and machine is not None),
    }


def kappa(words: Words) -> float | None:
    """Cohen's kappa, at most 1; 0: no better than chance. None where chance alone would always agree."""
    total = words.total()
    persons, machines = Counter[int | None](), Counter[int | None]()
    for (person, machine), num in words.items():
        persons[person] += num
        machines[machine] += num
    by_chance = sum(num * machines[word] for word, num in persons.items())  # out of total²
    if by_chance == total * total:
        return None
    exact = sum(num for (person, machine), num in words.items() if person == machine)
    return (exact * total - by_chance) / (total * total - by_chance)


def table(rows: list[dict[str, Any]]) -> str:
    """The agreement for a person to read."""
    if not rows:
        return "No trace has both a person's word and the machine's: judge some explored ones, or explore judged ones."
    lines = ["person against machine       traces   same step              within one             kappa"]
    for row in rows:
        said = [f"{100 * row[name]['rate']:5.1f} % [{_percent(row[name])}]" for name in ("exact", "within_one")]
        known = "    —" if row["kappa"] is None else f"{row['kappa']:5.2f}"
        lines.append(f"  {row['annotator'][:24]:24} {row['num']:8,}   {said[0]:22} {said[1]:22} {known}")
        lines.append(
            f"  {'':24} machine earlier {row['machine_earlier']:,}, later {row['machine_later']:,}; "
            f"only the person names a step {row['only_person']:,}, only the machine {row['only_machine']:,}"
        )
    return "\n".join(lines)


def _percent(interval: dict[str, Any]) -> str:
    return f"{100 * interval['low']:.1f}, {100 * interval['high']:.1f}"
