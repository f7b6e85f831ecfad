"""A problem → traces, as the engine writes them.

for trace in solve(engine, problem, "transitions", FORMATS["transitions"].sampling(num=8)):
    store.add_traces([trace])
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from reasoner.checks.answers import judge
from reasoner.engines import Engine
from reasoner.errors import BadInput
from reasoner.formats import Format, Reading, format_named
from reasoner.keypoints import with_key_points
from reasoner.records import Completion, KeyPoints, Problem, Sampling, Trace, Verdict, make_trace
from reasoner.rounds import complete

MAX_QUESTION = 20_000  # characters. Ours: far beyond any word problem, far below what could choke a tokenizer
FIRST_BATCH = 2  # completions. Ours: the first must be on screen soon …
LARGEST_BATCH = 32  # … and the later ones should not wait for each other
MANY = 256  # problems given to the engine at once. Ours: enough to fill its batches, little enough to see progress


def solve(
    engine: Engine,
    problem: Problem,
    format: str = "transitions",
    sampling: Sampling | None = None,
    key_points: KeyPoints | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Trace]:
    """Sample `sampling.num` solutions and yield each as its batch is done.

    Trace i's maker keeps seed + i: sampling one solution with that seed gives the same text again. `sampling` left out
    means one solution with the format's settings; without stop strings of its own it takes the format's. `key_points`
    are given to the solver as a hint after the question (keypoints.with_key_points); the trace's prompt has them.
    `should_stop` is asked before each batch: once it says so, no more are sampled.
    Raises BadInput before anything is sampled when the question is empty, too long, or the format unknown.
    """
    writing = format_named(format)
    sampling = sampling or writing.sampling()
    sampling = replace(sampling, stop=sampling.stop or writing.stop)
    prompt = _prompt(engine, problem, writing, key_points)
    return _sample(engine, problem, writing, prompt, sampling, should_stop or (lambda: False))


def solve_many(
    engine: Engine,
    problems: Sequence[Problem],
    format: str = "transitions",
    sampling: Sampling | None = None,
    key_points: Mapping[str, KeyPoints] | None = None,
) -> Iterator[Trace]:
    """The same for many problems together, which is several times faster: for evaluation and for building sets.

    Yields the traces problem by problem, in their order. `key_points`: problem id → those given with the problem.
    Raises as `solve` does, before anything is sampled.
    """
    writing = format_named(format)
    sampling = sampling or writing.sampling()
    sampling = replace(sampling, stop=sampling.stop or writing.stop)
    prompts = [_prompt(engine, problem, writing, (key_points or {}).get(problem.id)) for problem in problems]
    for start in range(0, len(problems), MANY):
        chunk = prompts[start : start + MANY]
        for i, completions in enumerate(complete(engine, writing, chunk, sampling)):
            for j, completion in enumerate(completions):
                own = replace(sampling, seed=sampling.seed + j)
                yield trace_of(engine, problems[start + i], writing, chunk[i], completion, own)


def _prompt(engine: Engine, problem: Problem, format: Format, key_points: KeyPoints | None) -> str:
    """The exact text that the model is given. Raises BadInput when it cannot be asked."""
    question = with_key_points(problem.question, key_points)
    check_question(problem.question)
    check_question(question)
    prompt = engine.render(question, format.instruction, format.tag)
    check_prompt(engine, prompt)
    return prompt


def check_question(question: str) -> None:
    """Raises BadInput when `question` cannot be asked of any model."""
    if not question.strip():
        raise BadInput("The problem is empty: type a question first.")
    if len(question) > MAX_QUESTION:
        raise BadInput(
            f"The problem has {len(question):,} characters; at most {MAX_QUESTION:,} can be asked. Shorten it."
        )
    if any("\ud800" <= character <= "\udfff" for character in question):
        raise BadInput("The problem has characters that are not valid text (lone surrogates): paste it again.")


def check_prompt(engine: Engine, prompt: str) -> None:
    """Raises BadInput when `prompt` leaves the model no room to answer."""
    num_tokens = engine.count_tokens(prompt)
    if num_tokens >= engine.context:
        raise BadInput(
            f"The problem takes {num_tokens:,} tokens and this model reads {engine.context:,} in all: "
            "shorten it, or start with a model of a longer context (--model)."
        )


def _sample(
    engine: Engine,
    problem: Problem,
    format: Format,
    prompt: str,
    sampling: Sampling,
    should_stop: Callable[[], bool],
) -> Iterator[Trace]:
    done, size = 0, FIRST_BATCH
    while done < sampling.num and not should_stop():
        size = min(size, sampling.num - done)
        now = replace(sampling, num=size, seed=sampling.seed + done)
        [completions] = complete(engine, format, [prompt], now)
        for completion in completions:
            yield trace_of(engine, problem, format, prompt, completion, replace(sampling, seed=sampling.seed + done))
            done += 1
        size = min(2 * size, LARGEST_BATCH)


def trace_of(
    engine: Engine, problem: Problem, format: Format, prompt: str, completion: Completion, sampling: Sampling
) -> Trace:
    """The trace of one completion of `prompt`; `sampling.seed` is this completion's own."""
    reading = format.reading(completion.text)
    return make_trace(
        problem,
        prompt=prompt,
        text=completion.text,
        steps=reading.steps,
        answer=reading.answer,
        verdict=_verdict(problem, reading),
        maker=replace(engine.maker, seed=sampling.seed, temperature=sampling.temperature, top_p=sampling.top_p),
        format=format.name,
    )


def _verdict(problem: Problem, reading: Reading) -> Verdict:
    """Of the answer; where executing the solution gave none, the reason is why it did not."""
    if reading.answer is None and reading.error:
        return Verdict("unjudged", None, f"no answer: {reading.error}")
    return judge(problem.answer, reading.answer)
