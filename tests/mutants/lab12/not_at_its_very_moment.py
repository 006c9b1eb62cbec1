"""At its very moment a line is not yet due.

fails: 12.4
hint 12.4: Say the moments of the
"""


def due(began, pace, said, now):
    moments = []
    while (moment := began + (said + len(moments)) / pace) < now:
        moments.append(moment)
    return moments
