"""The room is asked to let somebody leave who was never in it.

fails: 11.9
hint 11.9: After a goodbye the guest is still connected,
"""


class LoopServer:
    def leave(self, guest, how=LOST):
        if guest.stage != LEAVING:
            self.room.leave(guest.name, how)
            guest.stage = LEAVING
            guest.deadline = time.monotonic() + self.close_seconds
