"""Where model-written Python runs: never in our process, always in a worker that can be killed.

snippet.py    what running a snippet gave          splitting.py  the last expression of a snippet
routing.py    which worker a snippet needs         monty.py      pydantic-monty's workers, the default
cpython.py    CPython's workers, from our side     zygote.py     the process they are forked from
child.py      a worker, from inside                frames.py     messages between the two
limits.py     what a worker shuts for itself       landlock.py  seccomp.py  libc.py  the kernel's part of it
"""
