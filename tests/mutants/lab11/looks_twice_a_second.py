"""The loop wakes up twice a second, and looks.

fails: 11.13
hint 11.13: Nobody says anything. How often does your loop
"""


class LoopServer:
    def seconds_left(self):
        return 0.5
