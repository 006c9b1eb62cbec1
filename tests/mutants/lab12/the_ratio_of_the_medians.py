"""The median of one by the median of the other, across all rounds.

fails: 12.13
hint 12.13: In every round one was
"""


def times_as_fast(rounds, one, other):
    ratios = [rates[one] / rates[other] for rates in rounds]
    medians = [percentile([rates[name] for rates in rounds], 50) for name in (one, other)]
    return medians[0] / medians[1], min(ratios), max(ratios)
