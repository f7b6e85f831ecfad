"""Model-written Python: what a snippet gives, how state lasts, which worker runs it, what a program's answer is."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from reasoner.checks import python
from reasoner.checks.python import Interpreter, describe_sandbox, run_program, run_snippets, warm_up
from reasoner.checks.sandbox import cpython, limits
from reasoner.checks.sandbox.routing import needs_cpython
from reasoner.checks.sandbox.snippet import MAX_OUTPUT, MAX_SOURCE, MAX_TEXT
from reasoner.errors import RunError

WORKERS = ["monty", pytest.param("cpython", marks=pytest.mark.skipif(bool(cpython.why_off()), reason="it is off"))]
needs_both = pytest.mark.skipif(bool(cpython.why_off()), reason="the CPython worker is off here")
PATIENT = 30.0  # seconds, where the machine may be very busy


@pytest.fixture(params=WORKERS)
def interpreter(request: pytest.FixtureRequest) -> Iterator[Interpreter]:
    with Interpreter(PATIENT, only=request.param) as opened:
        yield opened


def test_a_snippet_gives_output_value_and_changed_variables(interpreter: Interpreter) -> None:
    ran = interpreter.run("Ben_coins = 41 + 26\nprint('so', Ben_coins)\nBen_coins * 3")
    assert (ran.output, ran.value, ran.error, ran.variables) == ("so 67\n", "201", "", {"Ben_coins": "67"})
    assert ran.seconds > 0


def test_state_lasts_from_snippet_to_snippet(interpreter: Interpreter) -> None:
    interpreter.run("import math\ndef half(x):\n    return x / 2\nx = 3")
    assert interpreter.run("half(x) + math.floor(2.5)").value == "3.5"


def test_only_changed_variables_are_told(interpreter: Interpreter) -> None:
    interpreter.run("a = 1\nb = [1, 2]\nc = 'x'")
    assert interpreter.run("a = 1\nb.append(3)").variables == {"b": "[1, 2, 3]"}


def test_functions_modules_and_private_names_are_not_told(interpreter: Interpreter) -> None:
    code = "import math\ndef f(): pass\nclass A: pass\n_x = 1\na = A()\nb = [f]\nc = None"
    assert interpreter.run(code).variables == {"c": "None"}


def test_an_error_is_its_type_and_message_and_keeps_what_came_before(interpreter: Interpreter) -> None:
    ran = interpreter.run("x = 5\nprint('before')\nx / 0\nx = 6")
    assert ran.error == "ZeroDivisionError: division by zero"
    assert (ran.output, ran.variables) == ("before\n", {"x": "5"})
    assert interpreter.run("x").value == "5"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("Ben_coin", "NameError: name 'Ben_coin' is not defined"),
        ("raise ValueError('hé')", "ValueError: hé"),
        ("assert 1 == 2", "AssertionError"),
        ("int('x')", "ValueError: invalid literal for int() with base 10: 'x'"),
        ("[][0]", "IndexError: list index out of range"),
        ("2 ** 100000", "ValueError: Exceeds the limit (4300 digits) for integer string conversion"),
    ],
)
def test_both_workers_say_errors_alike(interpreter: Interpreter, code: str, error: str) -> None:
    told = interpreter.run(code).error
    assert told.split("; use sys")[0] == error


def test_what_cannot_be_parsed_is_a_syntax_error(interpreter: Interpreter) -> None:
    assert interpreter.run("x = = 1").error.startswith("SyntaxError: ")
    assert interpreter.run("x = 1\0").error.startswith(("SyntaxError: ", "ValueError: "))


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("x = 1; x + 1", "2"),
        ("x = 1\nx + 1  # two", "2"),
        ("(1 +\n  2)\n\n", "3"),
        ("'é'; 'ü' + 'ß'", "'üß'"),
        ("x = 'é'; x", "'é'"),
        ("x = 1\r\nx + 3\r\n", "4"),
        ("[\n  1,  # one\n  2,\n]", "[1, 2]"),
        ("1, 2", "(1, 2)"),
        ("None", ""),
        ("print('x')", ""),
        ("for i in range(3):\n    i", ""),
        ("x = 3", ""),
        ("", ""),
        ("# nothing", ""),
        ("f'{1 + 1:>3}'", "'  2'"),
        ("lambda: 1", "<function <lambda>"),
    ],
)
def test_the_value_is_that_of_the_last_expression(interpreter: Interpreter, code: str, value: str) -> None:
    told = interpreter.run(code).value
    assert told == value or (value.startswith("<") and "lambda" in told)


def test_names_of_built_ins_are_free_for_the_program(interpreter: Interpreter) -> None:
    code = "sum = 3\nlist = 4\nstr = 5\nrepr = 6\nlen = 7\nisinstance = 8\ntype = 9\ndict = 10\nint = 11\nall = 12\nsum"
    ran = interpreter.run(code)
    assert ran.value == "3" and len(ran.variables) == 10
    assert interpreter.run("sum + 1").value == "4"


def test_standard_error_is_output_too(interpreter: Interpreter) -> None:
    assert interpreter.run("import sys\nprint('a')\nprint('b', file=sys.stderr)").output == "a\nb\n"


def test_much_output_and_long_values_are_cut_and_say_so(interpreter: Interpreter) -> None:
    ran = interpreter.run("text = 'x' * 100000\nprint(text)\ntext")
    assert len(ran.output) == MAX_OUTPUT and ran.output.endswith("(cut)")
    assert len(ran.value) == len(ran.variables["text"]) == MAX_TEXT


def test_a_snippet_that_is_too_long_is_not_run(interpreter: Interpreter) -> None:
    assert "longer than" in interpreter.run("x = 1\n" * (MAX_SOURCE // 6 + 1)).error


def test_the_main_guard_is_passed(interpreter: Interpreter) -> None:
    assert interpreter.run("if __name__ == '__main__':\n    print('main')").output == "main\n"


def test_the_same_program_gives_the_same_random_numbers_in_either_worker(interpreter: Interpreter) -> None:
    assert interpreter.run("import random\nrandom.random()").value == "0.8444218515250481"


@pytest.mark.parametrize("worker", WORKERS)
def test_a_snippet_that_does_not_end_is_stopped_and_leaves_no_trace(worker: str) -> None:
    with Interpreter(1.0, only=worker) as interpreter:
        interpreter.run("x = 1")
        assert interpreter.run("x = 2\nwhile True: pass").error == "TimeoutError: stopped after 1 s"
        assert interpreter.run("x").value == "1"


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_that_was_killed_is_replaced_and_brought_to_the_same_state(worker: str) -> None:
    with Interpreter(PATIENT, only=worker) as interpreter:
        interpreter.run("x = 1")
        interpreter.run("x += 1")
        kill(interpreter)
        assert interpreter.run("x").value == "2"


@needs_both
def test_a_snippet_that_ends_its_worker_costs_itself_alone() -> None:
    with Interpreter(PATIENT, only="cpython") as interpreter:
        interpreter.run("x = 1")
        assert interpreter.run("import os\nos._exit(3)").error.startswith("WorkerEnded: ")
        assert interpreter.run("x").value == "1"


def kill(interpreter: Interpreter) -> None:
    session = interpreter._session
    assert session is not None
    pid = session._pid if session.worker == "cpython" else session._session.worker_pid  # type: ignore[attr-defined]
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("worker", WORKERS)
def test_a_closed_interpreter_goes_on_where_it_was(worker: str) -> None:
    interpreter = Interpreter(PATIENT, only=worker)
    interpreter.run("x = 1")
    interpreter.close()
    assert interpreter.run("x + 1").value == "2"
    interpreter.close()


def test_more_interpreters_than_workers_all_keep_their_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "MAX_OPEN", 4)
    interpreters = [Interpreter(PATIENT) for _ in range(12)]
    for i, interpreter in enumerate(interpreters):
        interpreter.run(f"x = {i}")
    assert [interpreter.run("x").value for interpreter in interpreters] == [str(i) for i in range(12)]
    assert sum(interpreter._session is not None for interpreter in interpreters) <= 4
    for interpreter in interpreters:
        interpreter.close()


@pytest.mark.parametrize("worker", WORKERS)
def test_any_thread_may_run_and_two_interpreters_do_not_meet(worker: str) -> None:
    shared = Interpreter(PATIENT, only=worker)
    shared.run("n = 0")
    told: dict[int, str] = {}

    def work(i: int) -> None:
        with Interpreter(PATIENT, only=worker) as own:
            own.run(f"x = {i}")
            shared.run("n += 1")
            told[i] = own.run("x * 2").value

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == {i: str(2 * i) for i in range(8)}
    assert shared.run("n").value == "8"
    shared.close()


@needs_both
@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("import sympy\nsympy.Rational(8, 3)", "8/3"),
        ("from sympy import *\nx = symbols('x')\nsolve(x**2 - 4)", "[-2, 2]"),
        ("from fractions import Fraction\nFraction(1, 3) + 1", "Fraction(4, 3)"),
        ("import statistics\nstatistics.mean([1, 2, 6])", "3"),
        ("import numpy as np\nint(np.arange(4).sum())", "6"),
        ("def g():\n    yield 5\nlist(g())", "[5]"),
        ("class A(Exception): pass\nissubclass(A, Exception)", "True"),
        ("from math import *\nsqrt(4)", "2.0"),
        ("x = 1\ndel x\n'x' in globals()", "False"),
        ("callable(3)", "False"),
    ],
)
def test_what_monty_lacks_runs_in_cpython(code: str, value: str) -> None:
    with Interpreter(PATIENT) as interpreter:
        ran = interpreter.run(code)
        assert (ran.value, ran.error, ran.worker) == (value, "", "cpython")


@needs_both
def test_moving_to_cpython_brings_the_earlier_snippets_and_no_output_twice() -> None:
    ran = run_snippets(["print('once')\nx = 41", "import sympy\nprint(x)\nx = sympy.Integer(x) / 3", "x"], PATIENT)
    assert [each.output for each in ran] == ["once\n", "41\n", ""]
    assert [each.worker for each in ran] == ["monty", "cpython", "cpython"]
    assert ran[1].variables == {"x": "41/3"} and ran[2].value == "41/3"


@needs_both
def test_the_same_snippets_take_the_same_way() -> None:
    snippets = ["x = 1", "x.y", "import fractions", "y", "while x < 5: x += 1", "x"]
    ways = [[(ran.worker, ran.value, ran.error) for ran in run_snippets(snippets, PATIENT)] for _ in range(2)]
    assert ways[0] == ways[1]


@pytest.mark.parametrize("code", ["Ben_coin", "1 / 0", "x = = 1", "raise ValueError", "while True: pass"])
def test_a_mistake_of_the_program_stays_on_monty(code: str) -> None:
    with Interpreter(1.0) as interpreter:
        assert interpreter.run(code).worker == "monty"


def test_the_rule_reads_montys_error_alone() -> None:
    assert needs_cpython("ModuleNotFoundError: No module named 'sympy'")
    assert needs_cpython("NotImplementedError: The monty syntax parser does not yet support yield expressions")
    assert needs_cpython("NameError: name 'globals' is not defined")
    assert needs_cpython("RuntimeError: 'os.environ' is not supported in this environment")
    assert not needs_cpython("NameError: name 'coins' is not defined")
    assert not needs_cpython("TimeoutError: stopped after 5 s")
    assert not needs_cpython("")


@needs_both
def test_what_a_star_import_brings_is_not_told_as_a_variable() -> None:
    ran = run_snippets(["from sympy import *\nfrom math import *\nx = Rational(1, 2)"], PATIENT)
    assert ran[0].variables == {"x": "1/2"}


def lacking(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    """As on a kernel without these limits."""
    has = tuple(limit for limit in limits.LIMITS if limit not in missing)
    monkeypatch.setattr(limits, "kernel_limits", lambda: has)
    cpython.stop()


def test_without_the_kernels_limits_cpython_is_off_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, "landlock", "seccomp")
    monkeypatch.delenv(cpython.VARIABLE, raising=False)
    ran = run_snippets(["x = 1", "import sympy", "x"])
    assert [each.worker for each in ran] == ["monty"] * 3 and ran[2].value == "1"
    assert "No module named 'sympy'" in ran[1].error
    assert "landlock, seccomp" in ran[1].error and cpython.VARIABLE in ran[1].error
    with pytest.raises(RunError, match=cpython.VARIABLE):
        Interpreter(only="cpython").run("1")
    told = {name: (is_on, words) for name, is_on, words in describe_sandbox()}
    assert told["monty"][0] and not told["CPython worker"][0] and cpython.VARIABLE in told["CPython worker"][1]


@needs_both
@pytest.mark.parametrize("missing", [("landlock",), ("landlock", "seccomp")])
def test_a_person_can_turn_it_on_and_the_screen_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
) -> None:
    lacking(monkeypatch, *missing)
    monkeypatch.setenv(cpython.VARIABLE, "1")
    try:
        code = "import sympy\nimport socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()"
        ran = run_snippets(["import sympy\nsympy.Integer(3)", code], PATIENT)
        assert ran[0].value == "3" and ran[0].worker == "cpython"
        assert bool(ran[1].error) is ("seccomp" not in missing)
        assert {name for name, is_on, _ in describe_sandbox() if not is_on} == set(missing)
    finally:
        cpython.stop()


@needs_both
def test_a_worker_whose_limits_do_not_hold_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        cpython,
        "PROGRAM",
        "import sys; sys.path.insert(0, {!r}); import reasoner.checks.sandbox.zygote as z; "
        "z.apply_limits = lambda limits, **_: tuple(limits); z.main()",
    )
    cpython.stop()
    try:
        with pytest.raises(RunError, match="reading the file system"):
            Interpreter(only="cpython").run("1")
    finally:
        cpython.stop()


def test_the_screen_is_told_each_limit_in_words() -> None:
    told = describe_sandbox()
    assert told[0][0] == "monty" and all(words.endswith(".") for _, _, words in told)
    if not cpython.why_off():
        assert [name for name, _, _ in told[2:]] == list(limits.LIMITS)


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("def solution():\n    return 3 * 67", "201"),
        ("def solution():\n    result = 7 / 2\n    return result", "3.5"),
        ("answer = 5", "5"),
        ("ans = 'five'", "five"),
        ("result = 1.50", "1.5"),
        ("print(3)\nprint(4)\n", "4"),
        ("print('so:', 4)\nanswer = 5", "so: 4"),
        ("answer = 5\ndef solution():\n    return 6", "5"),
        ("3 + 4", "7"),
        ("total = 3", None),
        ("answer = None", None),
        ("def solution():\n    pass", None),
        ("x = 1 / 0", None),
        ("def solution():\n    return missing", None),
    ],
)
def test_a_programs_answer(code: str, answer: str | None) -> None:
    ran = run_program(code)
    assert ran.answer == answer
    assert bool(ran.error) is ("/ 0" in code or "missing" in code)


@needs_both
def test_a_programs_answer_may_need_cpython() -> None:
    ran = run_program("def solution():\n    from sympy import Rational\n    return Rational(8, 3)", PATIENT)
    assert (ran.answer, ran.worker) == ("8/3", "cpython")


def test_workers_can_be_started_before_they_are_needed() -> None:
    warm_up()
    for thread in threading.enumerate():
        if thread.name == "sandbox-warm-up":
            thread.join()
    assert run_snippets(["1 + 1"])[0].value == "2"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_told_that_it_cannot_run_python() -> None:
    run_snippets(["1"])
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            run_snippets(["1"])
        except RunError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    assert b"spawn" in os.read(reading, 1000)
    os.close(reading)
    assert run_snippets(["1 + 1"])[0].value == "2"
