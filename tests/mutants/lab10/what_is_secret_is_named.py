"""The secret commands are named, and a misspelled one is none of them.

fails: 10.17
hint 10.17: `/regster hunter22` is no command
"""


def for_log(text):
    word, _, argument = text.partition(" ")
    if word.lower() not in ("/register", "/password", "/unregister", "/msg") or not argument.strip(" "):
        return text
    return f"{word} ****"
