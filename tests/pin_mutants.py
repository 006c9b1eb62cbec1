"""Write down what students read of each mutant: python tests/pin_mutants.py [lab02] [NAME ...]

For whoever has changed a check, a hint or a mutant on purpose. Read the difference before it is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path

from chatlab.grading.catalog import find_course
from chatlab.grading.matrix import JOBS, complaints, judge_all, mutants, what_a_student_reads
from chatlab.grading.preloaded import Pool

if __name__ == "__main__":
    course = find_course(Path(__file__))
    asked = sys.argv[1:]
    labs = [word for word in asked if word.startswith("lab")] or [""]
    names = [word for word in asked if not word.startswith("lab")]
    which = [one for lab in labs for one in mutants(course, lab) if not names or one.name in names]
    with Pool(course, JOBS) as workers:
        for mutant, grade in judge_all(course, which, workers):
            mutant.pinned.write_text(what_a_student_reads(grade.checks), encoding="utf-8", newline="\n")
            print(f"{mutant.lab.key} {mutant.name}", *complaints(mutant, grade), sep="\n    ")
