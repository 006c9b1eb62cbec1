"""Nothing is added.

fails: 9.17
hint 9.17: Somebody types text, `/msg bob psst`, `/MSG bob psst`,
"""


def keep(history, name, text):
    if split_command(text) is not None or not text.strip():
        return None
    return text[1:] if text.startswith("//") else text
