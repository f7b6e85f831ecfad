"""The store: one SQLite file, behind one class. The only SQL of the project.

    with Store("store.sqlite") as store:
        store.add_problems([problem])

store.py is the class; schema.py opens and migrates the file, rows.py turns rows into records and back, the others hold
one subject each: find, labels, keypoints, gold, values, agreement.
"""

from reasoner.store.find import ProblemRow
from reasoner.store.store import Row, Store

__all__ = ["ProblemRow", "Row", "Store"]
