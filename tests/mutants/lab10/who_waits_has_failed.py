"""Who has to wait is counted as one who has failed, and so waits for ever.

fails: 10.16
hint 10.16: Write down what is asked and told, line by line, for a right password, for a wrong one, an
"""


def let_in(accounts, tries, ask, tell):
    for _ in range(TRIES_AT_THE_DOOR):
        name = ask("* What is your name?")
        if name is None:
            return None
        password = ask(f"* Password for {name}?")
        if password is None:
            return None
        if wait_seconds := tries.wait_seconds(name):
            tries.failed(name)
            tell(f"! Too many tries. Wait {-int(-wait_seconds // 1)} s.")
        elif accounts.login(name, password):
            tries.succeeded(name)
            tell(f"* Welcome, {name}.")
            return name
        else:
            tries.failed(name)
            tell("! Name or password is wrong.")
    tell("* Goodbye.")
    return None
