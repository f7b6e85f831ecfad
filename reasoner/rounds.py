"""Solutions with code in them: generation stops at the end of the code, the code is run, its output put in, and so on.

    [[completion]] = complete(engine, FORMATS["text_code"], [prompt], Sampling(seed=7))

    Ben's coins:                  the model
    <code>
    41 + 26
    </code>                       … stops here
    Output: 67                    the interpreter
    Final Answer: 67              the model again, and it ends

MARIO (arXiv 2401.08190): up to 8 rounds, the interpreter's state kept from block to block, an error is an output too.
All solutions that still go on are continued together, in one call of the engine a round. A format without code is
simply completed. Completion i of seed s is the first of seed s + i, as the engines promise it.

An output counts against the tokens that a solution may take, and not as generated. Not covered: an output written by
the model itself, where a server takes no stop strings: reading the solution tells it (formats/text_code.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from reasoner.checks.python import Interpreter
from reasoner.engines import Engine, Request
from reasoner.formats import Format
from reasoner.formats.segments import Segment, split_segments
from reasoner.formats.text_code import one_line, output_of
from reasoner.records import Completion, Sampling

MAX_ROUNDS = 8  # MARIO §3: blocks of code that are run; the words after the last of them are still written


def complete(
    engine: Engine, format: Format, prompts: Sequence[str], sampling: Sampling, begun: Sequence[str] | None = None
) -> list[list[Completion]]:
    """`engine.complete`, with the code that the solutions hold run on the way.

    begun: of each prompt the end that is already solution (a prefix that is continued): its code is run first.
    Raises as the engine does.
    """
    if not format.code_ends:
        return engine.complete(prompts, sampling)
    starts = list(zip(prompts, begun or [""] * len(prompts), strict=True))
    num_drawn = 1 if sampling.temperature <= 0 else sampling.num  # greedy ones are all the same
    drawn = {
        start: [_Solution(*start, sampling.seed + index, sampling.max_new_tokens) for index in range(num_drawn)]
        for start in dict.fromkeys(starts)
    }
    _go(engine, format, [solution for solutions in drawn.values() for solution in solutions], sampling)
    return [[drawn[start][index % num_drawn].completion() for index in range(sampling.num)] for start in starts]


def _go(engine: Engine, format: Format, solutions: Sequence["_Solution"], sampling: Sampling) -> None:
    """Write all solutions to their ends, one call of the engine a round."""
    stops = (*sampling.stop, *format.code_ends)
    for solution in solutions:
        solution.put_in_output(engine)
    while going := [solution for solution in solutions if not solution.is_over]:
        requests = [Request(one.prompt + one.text, one.seed, one.left) for one in going]
        for solution, completion in zip(
            going, engine.complete_each(requests, replace(sampling, num=1, stop=stops)), strict=True
        ):
            solution.take(completion, sampling.stop, format.code_ends)
            solution.put_in_output(engine)


@dataclass
class _Solution:
    """One solution on its way."""

    prompt: str
    begun: str  # what of the prompt is solution already
    seed: int
    left: int  # tokens that may still be written or put in
    text: str = ""  # what was added to the prompt
    num_tokens: int = 0  # generated
    rounds: int = 0
    is_over: bool = False
    is_finished: bool = False
    python: Interpreter = field(default_factory=Interpreter)
    num_run: int = 0  # blocks of code that the interpreter has seen

    def completion(self) -> Completion:
        return Completion(self.text, self.num_tokens, self.is_finished)

    def take(self, completion: Completion, ends: Sequence[str], code_ends: Sequence[str]) -> None:
        """What the model wrote in this round; unless it paused at the end of code, that was all."""
        self.text += completion.text
        self.num_tokens += completion.num_tokens
        self.left -= completion.num_tokens
        self.rounds += 1
        has_paused = completion.text.endswith(tuple(code_ends))
        if self.text.endswith("```output"):  # nothing of an output is the model's to write
            self.text = self.text.removesuffix("```output")
        is_code = bool(segments := self._segments()) and segments[-1].kind == "code"
        has_ended = completion.is_finished and not (has_paused or is_code)
        self.is_finished = has_ended or any(end in completion.text for end in ends)
        self.is_over = self.is_finished or not completion.is_finished or self.left <= 0

    def put_in_output(self, engine: Engine) -> None:
        """Where the solution ends in code: run it, and put its output in, if there is room to go on after it."""
        segments = self._segments()
        last = segments[-1] if segments else None
        if self.is_over or last is None or last.kind != "code" or not last.body.strip():
            self.is_over = self.is_over or self.rounds > MAX_ROUNDS
            return
        if self.rounds > MAX_ROUNDS:
            self.is_over = True
            return
        before = self.begun + self.text
        added = _closing(last, before)
        added += _output(last, self._run(segments), before + added)
        self.text += added
        self.left -= engine.count_tokens(added)
        self.is_over = self.left <= 0 or engine.count_tokens(self.prompt + self.text) >= engine.context

    def _segments(self) -> list[Segment]:
        return split_segments(self.begun + self.text)

    def _run(self, segments: Sequence[Segment]) -> str:
        """The output of the last block, those before it run where they have not been."""
        blocks = [segment.body for segment in segments if segment.kind == "code"]
        output = ""
        for body in blocks[self.num_run :]:
            output = output_of(self.python.run(body))
        self.python.close()  # the worker goes to others; running again brings the state back
        self.num_run = len(blocks)
        return output


def _closing(code: Segment, before: str) -> str:
    """The tag or fence that ends the code, where the model, or a server that cuts stop strings off, left it out."""
    if code.is_closed:
        return ""
    return _line_break(before) + ("```\n" if code.is_fenced else "</code>")


def _output(code: Segment, output: str, before: str) -> str:
    """The output as the solution's own way of writing has it, on lines of its own."""
    if code.is_fenced:
        return f"{_line_break(before)}```output\n{output.replace('```', chr(39) * 3)}\n```\n"
    return f"{_line_break(before)}Output: {one_line(output)}".rstrip() + "\n"


def _line_break(before: str) -> str:
    return "" if before.endswith("\n") else "\n"
