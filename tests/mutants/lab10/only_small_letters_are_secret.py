"""Harmless words are looked for as they were typed.

fails: 10.17
hint 10.17: `/regster hunter22` is no command
"""


def for_log(text):
    word, _, argument = text.partition(" ")
    if not text.startswith("/") or text.startswith("//") or word[1:] in HARMLESS or not argument.strip(" "):
        return text
    return f"{word} ****"
