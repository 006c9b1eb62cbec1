"""Lab 99, judged: names under simultaneous claims."""

from __future__ import annotations

from chatlab.grading.checks import check, same
from chatlab.grading.races import came_of

LAB = "lab99_names.py"
SHARED = ("Names", [])


@check("99.1", 1, "A name is given out once.", hints=["What does the second one who asks for a name get?"])
def test_a_name_is_given_once(code, did):
    """claim() gives a free name, and refuses one that is taken."""
    names = code.Names()
    same(names.claim("ana"), True, "claim('ana')")
    did("ana has her name")
    same(names.claim("ana"), False, "claim('ana') once more")
    same(names.release("ana"), True, "release('ana')")
    same(names.release("ana"), False, "release('ana') once more")
    same(names.all(), [], "all()")


@check(
    "99.2",
    2,
    "A name is given out once, also when two ask at one moment.",
    needs="99.1",
    hints=["Between the look and the insert another thread may have its turn.", "Hold the lock for both."],
)
def test_two_claim_one_name(races):
    """Of two threads that claim one name, one gets it."""
    for outcome in races(SHARED, {"ana": ("claim", ["x"]), "bob": ("claim", ["x"])}, ("all", [])):
        if sorted(result.value for result in outcome.results.values()) != [False, True]:
            raise came_of(outcome, "Both threads claimed one name, and just one of them should have it.")


@check(
    "99.3",
    2,
    "No claim is lost from the count.",
    needs="99.1",
    hints=["`count += 1` reads, adds and writes: three steps, and between them others may have theirs."],
)
def test_no_claim_is_lost(races):
    """Each claim is counted, whoever claims at the same moment."""
    for outcome in races(SHARED, {"ana": ("claim", ["a"]), "bob": ("claim", ["b"])}, ("state", [])):
        if outcome.observation != [["a", "b"], 2]:
            raise came_of(outcome, "Two claims were made, of two names.")


@check(
    "99.4",
    2,
    "A list of names can be asked for while others come and go.",
    needs="99.1",
    hints=["A dictionary must not change while somebody walks it."],
)
def test_names_are_listed_while_others_come(races):
    """all() returns the names while others claim and release."""
    jobs = {"ana": ("claim", ["a"]), "bob": ("all", []), "carla": ("claim", ["c"])}
    for outcome in races(SHARED, jobs, ("all", [])):
        seen = outcome.results["bob"].value
        if not isinstance(seen, list) or not set(seen) <= {"a", "c"}:
            raise came_of(outcome, "all() gave something that was never true.")
