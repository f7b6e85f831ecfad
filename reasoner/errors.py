"""Every error a person may meet, each with words that say what to do next.

WorkbenchError            anything below; a tab shows its text, the command line prints it and exits 2
├── BadInput              a value, file or line that cannot be used as it is
├── StoreError            the store cannot be opened, read or written
├── EngineError           a model or server cannot be loaded or does not answer
└── RunError              a training run cannot start, go on or be read
"""


class WorkbenchError(Exception):
    """Base of all errors whose text is meant for the person in front of the screen."""

    prompts: tuple[str, ...] = ()  # those that an engine could not complete, where it knows; it keeps the others' texts


class BadInput(WorkbenchError):
    """A value, file or line that cannot be used as it is."""


class StoreError(WorkbenchError):
    """The store cannot be opened, read or written."""


class EngineError(WorkbenchError):
    """A model or server cannot be loaded or does not answer."""


class RunError(WorkbenchError):
    """A training run cannot start, go on or be read."""
