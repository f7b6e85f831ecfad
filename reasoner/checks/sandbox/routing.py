"""Which worker a snippet needs.

Every trace begins on monty. When monty says that it lacks something (a module, a piece of syntax, a built-in, an
attribute), the trace moves to the CPython worker for good: its earlier snippets are run again there, then this one.
The rule reads monty's error and nothing else, so the same snippets always take the same way.

    needs_cpython("ModuleNotFoundError: No module named 'sympy'")            → True
    needs_cpython("NameError: name 'callable' is not defined")               → True: a built-in of Python
    needs_cpython("NameError: name 'Ben_coins' is not defined")              → False: the program's own mistake
    needs_cpython("ZeroDivisionError: division by zero")                     → False

Not covered: where monty has a thing but differs from CPython, monty's result stands (round(2.675, 2) is 2.68 in
monty 1.4 and 2.67 in CPython). A program that catches the error itself (`except ImportError`) stays on monty.
"""

import builtins
import re

LACKS = (
    "ModuleNotFoundError:",
    "ImportError:",
    "NotImplementedError: The monty",
    "NotImplementedError: Wildcard imports",
    "RuntimeError: Internal error in monty",
    "AttributeError:",  # cheap to try again; a mistake of the program gives the same error in CPython
)
UNSUPPORTED = re.compile(r"is not (?:yet )?(?:supported|implemented)", re.IGNORECASE)
UNKNOWN_NAME = re.compile(r"NameError: name '(\w+)' is not defined")
NAMES = frozenset(dir(builtins)) | {"exit", "quit", "__builtins__", "__file__"}


def needs_cpython(error: str) -> bool:
    """Does this error of monty's mean that monty lacks something which CPython has?"""
    name = UNKNOWN_NAME.match(error)
    if name:
        return name[1] in NAMES
    return error.startswith(LACKS) or bool(UNSUPPORTED.search(error))
