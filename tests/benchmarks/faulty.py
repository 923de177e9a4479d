"""A bare loop that loses or spoils results, and a run of the benchmarks with it: their checks must see it.

python -m tests.benchmarks.faulty run FAULT ARGUMENTS...    the benchmarks' command line, "bare" being the faulty one
python -m tests.benchmarks.faulty FAULT PATH PROCESSES      its worker; a fault is lose, spoil or die
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from benchmarks import bare
from benchmarks.__main__ import main
from benchmarks.contestants import BARE

VICTIM = b'"result":7,'


class Faulty(bare.Loop):
    fault = ""

    def settle(self, results, claimed):
        if self.fault == "die":
            os._exit(3)
        if self.fault == "lose":
            results = [row for row in results if VICTIM not in row[1]]
        if self.fault == "spoil":
            results = [(task_id, document.replace(VICTIM, b'"result":8,')) for task_id, document in results]
        super().settle(results, claimed)


if __name__ == "__main__":
    if sys.argv[1] == "run":
        worker = (sys.executable, "-m", "tests.benchmarks.faulty", sys.argv[2], "{folder}/bare.db", "2")
        sys.exit(main(sys.argv[3:], {"bare": replace(BARE, worker=worker)}))
    Faulty.fault = sys.argv[1]
    bare.Loop = Faulty
    bare.main(sys.argv[2], int(sys.argv[3]))
