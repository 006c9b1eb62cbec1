"""statistics.median makes a new value out of the two in the middle.

fails: 12.2
hint 12.2: Of a hundred values, which
"""

import statistics


def percentile(values, percent):
    if percent == 50:
        return statistics.median(values)
    rank = math.ceil(percent * len(values) / 100)
    return sorted(values)[rank - 1]
