"""What lab 12 is given in place of a clock and of machines whose speed drifts.

Runs in the student's process, with the standard library alone.
"""


class Clock:
    """A clock that stands still until somebody sets it, and counts who has looked at it."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.reads = 0

    def __call__(self):
        self.reads += 1
        return self.seconds

    def set(self, seconds):
        self.seconds = seconds

    def reads_so_far(self):
        return self.reads


def how_many_blocks(blocks, lines, receivers):
    """Return how many different objects the blocks for these receivers are."""
    found = blocks([tuple(pair) for pair in lines], receivers)
    return len({id(block) for block in found.values()})


def is_left_alone(percentile, values, percent):
    """Return whether the values are afterwards as they were."""
    before = list(values)
    percentile(values, percent)
    return values == before


class Contest:
    """Measures contestants whose rates are known, and keeps who was measured when."""

    def __init__(self, rates):
        self.rates = {name: list(some) for name, some in rates.items()}
        self.calls = []

    def measure_one(self, name):
        self.calls.append(name)
        if not self.rates.get(name):
            raise ValueError(f"{name!r} is measured once more than there are rounds")
        return self.rates[name].pop(0)
