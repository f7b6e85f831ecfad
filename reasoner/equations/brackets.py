"""Brackets: which closes which, and LaTeX's fractions written out with them."""

from reasoner.equations.tokens import Token


def partners(tokens: list[Token]) -> dict[int, int]:
    """Index of each opening bracket → index of the one that closes it, and back; one without a partner is missing."""
    partner: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "open":
            stack.append(index)
        elif token.kind == "close" and stack:
            opened = stack.pop()
            partner[opened], partner[index] = index, opened
    return partner


def write_fractions(tokens: list[Token]) -> list[Token]:
    """LaTeX's fractions as quotients in brackets: \\\\frac{a}{b} → ((a)/(b))."""
    if not any(token.kind == "fraction" for token in tokens):
        return tokens
    partner = partners(tokens)
    before: dict[int, list[Token]] = {}
    after: dict[int, list[Token]] = {}
    replaced: dict[int, Token] = {}
    for index, token in enumerate(tokens):
        if token.kind != "fraction":
            continue
        first_close = partner.get(index + 1, len(tokens))
        second_close = partner.get(first_close + 1, 0)
        if second_close <= first_close:
            replaced[index] = Token("word", "\\frac", token.start, token.end)
            continue
        end = tokens[second_close].end
        replaced[index] = Token("open", "(", token.start, token.end)
        before.setdefault(first_close + 1, []).append(
            Token("operator", "/", tokens[first_close].end, tokens[first_close].end)
        )
        after.setdefault(second_close, []).append(Token("close", ")", end, end))
    out: list[Token] = []
    for index, token in enumerate(tokens):
        out += [*before.get(index, []), replaced.get(index, token), *after.get(index, [])]
    return out
