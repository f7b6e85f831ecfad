"""The advanced stage's pairs: how a wrong path went on, against Verify, Backtrack and the corrected states.

    prompt      question + the model's path up to and with its slip
    rejected    "Solve Parent: Cal's coins = 15 × 3 = 45\\nSummarize: the answer is 45"         as it went on
    chosen      "Verify: … wrong\\nBacktrack: to state 2\\nSolve Subquestion: …"                 as it should have

Kwai-STaR (arXiv 2411.04799 §3) compares the whole paths. Their common beginning, the slip included, has the same
log-probability on both sides and leaves DPO's loss alone, so it stands in the prompt here: the same gradient from fewer
tokens, and the term that holds on to chosen (dpo.Args.loss) does not teach the slip.

From three sources: the step oracle's first wrong step of sampled paths (generated problems), a store's labels and pits,
or pits explored now; the latter two through training.pairs, whose chosen corrects the step.

Ours: false alarms. A path that calls a right state wrong and goes back is the rejected one, against saying "right" and
going on; without them preferences could be met by calling everything wrong.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reasoner.actions import explicit_action
from reasoner.engines import Engine
from reasoner.records import Pair, Problem, Trace, content_id
from reasoner.steps import tag_steps
from training.recipes.kwai_paths import SOLVING, Repair, false_alarm, repair
from training.recipes.kwai_rows import step_texts
from training.recipes.sampling import Solved
from training.verifying import backtrack_line, verify_line


def sampled_pairs(
    problems: Mapping[str, Problem],
    solved: Iterable[Solved],
    engine: Engine,
    most: int,
    dropped: Counter[str],
    with_alarms: bool = True,
) -> list[Pair]:
    """Pairs of sampled paths by the step oracle: at most `most` a problem and kind, each prompt once."""
    pairs = []
    for one in solved:
        problem, seen = problems[one.problem], Counter[str]()
        prompts: set[str] = set()
        if not problem.spec:
            dropped["the oracle knows generated problems only"] += len(one.samples)
            continue
        for sample in (*one.of("wrong"), *one.of("right")):
            found = _of_sample(problem, sample.text, sample.status == "wrong", with_alarms)
            if isinstance(found, str):
                dropped[found] += 1
                continue
            kind, made = found
            pair = _pair(problem, one.prompt, made, kind)
            reason = "this path up to its slip is used already" if pair.prompt in prompts else ""
            reason = reason or (f"over {most} of a problem" if seen[kind] >= most else "") or unfit(pair, engine)
            if reason:
                dropped[reason] += 1
                continue
            prompts.add(pair.prompt)
            seen[kind] += 1
            pairs.append(pair)
    return pairs


def _of_sample(problem: Problem, text: str, is_wrong: bool, with_alarms: bool) -> tuple[str, Repair] | str:
    lines = step_texts(text)
    alarm = false_alarm(problem, lines) if with_alarms else None
    if alarm:
        return "false alarm", alarm
    if not is_wrong:
        return "its answer is right, and it calls nothing right wrong"
    made = repair(problem, lines)
    if isinstance(made, str):
        return made
    if not made.instead_of:
        return "nothing follows the slip: there is nothing to reject"
    if made.instead_of[0] == made.after[0]:
        return "it sees the slip itself, and goes wrong later"
    return "missed slip", made


def _pair(problem: Problem, question: str, made: Repair, kind: str) -> Pair:
    prompt = question + "".join(f"{line}\n" for line in made.before)
    chosen, rejected = "\n".join(made.after), "\n".join(made.instead_of)
    return Pair(
        id=content_id("pair", prompt, chosen, rejected),
        problem_id=problem.id,
        trace_id="",
        step=made.pit,
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        origin="machine",
        by=f"oracle, {kind}",
        chosen_from="solution",
        format="transitions",
    )


def corrected_pairs(
    pairs: Iterable[Pair], traces: Mapping[str, Trace], engine: Engine, dropped: Counter[str]
) -> list[Pair]:
    """Pairs of a store's labels and pits (training.pairs) as pairs of going on against going back.

    traces: trace id → the wrong path. The pit may be any step; what is not written as transitions is dropped.
    """
    found = []
    for pair in pairs:
        trace = traces.get(pair.trace_id)
        made = _going_back(pair, trace) if trace is not None else "its trace is no longer in the store"
        reason = made if isinstance(made, str) else unfit(made, engine)
        if isinstance(made, str) or reason:
            dropped[reason] += 1
        else:
            found.append(made)
    return found


def _going_back(pair: Pair, trace: Trace) -> Pair | str:
    lines = [step.text for step in trace.steps]
    if pair.format != "transitions" or not any(explicit_action(line) for line in lines):
        return "it is not written as state transitions"
    stop = next((i for i in range(pair.step, len(lines)) if explicit_action(lines[i]) in SOLVING), None)
    if stop is None:
        return "nothing is solved at or after the slip"
    if stop + 1 >= len(lines):
        return "nothing follows the slip: there is nothing to reject"
    question = trace.prompt if pair.prompt_from == "trace" else pair.prompt
    if pair.prompt_from == "engine":  # what was asked, without the steps that training.pairs put after it
        before = "".join(f"{line}\n" for line in lines[: pair.step])
        question = pair.prompt.removesuffix(before)
    whole = [*lines[: stop + 1], verify_line("", False), backtrack_line(pair.step)]
    chosen = "\n".join([*whole[stop + 1 :], pair.chosen.strip("\n")])
    steps = tag_steps([*whole, *step_texts(pair.chosen)])
    if not all(step.is_legal for step in steps[stop + 1 :]):
        return "what would follow the slip breaks the grammar of transitions"
    prompt = question + "".join(f"{line}\n" for line in lines[: stop + 1])
    rejected = "\n".join(lines[stop + 1 :])
    chosen += "" if pair.is_whole else "\n"
    made_id = content_id("pair", prompt, chosen, rejected)
    return replace(pair, id=made_id, prompt=prompt, chosen=chosen, rejected=rejected)


def unfit(pair: Pair, engine: Engine) -> str:
    """Why the model cannot be trained on a pair; empty where it can."""
    texts = (pair.prompt + pair.chosen, pair.prompt + pair.rejected)
    if any(engine.unknown_words(text) for text in texts):
        return "words outside the model's vocabulary"
    if any(engine.count_tokens(text) >= engine.context for text in texts):
        return "longer than the model's context"
    return ""
