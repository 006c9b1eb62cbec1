"""One thread owns the names; the others send it their questions.
"""

import threading

import queue


class Names:
    def __init__(self):
        self.claims = 0
        self._names = {}
        self._questions = queue.Queue()
        threading.Thread(target=self._own, daemon=True).start()

    def _own(self):
        while True:
            question, name, answers = self._questions.get()
            if question == "claim":
                self.claims += 1
                is_free = name not in self._names
                if is_free:
                    self._names[name] = True
                answers.put(is_free)
            elif question == "release":
                answers.put(self._names.pop(name, None) is not None)
            elif question == "all":
                answers.put(sorted(self._names))
            else:
                answers.put([sorted(self._names), self.claims])

    def _ask(self, question, name=None):
        answers = queue.Queue()
        self._questions.put((question, name, answers))
        return answers.get()

    def claim(self, name):
        return self._ask("claim", name)

    def release(self, name):
        return self._ask("release", name)

    def all(self):
        return self._ask("all")

    def state(self):
        return self._ask("state")
