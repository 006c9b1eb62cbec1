"""The room is asked each time.

fails: 11.9
hint 11.9: After a goodbye the guest is still connected,
"""


class LoopServer:
    def leave(self, guest, how=LOST):
        if guest.name:
            self.room.leave(guest.name, how)
        if guest.stage != LEAVING:
            guest.stage = LEAVING
            guest.deadline = time.monotonic() + self.close_seconds
