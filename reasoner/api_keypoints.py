"""What programs may ask about key points: what a problem asks and tells, and which of it each solution used.

    workbench.predict(problem_id="91ab…", by="rules", api_name="/extract_key_points")
    workbench.predict(problem_id="91ab…", annotator="ada", core_question="…", points=["…"], api_name="/save_key_points")

Part of reasoner.api, whose rules hold here too: every argument is checked, and BadInput says what to do.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from reasoner import arguments
from reasoner.api_part import ApiPart
from reasoner.errors import BadInput
from reasoner.keypoints import extract, panel, rules
from reasoner.records import KeyPoints, Problem
from reasoner.store.keypoints import MAX_POINT, MAX_POINTS, latest

Json = dict[str, Any]


class KeyPointsApi(ApiPart):
    """The functions, bound to one workbench. `functions()` lists them under the names programs use."""

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Name → function, for everything a program may call."""
        functions = (self.get_key_points, self.extract_key_points, self.save_key_points)
        return {function.__name__: function for function in functions}

    def get_key_points(self, problem_id: str) -> Json:
        """Get a problem's key points: what it asks and tells, where the question says so, and which traces use it.

        A point with start null is not in the question: an invented condition perhaps. A person's last version is in
        force before a model's, a model's before the rules'.

        Args:
            problem_id: The problem, as list_problems gives its id.

        Returns:
            {"core": {"text", "start", "end"}, "points": [{"text", "start", "end", "used_by": [trace ids]}], "by",
            "unused": {trace id: [point indices]}, "numbers", "nowhere": {trace id: [{"step", "text", "message"}]},
            "history": [{"core_question", "points", "by", "origin", "created"}], the latest last}
        """
        return self._shown(self._problem(problem_id))

    def extract_key_points(self, problem_id: str, by: str = "machine", seed: int = 0, temperature: float = 0.0) -> Json:
        """Find a problem's key points, by the model in use or by rules, and keep them in its history.

        Args:
            problem_id: The problem, as list_problems gives its id.
            by: "machine" asks the model in use; "rules" takes every clause with a number, without a model.
            seed: The same seed gives the same key points.
            temperature: 0 takes the likeliest token each time, up to 2 for more variety.

        Returns:
            As get_key_points. What a person has written stays in force.
        """
        problem = self._problem(problem_id)
        seed = arguments.whole(seed, "seed", 0, 2**31 - 1)
        temperature = arguments.number(temperature, "temperature", 0.0, 2.0)
        if arguments.choice(by, "by", ("machine", "rules")) == "rules":
            found = rules(problem)
        else:
            found = extract(self.workbench.engine(), problem, seed, temperature)
        self.workbench.store.add_key_points(found)
        return self._shown(problem)

    def save_key_points(self, problem_id: str, annotator: str, points: list[str], core_question: str = "") -> Json:
        """Keep a person's version of a problem's key points. Nothing is erased: each version stays in the history.

        Args:
            problem_id: The problem, as list_problems gives its id.
            annotator: The name of who writes them, 1 to 80 characters.
            points: What the problem tells, one text a condition, 60 at most.
            core_question: What the problem asks, or empty.

        Returns:
            As get_key_points.
        """
        problem = self._problem(problem_id)
        if not isinstance(points, list):
            raise BadInput("points must be a list of texts, one a condition.")
        if len(points) > MAX_POINTS:
            raise BadInput(f"{len(points):,} key points are too many; at most {MAX_POINTS} are taken.")
        texts = tuple(
            arguments.text(point, f"point {number}", MAX_POINT).strip() for number, point in enumerate(points, start=1)
        )
        core = arguments.text(core_question, "core_question", MAX_POINT).strip()
        name = arguments.text(annotator, "annotator", 80)
        self.workbench.store.add_key_points(KeyPoints(problem.id, core, texts, name, time.time(), "person"))
        return self._shown(problem)

    def _shown(self, problem: Problem) -> Json:
        store = self.workbench.store
        history = store.key_points(problem.id)
        shown = panel(problem, latest(history), store.traces(problem.id))
        return {**shown, "history": [asdict(one) for one in history]}
