"""What was loaded is kept from every search for garbage; what a run leaves behind is not."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc, weakref
from hemato_edge.cli.collection import pause_collection, resume_collection

class Run:
    def __init__(self):
        self.itself = self

pause_collection()
loaded = Run()
resume_collection()
frozen = gc.get_freeze_count()
seen = weakref.ref(Run())
resume_collection()  # as a run that begins anew does
assert gc.get_freeze_count() <= frozen
gc.collect()
print(gc.isenabled(), frozen > 0, seen() is None)
"""


def test_a_run_that_begins_anew_keeps_nothing_of_the_one_before() -> None:
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True"] * 3
