"""If there is nothing to show, no line says so.

fails: 9.16
hint 9.16: Which rows are there, what does each function return, and
"""


def shown(lines):
    return [f"* {name}: {text}" for name, text in lines]
