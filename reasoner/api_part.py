"""What the parts of the API share: the workbench they are bound to, and how a problem or a trace is found by its id."""

from reasoner import arguments
from reasoner.errors import BadInput
from reasoner.records import Problem, Trace
from reasoner.workbench import Workbench


class ApiPart:
    """Functions for programs, bound to one workbench."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench

    def _problem(self, problem_id: object) -> Problem:
        problem = self.workbench.store.problem(arguments.text(problem_id, "problem_id"))
        if problem is None:
            raise BadInput(f"No problem has the id {str(problem_id)[:80]!r}. list_problems gives the ids there are.")
        return problem

    def _trace(self, trace_id: object) -> Trace:
        trace = self.workbench.store.trace(arguments.text(trace_id, "trace_id"))
        if trace is None:
            raise BadInput(f"No trace has the id {str(trace_id)[:80]!r}. get_problem gives the ids there are.")
        return trace
