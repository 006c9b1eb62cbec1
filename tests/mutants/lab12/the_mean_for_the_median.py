"""What is called the median is the mean.

fails: 12.1
hint 12.1: Take five values by hand,
"""


def percentile(values, percent):
    if percent == 50:
        return sum(values) / len(values)
    rank = math.ceil(percent * len(values) / 100)
    return sorted(values)[rank - 1]
