"""The percentage is taken of the last index, and p99 of twenty values is not the greatest.

fails: 12.2
hint 12.2: Of a hundred values, which
"""


def percentile(values, percent):
    return sorted(values)[(len(values) - 1) * percent // 100]
