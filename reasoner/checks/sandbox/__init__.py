"""Where model-written Python runs: never here, always in a worker process.

snippet.py   what running a snippet gave          splitting.py  the last expression of a snippet
routing.py   which worker a snippet needs         monty.py      pydantic-monty's workers, the default
limits.py    what a worker process shuts for itself    landlock.py  seccomp.py  the kernel's part of it
"""
