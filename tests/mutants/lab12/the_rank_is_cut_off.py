"""The rank is cut off, and not rounded up.

fails: 12.1
hint 12.1: Take five values by hand,
"""


def percentile(values, percent):
    rank = max(1, int(percent * len(values) / 100))
    return sorted(values)[rank - 1]
