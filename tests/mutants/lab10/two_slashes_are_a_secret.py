"""A slash that is said is taken for a command.

fails: 10.17
hint 10.17: `/regster hunter22` is no command
"""


def for_log(text):
    word, _, argument = text.partition(" ")
    if not text.startswith("/") or word[1:].lower() in HARMLESS or not argument.strip(" "):
        return text
    return f"{word} ****"
