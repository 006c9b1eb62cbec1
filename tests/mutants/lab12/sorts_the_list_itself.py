"""The list that was given is in another order afterwards.

fails: 12.1
hint 12.1: Take five values by hand,
"""


def percentile(values, percent):
    rank = math.ceil(percent * len(values) / 100)
    values.sort()
    return values[rank - 1]
