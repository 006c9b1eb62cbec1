"""Between two values one is computed that nobody has measured.

fails: 12.2
hint 12.2: Of a hundred values, which
"""


def percentile(values, percent):
    place = percent / 100 * (len(values) - 1)
    low = int(place)
    ordered = sorted(values)
    if place == low:
        return ordered[low]
    return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])
