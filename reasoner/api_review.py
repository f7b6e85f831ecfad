"""What programs may ask about agreement between formats, repairs, and reviews of gold answers.

    workbench.predict(problem_id="91ab…", api_name="/check_agreement")
    workbench.predict(problem_id="91ab…", kind="corrected", annotator="ada", answer="5", api_name="/review_gold")

Part of reasoner.api, whose rules hold here too: every argument is checked, and BadInput says what to do.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reasoner import arguments
from reasoner.api_part import ApiPart
from reasoner.errors import BadInput
from reasoner.review.agreement import agreement_panel
from reasoner.review.doubt import doubt_rows, gold_report
from reasoner.review.error_classes import proposal_json
from reasoner.review.repair import repair, repair_panel
from reasoner.review.translation import translate
from reasoner.store.gold import REVIEW_KINDS, new_review

MAX_ROWS = 1_000  # rows of the queue

Json = dict[str, Any]


class ReviewApi(ApiPart):
    """The functions, bound to one workbench. `functions()` lists them under the names programs use."""

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Name → function, for everything a program may call."""
        functions = (
            self.check_agreement,
            self.translate_trace,
            self.repair_trace,
            self.propose_error_class,
            self.list_gold_in_doubt,
            self.review_gold,
            self.undo_gold_review,
            self.list_gold_reviews,
        )
        return {function.__name__: function for function in functions}

    def check_agreement(self, problem_id: str) -> Json:
        """Compare the answers of a problem's traces: groups of the same answer, majorities, and a badge on each trace.

        Formats (words, program, equations ...) have one vote each: the answer of most of their own samples.

        Args:
            problem_id: The problem, as list_problems gives its id.

        Returns:
            {"sentence", "state", "groups": [{"answer", "trace_ids", "formats", "executed"}], "by_samples",
            "by_formats", "votes", "badges": {trace id: {"standing", "text"}}, "without_answer", "not_comparable"}
        """
        problem = self._problem(problem_id)
        return agreement_panel(problem, self.workbench.store.traces(problem.id))

    def translate_trace(self, trace_id: str, seed: int = 0) -> Json:
        """Let the model in use translate a chain of thought into a program, run it, and compare the answers.

        The program is kept in the store as a trace of its own. The built-in solver does not translate: it writes a
        second solution as a program, and "words" says so.

        Args:
            trace_id: The chain of thought, as get_problem gives its id.
            seed: The same seed gives the same program.

        Returns:
            {"words", "agrees": true, false or null, "is_translation", "trace_id": the program's, "answer", "steps"}
        """
        trace = self._trace(trace_id)
        seed = arguments.whole(seed, "seed", 0, 2**31 - 1)
        found = translate(self.workbench.engine(), self._problem(trace.problem_id), trace, seed)
        self.workbench.store.add_traces([found.trace])
        return {
            "words": found.words,
            "agrees": found.agrees,
            "is_translation": found.is_translation,
            "trace_id": found.trace.id,
            "answer": found.trace.answer,
            "steps": [step.text for step in found.trace.steps],
        }

    def repair_trace(self, trace_id: str, step: int | None = None, keep: bool = False) -> Json:
        """Put a calculation error right by computing it, and show the rest of the solution as it would have gone.

        Args:
            trace_id: A trace whose arithmetic is wrong, as get_problem gives its id.
            step: 0-based step whose equation is wrong; null for the first one.
            keep: true keeps the repaired solution in the store as a trace of its own.

        Returns:
            {"words", "trace_id": the repaired trace's or null, "answer", "verdict", "is_kept",
            "steps": [{"before", "after", "changes": [{"before", "after", "why", ...}], "left": [{"text", "why"}]}]}
        """
        trace = self._trace(trace_id)
        step = None if step is None else arguments.whole(step, "step", 0, arguments.MAX_STEPS)
        problem = self._problem(trace.problem_id)
        panel = repair_panel(trace, problem, step)
        is_kept = arguments.flag(keep, "keep") and panel["trace_id"] is not None
        if is_kept:
            repaired = repair(trace, problem, step).trace
            self.workbench.store.add_traces([repaired] if repaired else [])
        return {**panel, "is_kept": is_kept}

    def propose_error_class(self, trace_id: str, step: int | None = None) -> Json:
        """Propose the class of a trace's first error from checks that need no model. Nothing is stored.

        Args:
            trace_id: The trace, as get_problem gives its id.
            step: 0-based step that is wrong, if you know it; null lets the checks find the first one with a sign.

        Returns:
            {"error_class": "calculation", "misunderstanding", "step missing" or "" for could not tell, "step",
            "reasons": [...], "words"}
        """
        trace = self._trace(trace_id)
        step = None if step is None else arguments.whole(step, "step", 0, len(trace.steps) - 1)
        return proposal_json(trace, self._problem(trace.problem_id), step)

    def list_gold_in_doubt(self, limit: int = 100) -> list[Json]:
        """List the problems whose gold answer is contradicted by executed solutions of several formats.

        Args:
            limit: How many problems to return, 1 to 1000, the strongest doubt first.

        Returns:
            [{"problem_id", "question", "gold", "answer": what they say, "formats", "num_traces", "traces", "words"}]
        """
        return doubt_rows(self.workbench.store, arguments.whole(limit, "limit", 1, MAX_ROWS))

    def review_gold(self, problem_id: str, kind: str, annotator: str, answer: str = "", note: str = "") -> Json:
        """Say what you found about a problem's gold answer. A correction judges all its traces again, at once.

        Args:
            problem_id: The problem, as list_gold_in_doubt gives its id.
            kind: "confirmed" (gold is right), "corrected" (then give answer) or "bad" (the problem has no answer).
            annotator: The name of who reviewed it, 1 to 80 characters.
            answer: The right answer; only with kind "corrected".
            note: Anything worth remembering, or empty.

        Returns:
            {"review": as it was saved, "num_judged_again": verdicts that changed, "answer": the gold answer in force}
        """
        problem = self._problem(problem_id)
        chosen = arguments.choice(kind, "kind", REVIEW_KINDS)
        given = arguments.text(answer, "answer", 10_000)
        if given.strip() and chosen != "corrected":
            raise BadInput(f'A review "{chosen}" takes no answer: leave it empty, or say "corrected".')
        review = new_review(
            problem,
            chosen,  # type: ignore[arg-type]
            arguments.text(annotator, "annotator", 80),
            given,
            arguments.text(note, "note", 10_000),
        )
        num_changed = self.workbench.store.gold.add(review)
        return {
            "review": asdict(review),
            "num_judged_again": num_changed,
            "answer": self._problem(problem.id).answer,
        }

    def undo_gold_review(self, annotator: str, problem_id: str = "") -> Json:
        """Take back an annotator's latest review of a gold answer. Nothing is erased: undo is one more event.

        Args:
            annotator: Whose review to take back.
            problem_id: Only a review of this problem; empty for the annotator's latest of all.

        Returns:
            {"undone": the review taken back, or null if there was none}
        """
        annotator = arguments.text(annotator, "annotator", 80)
        undone = self.workbench.store.gold.undo(annotator, arguments.text(problem_id, "problem_id") or None)
        return {"undone": asdict(undone) if undone else None}

    def list_gold_reviews(self) -> Json:
        """List the reviews of gold answers that stand, and how many there are of each kind by source.

        Returns:
            {"reviews": [{"problem_id", "kind", "before", "after", "annotator", "note", "created"}],
            "counts": {source: {"confirmed", "corrected", "bad"}}, "words": the counts as text}
        """
        gold = self.workbench.store.gold
        reviews = [asdict(review) for review in gold.reviews().values()]
        return {"reviews": reviews, "counts": gold.counts(), "words": gold_report(self.workbench.store)}
