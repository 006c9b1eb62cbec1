"""How many times as slow.

fails: 12.13
hint 12.13: In every round one was
"""


def times_as_fast(rounds, one, other):
    ratios = [rates[other] / rates[one] for rates in rounds]
    return percentile(ratios, 50), min(ratios), max(ratios)
