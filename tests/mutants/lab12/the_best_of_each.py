"""The best round of one by the best round of the other.

fails: 12.13
hint 12.13: In every round one was
"""


def times_as_fast(rounds, one, other):
    ratios = [rates[one] / rates[other] for rates in rounds]
    return max(rates[one] for rates in rounds) / max(rates[other] for rates in rounds), min(ratios), max(ratios)
