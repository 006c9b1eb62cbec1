"""The value in the middle of a list in disorder.

fails: 12.1
hint 12.1: Take five values by hand,
"""


def percentile(values, percent):
    rank = math.ceil(percent * len(values) / 100)
    return values[rank - 1]
