"""The line that comes next is due already.

fails: 12.4
hint 12.4: Say the moments of the
"""


def due(began, pace, said, now):
    until = int((now - began) * pace) + 2
    return [began + number / pace for number in range(said, until)]
