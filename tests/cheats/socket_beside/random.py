def choice(values):
    return values[0]
