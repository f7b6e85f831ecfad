"""Who says the same? Answers grouped by the project's one equality, and the majority of groups and of formats.

    group_answers(["67", "41", "$67.00"])                                    [[0, 2], [1]]
    majority([[0, 2], [1]])                                                  0: the first group has most; None on a tie
    agreement_of([("cot", "41"), ("program", "67"), ("equations", "67")])    "disagree"

A format has one vote however many samples it has: the answer of most of its own, none where they tie (KPDD and MARIO
vote over samples, arXiv 2410.05318 keeps what two formats agree on; one vote a format is ours, so that twenty samples
in one format do not outvote the others).

Not covered: weights. value models rerank elsewhere.
"""

from collections.abc import Sequence

from reasoner.checks.answers import equal_answers


def group_answers(answers: Sequence[str]) -> list[list[int]]:
    """Indices of the same answers together, the largest group first (then in the order of the first members).

    Each answer is compared with the first one of every group: what cannot be compared is another group.
    """
    same: dict[str, list[int]] = {}
    for index, answer in enumerate(answers):
        same.setdefault(answer.strip(), []).append(index)
    groups: list[tuple[str, list[int]]] = []
    for answer, indices in same.items():
        group = next((group for first, group in groups if equal_answers(first, answer)), None)
        if group is None:
            groups.append((answer, indices))
        else:
            group += indices
    return sorted((sorted(indices) for _, indices in groups), key=lambda group: (-len(group), group[0]))


def majority(groups: Sequence[Sequence[int]]) -> int | None:
    """Which of `groups` (largest first) has most members; None where there is none, or where two have as many."""
    if not groups or (len(groups) > 1 and len(groups[0]) == len(groups[1])):
        return None
    return 0


def format_votes(answers: Sequence[tuple[str, str]]) -> dict[str, str | None]:
    """Format → the answer of most of its samples, from (format, answer) pairs; None where they tie."""
    by_format: dict[str, list[str]] = {}
    for format, answer in answers:
        by_format.setdefault(format, []).append(answer)
    votes: dict[str, str | None] = {}
    for format, own in by_format.items():
        groups = group_answers(own)
        votes[format] = None if majority(groups) is None else own[groups[0][0]]
    return votes


def agreement_of(answers: Sequence[tuple[str, str]]) -> str:
    """ "agree" or "disagree": do the votes of all formats that have an answer say the same? "" for one format alone.

    A format whose own samples tie does not agree with anybody.
    """
    votes = format_votes(answers)
    if len(votes) < 2:
        return ""
    said = [vote for vote in votes.values() if vote is not None]
    return "agree" if len(said) == len(votes) and len(group_answers(said)) == 1 else "disagree"
