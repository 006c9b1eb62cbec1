"""A line is due when there is time to say it.

fails: 12.4
hint 12.4: Say the moments of the
"""


def due(began, pace, said, now):
    moments = []
    while (moment := began + (said + len(moments)) / pace) <= now:
        moments.append(now)
    return moments
