"""Who leaves has no deadline.

fails: 11.17
hint 11.17: You have said goodbye. What still waits for
"""


class LoopServer:
    def leave(self, guest, how=LOST):
        if guest.stage == TALKING:
            self.room.leave(guest.name, how)
        if guest.stage != LEAVING:
            guest.stage = LEAVING
            guest.deadline = None
