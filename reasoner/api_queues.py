"""What programs may ask about the two queues: "person and machine disagree", and "the machine is unsure".

    workbench.predict(queue="disagree", annotator="ada", api_name="/list_queue")
    workbench.predict(trace_id="91ab…", annotator="ada", api_name="/keep_label")

Part of reasoner.api, whose rules hold here too: every argument is checked, and BadInput says what to do.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reasoner import arguments
from reasoner.api_part import ApiPart
from reasoner.review.machine import agreement, in_words
from reasoner.store.find import Filters

MAX_ROWS = 1_000  # rows a page

Json = dict[str, Any]


class QueuesApi(ApiPart):
    """The functions, bound to one workbench. `functions()` lists them under the names programs use."""

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Name → function, for everything a program may call."""
        functions = (self.list_queue, self.keep_label, self.compare_with_machine)
        return {function.__name__: function for function in functions}

    def list_queue(
        self,
        queue: str,
        annotator: str = "",
        source: str = "",
        show: bool = False,
        kept: bool = False,
        limit: int = 20,
        offset: int = 0,
    ) -> Json:
        """List the traces an annotator should look at next: where person and machine disagree, or it is unsure.

        Args:
            queue: "disagree" (the person's first wrong step is not the machine's pit, the machine's surest first) or
                "unsure" (explored, not judged by this annotator, likeliest pits nearly even, the most even first).
            annotator: Whose queue; empty for everybody's.
            source: Only problems from this source. Empty for all.
            show: true tells what the machine believes of unsure traces too; false lets a person judge blind.
            kept: true lists the disagreements that were looked at and kept, instead of those that wait.
            limit: How many traces to return, 1 to 1000.
            offset: How many traces to skip, for paging.

        Returns:
            {"total", "counts": {"disagree", "unsure", "kept", "without_posterior"}, "traces": [{"trace_id",
            "problem_id", "question", "person": 0-based or null, "machine": 0-based or null, "chance", "words", ...}]}
        """
        chosen = arguments.choice(queue, "queue", ("disagree", "unsure"))
        who, filters = arguments.text(annotator, "annotator", 80), Filters(source=arguments.text(source, "source"))
        limit, offset = arguments.whole(limit, "limit", 1, MAX_ROWS), arguments.whole(offset, "offset", 0, 2**31)
        is_shown, is_kept = arguments.flag(show, "show"), arguments.flag(kept, "kept")
        queues = self.workbench.store.queues
        if chosen == "disagree":
            found = queues.disagreements(who, limit, offset, filters, is_kept)
            traces = [asdict(one) | {"words": in_words(one)} for one in found]
            total = queues.num_disagreements(who, filters, is_kept)
        else:
            traces = [asdict(one) for one in queues.unsure(who, limit, offset, filters)]
            total = queues.num_unsure(who, filters)
            if not is_shown:
                hidden = ("best_step", "best_chance", "margin")
                traces = [{name: value for name, value in row.items() if name not in hidden} for row in traces]
        return {"total": total, "counts": queues.counts(who), "traces": traces}

    def keep_label(self, trace_id: str, annotator: str, undo: bool = False) -> Json:
        """Settle a disagreement with the machine: the person has looked at it and keeps the label. Reversible.

        Args:
            trace_id: A trace of the queue "disagree", as list_queue gives it.
            annotator: Whose label is kept, 1 to 80 characters.
            undo: true puts the trace back into the queue.

        Returns:
            {"is_done": false where it was not in the queue, or not kept}
        """
        queues, trace = self.workbench.store.queues, self._trace(trace_id)
        change = queues.put_back if arguments.flag(undo, "undo") else queues.keep
        return {"is_done": change(arguments.text(annotator, "annotator", 80), trace.id)}

    def compare_with_machine(self) -> list[Json]:
        """Tell how often people's first wrong steps and the machine's pits are the same, for each annotator and all.

        Returns:
            [{"annotator", "num": traces both spoke of, "exact": {"rate", "low", "high", ...}, "within_one", "kappa":
            Cohen's or null, "machine_earlier", "machine_later", "only_person", "only_machine"}]
        """
        return agreement(self.workbench.store)
