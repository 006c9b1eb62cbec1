"""The first round is taken for the warm-up, and not measured.

fails: 12.12
hint 12.12: Write down in which order
"""


def by_turns(measure_one, names, rounds):
    return [{name: measure_one(name) for name in names} for _ in range(1, rounds)]
