"""What was missed is left out.

fails: 12.5
hint 12.5: The server has stalled for
"""


def due(began, pace, said, now):
    moments = []
    while (moment := began + (said + len(moments)) / pace) <= now:
        moments.append(moment)
    return moments[-1:]
