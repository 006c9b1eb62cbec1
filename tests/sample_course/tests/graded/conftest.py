"""The graded tests take their fixtures and verdicts from chatlab.grading.plugin."""

from chatlab.grading.plugin import *  # noqa: F403
from chatlab.grading.plugin import (  # noqa: F401  (star leaves out nothing that pytest looks for; these are for readers)
    code,
    did,
    net,
    races,
    random,
    stand_ins,
)
