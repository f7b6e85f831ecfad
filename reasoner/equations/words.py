"""The words that matter between numbers, and the names of quantities.

canonical_name(["so", "the", "total", "cost"])      "total cost"
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# They end a unit and begin new text.
JOINING = _words("""
    and so then because since is are was were which who that if when but while she he they it we i you this there thus
    hence therefore where let has have had gives give equals equal makes make means or as get gets let's lets calculate
    calculating compute find solve now finally will would
""")
FILLER = _words("the his her their its those these all a an my our your")
# They stand before a number and change its value: "half of 10", "twice 5".
CHANGING = _words("""
    of half twice thrice double triple third quarter fifth tenth times than plus minus by dozen hundred thousand million
    squared power root divided multiplied negative
""")
COMPARED = _words("as more the that what")  # after "5 times": how many there are of something else
SPOKEN = {"times": "*", "plus": "+", "minus": "-"}
SPOKEN_BY = {"divided": "/", "multiplied": "*"}
NOT_VARIABLES = frozenset(["a", "i", "I"])
MAX_UNIT_WORDS = 8


def canonical_name(words: list[str]) -> str:
    """The name in some words: after the last joining word, fillers left out, lower-cased unless it is one letter."""
    start = 0
    for index, word in enumerate(words):
        if word.lower() in JOINING and word != "I":
            start = index + 1
    kept = words[start:]
    while len(kept) > 1 and kept[0].lower() in FILLER:
        kept = kept[1:]
    if len(kept) == 1 and len(kept[0]) == 1:
        return kept[0]
    return " ".join(kept).lower().replace("’", "'")
