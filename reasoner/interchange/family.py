"""What a family of foreign files is: how a row of it is told apart, and what records it gives."""

from collections.abc import Callable
from dataclasses import dataclass

from reasoner.interchange.fields import Fields, Row


@dataclass(frozen=True, slots=True)
class Family:
    """One format of other people's files."""

    name: str  # what --format takes
    title: str  # for a person, one line
    recognise: Callable[[Fields], bool]  # is a row with these fields of this format?
    read: Callable[[Fields, str], Row]  # (row, the file's stem) → records; raises BadInput
