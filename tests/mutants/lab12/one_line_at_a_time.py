"""Who comes late says one line, and the others come later still.

fails: 12.5
hint 12.5: The server has stalled for
"""


def due(began, pace, said, now):
    moment = began + said / pace
    return [moment] if moment <= now else []
