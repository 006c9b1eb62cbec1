"""The median alone.

fails: 12.13
hint 12.13: In every round one was
"""


def times_as_fast(rounds, one, other):
    ratios = [rates[one] / rates[other] for rates in rounds]
    return percentile(ratios, 50)
