"""The rank is taken for an index, and a list counts from 0 on.

fails: 12.2
hint 12.2: Of a hundred values, which
"""


def percentile(values, percent):
    place = int(percent * len(values) / 100)
    return sorted(values)[min(place, len(values) - 1)]
