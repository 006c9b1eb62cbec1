"""Blanks around what is said are taken away.

fails: 9.17
hint 9.17: Somebody types text, `/msg bob psst`, `/MSG bob psst`,
"""


def keep(history, name, text):
    if split_command(text) is not None or not text.strip():
        return None
    said = text[1:] if text.startswith("//") else text
    history.add(name, said.strip())
    return said.strip()
