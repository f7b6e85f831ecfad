"""What programs may ask of a workbench: plain functions on plain JSON types, for Gradio's API and as MCP tools.

    from gradio_client import Client
    workbench = Client("http://127.0.0.1:7860")
    workbench.predict(limit=5, api_name="/list_problems")
    workbench.predict(trace_id="91ab…", kind="first_wrong", annotator="ada", step=2, api_name="/add_label")

Every step index is 0-based. Arguments come from outside and are checked here, whatever the type hints say: a wrong one
raises BadInput with what to do about it. The docstrings are what an MCP client reads, hence their form.

Not covered: training. Its functions are in training/api.py, because this package knows nothing of it.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reasoner import arguments
from reasoner.api_explore import ExploreApi, pit_json
from reasoner.api_keypoints import KeyPointsApi
from reasoner.api_part import ApiPart
from reasoner.api_queues import QueuesApi
from reasoner.api_review import ReviewApi
from reasoner.checks import check_solution, check_trace
from reasoner.checks.answers import extract_answer, judge
from reasoner.formats import FORMATS
from reasoner.interchange import FAMILIES, SHAPES, export_text, import_values
from reasoner.interchange.lines import parse
from reasoner.keypoints import GIVEN, given
from reasoner.records import (
    ERROR_CLASSES,
    LABEL_KINDS,
    Label,
    Maker,
    Problem,
    Trace,
    make_problem,
    make_trace,
)
from reasoner.solve import check_question, solve
from reasoner.steps import tag_steps

MAX_SAMPLES = 64  # completions a call; ours: what two cores sample in about a minute
MAX_ROWS = 1_000  # rows a page of a list
MAX_IMPORT = 5_000_000  # characters; larger files are for the Data tab or the command line

Json = dict[str, Any]


class Api(ApiPart):
    """The functions, bound to one workbench. `functions()` lists them under the names programs use."""

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Name → function, for everything a program may call."""
        functions = (
            self.list_problems,
            self.get_problem,
            self.add_problem,
            self.solve_problem,
            self.check_steps,
            self.add_label,
            self.undo_label,
            self.list_labels,
            self.export_labels,
            self.import_rows,
        )
        own = {function.__name__: function for function in functions}
        parts = (ExploreApi, KeyPointsApi, ReviewApi, QueuesApi)
        return own | {name: call for part in parts for name, call in part(self.workbench).functions().items()}

    def list_problems(
        self,
        search: str = "",
        source: str = "",
        verdict: str = "",
        labelled: bool | None = None,
        limit: int = 20,
        offset: int = 0,
        agreement: str = "",
    ) -> Json:
        """List the problems in the store, with how many of their solutions reach the right answer.

        Args:
            search: Words the question must contain. Empty for all.
            source: Only problems from this source, for example "gsm8k". Empty for all.
            verdict: Only problems with a trace whose answer is "right", "wrong" or "unjudged". Empty for all.
            labelled: true for problems with a label, false for those without, null for all.
            limit: How many problems to return, 1 to 1000.
            offset: How many problems to skip, for paging.
            agreement: Only problems whose formats "agree" on an answer, or "disagree". Empty for all.

        Returns:
            {"total": how many match, "problems": [{"id", "question", "answer", "source", "num_right", ...}]}
        """
        filters: Json = {
            "search": arguments.text(search, "search"),
            "source": arguments.text(source, "source"),
            "verdict": arguments.choice(verdict, "verdict", ("", "right", "wrong", "unjudged")),
            "labelled": None if labelled is None else arguments.flag(labelled, "labelled"),
            "agreement": arguments.choice(agreement, "agreement", ("", "agree", "disagree")),
        }
        limit = arguments.whole(limit, "limit", 1, MAX_ROWS)
        offset = arguments.whole(offset, "offset", 0, 2**31)
        store = self.workbench.store
        rows = store.find_problems(**filters, limit=limit, offset=offset)
        problems = [
            {
                **{name: getattr(row.problem, name) for name in ("id", "question", "answer", "source", "level")},
                "num_traces": row.num_traces,
                "num_right": row.num_right,
                "num_wrong": row.num_wrong,
                "num_unjudged": row.num_unjudged,
                "num_labelled": row.num_labelled,
            }
            for row in rows
        ]
        return {"total": store.count_problems(**filters), "problems": problems}

    def get_problem(self, problem_id: str) -> Json:
        """Get one problem with all its traces (solutions), what the checks say of each, and all labels and pits.

        Args:
            problem_id: The problem's id, as list_problems gives it.

        Returns:
            {"problem", "traces": [{"id", "steps", "answer", "verdict", "findings", ...}], "labels", "pits"}
        """
        problem = self._problem(problem_id)
        store = self.workbench.store
        traces = {trace.id: trace for trace in store.traces(problem.id)}
        return {
            "problem": asdict(problem),
            "traces": [_trace_json(trace, problem) for trace in traces.values()],
            "labels": [asdict(label) for label in store.labels(problem_id=problem.id)],
            "pits": [pit_json(traces[pit.trace_id], problem, pit) for pit in store.pits(problem_id=problem.id)],
        }

    def add_problem(self, question: str, answer: str = "") -> Json:
        """Add a problem to the store. The same question twice is one problem.

        Args:
            question: The problem in words.
            answer: The right final answer if known, else empty.

        Returns:
            {"problem_id": its id}
        """
        return {"problem_id": self._typed(question, answer).id}

    def solve_problem(
        self,
        problem_id: str = "",
        question: str = "",
        answer: str = "",
        num: int = 1,
        temperature: float = 0.7,
        format: str = "transitions",
        seed: int = 0,
        key_points: str = "none",
    ) -> Json:
        """Let the model in use solve a problem, step by step, and keep the traces in the store.

        Args:
            problem_id: A problem in the store; or leave empty and give a question.
            question: A problem in words, added to the store if it is new.
            answer: The right final answer of the question, if known, so that solutions can be judged.
            num: How many solutions to sample, 1 to 64.
            temperature: 0 takes the likeliest token each time, up to 2 for more variety.
            format: How solutions are written: "transitions" (a named action a step), "cot" (chain of thought), or
                one whose answer is got by running it: "program", "text_code", "equations", "specification".
            seed: The same seed gives the same solutions.
            key_points: Give the model key points as a hint: "machine", "person" (those kept), "rules" or "none".

        Returns:
            {"problem_id", "traces": [{"id", "steps", "answer", "verdict", "findings", ...}]}
        """
        problem = self._problem(problem_id) if problem_id else self._typed(question, answer)
        writing = FORMATS[arguments.choice(format, "format", tuple(FORMATS))]
        sampling = writing.sampling(
            num=arguments.whole(num, "num", 1, MAX_SAMPLES),
            temperature=arguments.number(temperature, "temperature", 0.0, 2.0),
            seed=arguments.whole(seed, "seed", 0, 2**31 - 1),
        )
        engine, store = self.workbench.engine(), self.workbench.store
        hint = given(store, engine, problem, arguments.choice(key_points, "key_points", GIVEN), sampling.seed)
        traces = list(solve(engine, problem, writing.name, sampling, hint))
        self.workbench.store.add_traces(traces)
        return {"problem_id": problem.id, "traces": [_trace_json(trace, problem) for trace in traces]}

    def check_steps(self, steps: list[str], question: str = "", answer: str = "") -> Json:
        """Check a solution without any model: the arithmetic of every equation, the order of actions, the final answer.

        Args:
            steps: The solution, one text a step.
            question: The problem, if you have it: then numbers that come from nowhere are named too. Nothing is stored.
            answer: The right final answer, if known.

        Returns:
            {"findings": [{"step", "status", "message", ...}], "first_wrong": 0-based or null, "actions", "verdict"}
        """
        texts = arguments.steps(steps)
        question = arguments.text(question, "question", arguments.MAX_QUESTION)
        gold = arguments.text(answer, "answer") or None
        problem = make_problem(question or "(no question given)", gold, "typed")
        trace = _given_trace(problem, texts)
        findings = check_solution(trace, problem) if question else check_trace(trace)
        wrong = [finding.step for finding in findings if finding.status == "wrong"]
        return {
            "findings": [asdict(finding) for finding in findings],
            "first_wrong": min(wrong, default=None),
            "actions": [step.action for step in trace.steps],
            "verdict": asdict(trace.verdict),
        }

    def add_label(
        self,
        trace_id: str,
        kind: str,
        annotator: str,
        step: int | None = None,
        error_class: str = "",
        correction: str = "",
        note: str = "",
    ) -> Json:
        """Judge a trace: say which step is its first wrong one, or that all are right. Saved on disk when this returns.

        Args:
            trace_id: The trace, as get_problem gives it.
            kind: "first_wrong" (then give step), "all_right", "unsure", "bad_problem" or "skip".
            annotator: The name of who judges, 1 to 80 characters.
            step: 0-based index of the first wrong step; only with kind "first_wrong".
            error_class: "calculation", "misunderstanding", "step missing" or "other", or empty.
            correction: What the first wrong step should say, or empty.
            note: Anything worth remembering, or empty.

        Returns:
            The label as it was saved, with its id.
        """
        label = Label.of(
            self._trace(trace_id),
            kind=arguments.choice(kind, "kind", LABEL_KINDS),  # type: ignore[arg-type]
            annotator=arguments.text(annotator, "annotator", 80),
            step=None if step is None else arguments.whole(step, "step", 0, arguments.MAX_STEPS),
            error_class=arguments.choice(error_class, "error_class", ("", *ERROR_CLASSES)),
            correction=arguments.text(correction, "correction", 10_000),
            note=arguments.text(note, "note", 10_000),
        )
        self.workbench.store.add_label(label)
        return asdict(label)

    def undo_label(self, annotator: str, trace_id: str = "") -> Json:
        """Take back an annotator's latest label. Nothing is erased: undo is one more event in the history.

        Args:
            annotator: Whose label to take back.
            trace_id: Only a label of this trace; empty for the annotator's latest of all.

        Returns:
            {"undone": the label taken back, or null if there was none}
        """
        annotator = arguments.text(annotator, "annotator", 80)
        label = self.workbench.store.undo_label(annotator, arguments.text(trace_id, "trace_id") or None)
        return {"undone": asdict(label) if label else None}

    def list_labels(self, problem_id: str = "", trace_id: str = "", annotator: str = "") -> list[Json]:
        """List the labels that stand (the latest one of each annotator for each trace, not taken back).

        Args:
            problem_id: Only labels of this problem; empty for all.
            trace_id: Only labels of this trace; empty for all.
            annotator: Only labels by this person; empty for all.

        Returns:
            [{"id", "trace_id", "problem_id", "kind", "step": 0-based or null, "annotator", "note", "created", ...}]
        """
        labels = self.workbench.store.labels(
            trace_id=arguments.text(trace_id, "trace_id") or None,
            problem_id=arguments.text(problem_id, "problem_id") or None,
            annotator=arguments.text(annotator, "annotator", 80) or None,
        )
        return [asdict(label) for label in labels]

    def export_labels(self, shape: str = "labels") -> str:
        """Give all labels as JSON Lines, one label a line, each with its solution and who made it when.

        Args:
            shape: "labels" (can be imported again), "plain" (unlabelled problems too), "events" (the whole history),
                "gold-reviews" (what people said of gold answers), "pits" (what machines found; can be imported again),
                "processbench", "prm800k" or "stepwise" (TRL).

        Returns:
            The file's text; empty when there is nothing to export.
        """
        text, _ = export_text(self.workbench.store, arguments.choice(shape, "shape", tuple(SHAPES)))
        return text

    def import_rows(self, text: str, format: str = "", keep_good: bool = False) -> Json:
        """Import problems, solutions and labels given as JSON Lines. The same rows twice add nothing.

        Args:
            text: One JSON object a line, at most 5,000,000 characters in all.
            format: The rows' format, for example "gsm8k" or "processbench"; empty to recognise it.
            keep_good: Keep the good rows when some are bad. Otherwise one bad row refuses all of them.

        Returns:
            {"kept": rows, "unchanged": rows that were there already, "dropped": {reason: rows}, "messages": [...]}
        """
        format = arguments.choice(format, "format", ("", *FAMILIES))
        lines = arguments.text(text, "text", MAX_IMPORT).splitlines()
        values = [(number, parse(line)) for number, line in enumerate(lines, start=1) if line.strip()]
        keep_good = arguments.flag(keep_good, "keep_good")
        return asdict(import_values(self.workbench.store, values, "api", format, keep_good))

    def _typed(self, question: object, answer: object) -> Problem:
        """The problem of a question from outside, added to the store unless it is there."""
        text = arguments.text(question, "question", arguments.MAX_QUESTION).strip()
        check_question(text)
        problem = make_problem(text, arguments.text(answer, "answer").strip() or None, "typed")
        self.workbench.store.add_problems([problem])
        return self._problem(problem.id)


def _given_trace(problem: Problem, texts: list[str]) -> Trace:
    """A trace of steps given from outside, not stored."""
    text = "\n".join(texts)
    found = extract_answer(text)
    return make_trace(
        problem,
        prompt="",
        text=text,
        steps=tag_steps(texts),
        answer=found,
        verdict=judge(problem.answer, found),
        maker=Maker("import"),
        format="cot",
    )


def _trace_json(trace: Trace, problem: Problem) -> Json:
    return {**asdict(trace), "findings": [asdict(finding) for finding in check_solution(trace, problem)]}
