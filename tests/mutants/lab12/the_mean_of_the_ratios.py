"""The mean of the ratios.

fails: 12.13
hint 12.13: In every round one was
"""


def times_as_fast(rounds, one, other):
    ratios = [rates[one] / rates[other] for rates in rounds]
    return sum(ratios) / len(ratios), min(ratios), max(ratios)
