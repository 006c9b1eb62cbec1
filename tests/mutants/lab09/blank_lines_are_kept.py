"""A blank line is something that was said.

fails: 9.17
hint 9.17: Somebody types text, `/msg bob psst`, `/MSG bob psst`,
"""


def keep(history, name, text):
    if split_command(text) is not None:
        return None
    said = text[1:] if text.startswith("//") else text
    history.add(name, said)
    return said
