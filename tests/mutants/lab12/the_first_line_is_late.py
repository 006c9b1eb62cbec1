"""The lines are counted from 1 on, and the first is due a step too late.

fails: 12.4
hint 12.4: Say the moments of the
"""


def due(began, pace, said, now):
    moments = []
    while (moment := began + (said + 1 + len(moments)) / pace) <= now:
        moments.append(moment)
    return moments
