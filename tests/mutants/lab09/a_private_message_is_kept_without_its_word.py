"""What is whispered is kept, too, so that it can be found again.

fails: 9.17
hint 9.17: Somebody types text, `/msg bob psst`, `/MSG bob psst`,
"""


def keep(history, name, text):
    command = split_command(text)
    if command is not None and command[0] == "msg":
        history.add(name, command[1])
        return None
    if command is not None or not text.strip():
        return None
    said = text[1:] if text.startswith("//") else text
    history.add(name, said)
    return said
