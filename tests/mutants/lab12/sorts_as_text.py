"""The values are compared as texts: 7 comes after 1000.

fails: 12.1
hint 12.1: Take five values by hand,
"""


def percentile(values, percent):
    rank = math.ceil(percent * len(values) / 100)
    return sorted(values, key=str)[rank - 1]
