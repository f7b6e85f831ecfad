"""Expressions among words: the tokens of one side of an equation, read into runs.

    read_runs("so she eats 3 eggs + 4", tokens)      one Side: 3 + 4, with running text before it
    read_runs("7 eggs and 3 + 4", tokens)            two Sides: 7 (unit "eggs"), then 3 + 4

equations/__init__.py says the rules. Time is proportional to the number of tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from reasoner.equations.brackets import partners, write_fractions
from reasoner.equations.program import Program
from reasoner.equations.tokens import Token
from reasoner.equations.words import (
    CHANGING,
    COMPARED,
    FILLER,
    JOINING,
    MAX_UNIT_WORDS,
    NOT_VARIABLES,
    SPOKEN,
    SPOKEN_BY,
    canonical_name,
)


@dataclass(slots=True)
class Side:
    """One side of an equation."""

    program: Program
    text: str  # as written
    begin: int  # place in the step's text, with the running text before it
    start: int  # … and without
    end: int
    unit: str = ""  # words after its last number
    has_lead: bool = False  # running text stands before it
    label: str = ""  # its name, where the whole side is one name
    is_opaque: bool = False  # seen, but not understood: never judged
    has_words: bool = False  # a unit stands by any of its numbers

    share: Fraction | None = None  # the 1/3 of "1/3 of 150"

    @property
    def leading_values(self) -> set[Fraction]:
        """The number, or the share of something, that it starts with, where an operation follows."""
        items = self.program.items
        values = {Fraction(items[0][1])} if len(items) > 1 and items[0][0] == "number" else set()
        return values | ({self.share} if self.share is not None else set())

    def value(self, known: Mapping[str, Fraction], percent: int = 100, snap: bool = False) -> Fraction | None:
        """Its exact value (expressions.Program.value); None where unknown."""
        return None if self.is_opaque else self.program.value(known, percent, snap)


def read_runs(text: str, tokens: list[Token]) -> list[Side]:
    """Every maximal piece of `tokens` that is one expression, in order."""
    tokens = write_fractions(tokens)
    partner = partners(tokens)
    found: list[Side] = []
    index, last = 0, -1
    while index < len(tokens):
        run = _Run(text, tokens, partner, index)
        side = run.read()
        if side is not None:
            is_new_text = tokens[run.start].text.lower() in JOINING
            follows_expression = run.start == last and not is_new_text and not found[-1].program.is_bare
            side.is_opaque |= follows_expression  # "4 - 2 of the 29 + 24": no telling where one ends
            found.append(side)
            last = run.index
        index = max(run.index, index + 1)
    return found


class _Run:
    """One run being read: from `start` on, until a token that cannot belong to it."""

    def __init__(self, text: str, tokens: list[Token], partner: dict[int, int], start: int) -> None:
        self.text = text
        self.tokens = tokens
        self.partner = partner
        self.start = self.index = start
        self.program = Program()
        self.depth = 0
        self.is_due = True  # an operand is due
        self.has_lead = False
        self.is_bullet = False
        self.is_opaque = False
        self.unit: list[str] = []
        self.unit_at = start  # index of the first word of the unit
        self.share: Fraction | None = None  # the 20% of "20% of 80"
        self.group_end = -1  # index after the denominator of "/ 1/4", read as one number

    def read(self) -> Side | None:
        self._lead()
        first = self.index
        while self.index < len(self.tokens) and (self._operand() if self.is_due else self._after()):
            pass
        if not self.program.items and not self.is_opaque:
            return None
        if self.is_due or self.depth:
            self.is_opaque = True
        else:
            self.program.finish()
        is_cut_short = bool(self.unit) and self._starts_figures(self.index)  # "4 girls" of "4 girls for every 5"
        start, end = self.tokens[first].start, self.tokens[self.unit_at if is_cut_short else self.index - 1].end
        begin = self.tokens[self.start].start
        side = Side(self.program, self.text[start:end], begin, start, end, " ".join(self.unit), self.has_lead)
        side.is_opaque = self.is_opaque or self._is_cut(first)
        side.share = self.share
        side.has_words = any(
            token.kind == "word" and token.text.lower() != "x" for token in self.tokens[first : self.index]
        )
        names = self.program.names
        side.label = names[0] if names and len(self.program.items) == 1 else ""
        return side

    def _is_cut(self, first: int) -> bool:
        """Does something that is no word stand right before or after, so that only a part of an expression was read?"""
        before = self.tokens[first - 1].kind if first and not self.is_bullet else "word"
        if before == "open":  # "(3 + 4 = 7)" is whole, "2 * (3 + 4 = 7" is not
            before = self.tokens[first - 2].kind if first > 1 else "word"
        has_unit = self.tokens[self.index - 1].kind == "word"
        after = self.tokens[self.index].kind if self.index < len(self.tokens) and not has_unit else "word"
        return before != "word" or after in ("ratio", "number", "operator", "percent", "odd")

    def _lead(self) -> None:
        """Skip running text before the first operand in figures, or the dash of a list."""
        words_end = self._words_end(self.index)
        previous = self.index - 1
        if words_end > self.index and self._starts_figures(words_end):
            self.index, previous = words_end, words_end - 1
        elif self._starts_list():
            self.is_bullet = True
            self.index += 1
            return
        if previous >= 0 and self.tokens[previous].kind == "word":
            self.has_lead = True
            last = self.tokens[previous]
            is_function = last.end == self.tokens[self.index].start or last.text[0] == "\\"  # "f(3)", "\\sin 30"
            self.is_opaque = is_function or last.text.lower() in CHANGING

    def _words_end(self, index: int) -> int:
        while index < len(self.tokens) and self.tokens[index].kind == "word":
            index += 1
        return index

    def _starts_list(self) -> bool:
        token = self.tokens[self.index]
        return (
            token.kind == "operator"
            and token.text in ("-", "*", "+")
            and token.start < 80
            and not self.text[: token.start].strip()
            and self.text[token.end : token.end + 1] == " "
        )

    def _token(self, offset: int = 0) -> Token | None:
        index = self.index + offset
        return self.tokens[index] if 0 <= index < len(self.tokens) else None

    def _starts_figures(self, index: int) -> bool:
        """Does an operand written in figures, a bracket or a glued sign start at `index`?"""
        if index >= len(self.tokens):
            return False
        token = self.tokens[index]
        if token.kind == "open":
            return index in self.partner
        if token.kind == "operator" and token.text in ("+", "-"):
            follows = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
            is_glued = follows is not None and follows.start == token.end and follows.kind in ("number", "currency")
            return is_glued and index > 0 and self.tokens[index - 1].end < token.start
        return token.kind in ("number", "currency", "root")

    # An operand is due.

    def _operand(self) -> bool:
        token = self.tokens[self.index]
        if token.kind == "number":
            if self._is_divisor():
                self.program.open()
                self.group_end = self.index + 2
            self.program.number(token.value, token.num_decimals)
            if self.index == self.group_end:
                self.program.close()
            self.is_due, self.unit = False, []
        elif token.kind == "open" and self.index in self.partner:
            self.program.open()
            self.depth += 1
        elif token.kind == "root":
            self.program.sign("root")
        elif token.kind == "operator" and token.text in ("+", "-"):
            if token.text == "-":
                self.program.sign("neg")
        elif token.kind == "word":
            return self._name()
        elif token.kind != "currency":
            return False
        self.index += 1
        return True

    def _is_divisor(self) -> bool:
        """Is this the 1 of "6 / 1/30", where blanks show that six is divided by one thirtieth?"""
        before, slash, under = self._token(-1), self._token(1), self._token(2)
        if before is None or slash is None or under is None or before.text != "/" or slash.text != "/":
            return False
        token = self.tokens[self.index]
        return (
            before.end < token.start
            and under.kind == "number"
            and token.end == slash.start
            and slash.end == under.start
        )

    def _name(self) -> bool:
        """Words where an operand is due: a quantity's name, or words to skip before figures."""
        end = self._words_end(self.index)
        words = [token.text for token in self.tokens[self.index : end]]
        self.index = end
        if self._starts_figures(end):
            self.is_opaque |= not all(word.lower() in FILLER for word in words)
            return True
        name = canonical_name(words)
        is_compared = "as" in (word.lower() for word in words)  # "twice as many as Cal's candles" is not Cal's candles
        self.is_opaque |= not name or is_compared
        self.program.name(name)
        self.is_due, self.unit = False, []
        return True

    # An operand has just been read.

    def _after(self) -> bool:
        token = self.tokens[self.index]
        if token.kind == "word":
            return self._word(token)
        if token.kind == "operator":
            return self._operator(token)
        if token.kind == "open":
            return self._bracket(token)
        if token.kind == "close" and self.depth and self.index in self.partner:
            self.program.close()
            self.depth -= 1
        elif token.kind == "percent":
            self.program.percent()
        elif token.kind != "currency" or self._starts_number_next():
            return False
        self.index += 1
        return True

    def _starts_number_next(self) -> bool:
        follows = self._token(1)
        return follows is not None and follows.kind == "number"

    def _take_sign(self, sign: str, num_tokens: int) -> bool:
        self.is_opaque |= self.share is not None and sign in ("+", "-")  # "10% of 400 + 80": no telling what of
        self.program.sign(sign)
        self.index += num_tokens
        self.is_due = True
        return True

    def _operator(self, token: Token) -> bool:
        before, follows = self._token(-1), self._token(1)
        is_glued = (
            before is not None and follows is not None and before.end == token.start and follows.start == token.end
        )
        if is_glued and follows is not None and before is not None:
            if (
                token.text == "/"
                and follows.kind == "word"
                and len(follows.text) > 1
                and before.kind in ("number", "word")
            ):
                self.unit.append("/" + follows.text)  # "$2/egg", "miles/hour"
                self.index += 2
                return True
            if token.text == "/" and self.unit and follows.kind == "number":
                self.is_opaque = True  # "5 minutes/100 meters"
            if token.text == "^" and before.kind in ("word", "close") and self.unit:  # "cm^2"
                self.index += 2
                return True
        return self._take_sign(token.text, 1)

    def _bracket(self, token: Token) -> bool:
        close = self.partner.get(self.index)
        before = self._token(-1)
        if close is None or before is None:
            return False
        inside = self.tokens[self.index + 1 : close]
        if inside and self._words_end(self.index + 1) == close and len(inside) <= MAX_UNIT_WORDS:
            self.index = close + 1
            self.unit.append("()")
            if before.end == token.start:  # ".1(number of minutes)" is a product, "12 (months)" has a unit
                self.is_opaque = True
            return True
        is_factor = before.kind == "close" or (before.kind == "number" and before.end == token.start)
        self.is_opaque |= self.text[token.start] == "\\"  # 1\\frac{1}{4} is a mixed number or a product
        return self._take_sign("*", 0) if is_factor else False

    def _word(self, token: Token) -> bool:
        word = token.text.lower()
        follows = self._token(1)
        if word == "x" and (self._starts_figures(self.index + 1) or (follows is not None and follows.kind == "word")):
            return self._take_sign("*", 1)
        if word in SPOKEN and self._starts_figures(self.index + 1):
            return self._take_sign(SPOKEN[word], 1)
        if (
            word in SPOKEN_BY
            and follows is not None
            and follows.text.lower() == "by"
            and self._starts_figures(self.index + 2)
        ):
            return self._take_sign(SPOKEN_BY[word], 2)
        if word == "of":
            return self._of()
        is_factor = word == "times" and follows is not None and follows.text.lower() in COMPARED
        self.is_opaque |= is_factor  # "5 times as many as Cal's coins" is not 5
        if word == "percent":
            self.program.percent()
            self.index += 1
            return True
        if self._is_variable(token):
            self.program.sign("*")
            self.program.name(token.text)
            self.is_opaque = True  # algebra to be solved, not to be checked
            self.index += 1
            return True
        is_joining = word in JOINING and token.text != "Will"  # he may own something
        if is_joining or len(self.unit) >= MAX_UNIT_WORDS:
            return False
        self.unit_at = self.index if not self.unit else self.unit_at
        self.unit.append(word)
        self.index += 1
        return True

    def _is_variable(self, token: Token) -> bool:
        """ "2x" and "3 n" are products; "3 a day" is not. "5m" could be either: read as a product, it is not judged."""
        before = self._token(-1)
        is_glued = before is not None and before.end == token.start
        if token.text[0] == "\\":
            return True
        return len(token.text) == 1 and not self.unit and (is_glued or token.text not in NOT_VARIABLES)

    def _of(self) -> bool:
        """ "20% of 80" and "1/2 of the 10" are products; after a whole number "of" is only a word."""
        index = self.index + 1
        while index < len(self.tokens) and self.tokens[index].text.lower() in FILLER:
            index += 1
        kinds = [item[0] for item in self.program.items[-1:]]
        is_share = not self.unit and (kinds == ["percent"] or self._is_fraction())
        if is_share and self._starts_figures(index):
            is_taken = self._take_sign("*", index - self.index)
            self.share = self.program.value({}) if self.share is None else self.share
            return is_taken
        self.unit_at = self.index if not self.unit else self.unit_at
        self.unit.append("of")
        self.index += 1
        return True

    def _is_fraction(self) -> bool:
        """Do the last tokens read a/b, or a decimal?"""
        last, slash = self._token(-1), self._token(-2)
        if last is None or last.kind != "number":
            return last is not None and last.kind == "close"
        return last.num_decimals > 0 or last.value.denominator > 1 or (slash is not None and slash.text == "/")
