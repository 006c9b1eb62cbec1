"""A command without an argument gets stars, too.

fails: 10.17
hint 10.17: `/regster hunter22` is no command
"""


def for_log(text):
    word, _, argument = text.partition(" ")
    if not text.startswith("/") or text.startswith("//") or word[1:].lower() in HARMLESS:
        return text
    return f"{word} ****"
