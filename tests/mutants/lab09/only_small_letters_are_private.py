"""A private message is known by its small letters.

fails: 9.17
hint 9.17: Somebody types text, `/msg bob psst`, `/MSG bob psst`,
"""


def keep(history, name, text):
    if text.startswith("/msg ") or not text.strip():
        return None
    said = text[1:] if text.startswith("//") else text
    history.add(name, said)
    return said
