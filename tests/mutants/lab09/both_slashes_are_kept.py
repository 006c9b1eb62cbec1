"""Of two slashes both are said.

fails: 9.17
hint 9.17: Somebody types text, `/msg bob psst`, `/MSG bob psst`,
"""


def keep(history, name, text):
    if split_command(text) is not None or not text.strip():
        return None
    history.add(name, text)
    return text
