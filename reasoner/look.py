"""How states are drawn: shapes and glyphs, colours of both themes. Symbols are plotly's, which the page draws with.

MARKERS["right"]["glyph"], THEMES["dark"]["right"]      "✓", [fill, border, glyph's colour]
"""

MARKERS = {
    "question": {"symbol": "square", "size": 34, "width": 2.5, "glyph": "?"},
    "step": {"symbol": "circle", "size": 29, "width": 2.2, "glyph": ""},
    "answer": {"symbol": "circle", "size": 33, "width": 2.2, "glyph": "="},
    "right": {"symbol": "circle", "size": 33, "width": 2.5, "glyph": "✓"},
    "wrong": {"symbol": "circle", "size": 33, "width": 2.5, "glyph": "✗"},
    "unjudged": {"symbol": "circle", "size": 33, "width": 2.2, "glyph": "~"},
    "first_wrong": {"symbol": "octagon", "size": 36, "width": 3.5, "glyph": "!"},
    "pit": {"symbol": "diamond", "size": 38, "width": 3, "glyph": "!"},
    "after": {"symbol": "circle", "size": 29, "width": 2, "glyph": ""},
    "more": {"symbol": "circle-dot", "size": 24, "width": 1.5, "glyph": ""},
}
"""How each kind of state is drawn, whatever the theme: the shape and the glyph say what the colour says too."""

FORMS = {
    "words": {"symbol": "circle", "size": 29},
    "code": {"symbol": "square", "size": 26},
    "output": {"symbol": "triangle-down", "size": 28, "glyph": " "},
    "equation": {"symbol": "hexagon2", "size": 31},
    "declaration": {"symbol": "pentagon", "size": 30},
    "constraint": {"symbol": "hexagon", "size": 31},
}
"""The shape of a state that nothing else is said of: how the step that leads to it is written (`Step.kind`)."""

THEMES = {
    "light": {
        "text": "#1f2937", "muted": "#64748b", "edge": "#94a3b8", "bad": "#dc2626", "path": "rgba(37,99,235,.26)",
        "ahead": "rgba(37,99,235,.10)", "cursor": "#2563eb", "shine": "rgba(250,204,21,.42)", "paper": "#ffffff",
        "back": "#7c3aed", "track": "#e2e8f0", "value": "#0d9488",
        "question": ["#e0e7ff", "#4338ca", "#312e81"], "step": ["#ffffff", "#475569", "#1f2937"],
        "answer": ["#f1f5f9", "#475569", "#1f2937"], "right": ["#16a34a", "#166534", "#ffffff"],
        "wrong": ["#dc2626", "#991b1b", "#ffffff"], "unjudged": ["#e2e8f0", "#64748b", "#1f2937"],
        "first_wrong": ["#fde68a", "#dc2626", "#7f1d1d"], "pit": ["#ede9fe", "#7c3aed", "#4c1d95"],
        "after": ["#fee2e2", "#f87171", "#7f1d1d"], "more": ["#f8fafc", "#94a3b8", "#475569"],
        "recovery": ["#d97b1f", "#edb570", "#e4d8b4", "#86cdc4", "#1f9e92"],
    },
    "dark": {
        "text": "#e5e7eb", "muted": "#94a3b8", "edge": "#64748b", "bad": "#f87171", "path": "rgba(96,165,250,.34)",
        "ahead": "rgba(96,165,250,.14)", "cursor": "#60a5fa", "shine": "rgba(250,204,21,.26)", "paper": "#0f172a",
        "back": "#c4b5fd", "track": "#334155", "value": "#2dd4bf",
        "question": ["#312e81", "#a5b4fc", "#e0e7ff"], "step": ["#1e293b", "#94a3b8", "#e5e7eb"],
        "answer": ["#334155", "#cbd5e1", "#f8fafc"], "right": ["#15803d", "#86efac", "#ffffff"],
        "wrong": ["#dc2626", "#fca5a5", "#ffffff"], "unjudged": ["#334155", "#94a3b8", "#e5e7eb"],
        "first_wrong": ["#b45309", "#fbbf24", "#ffffff"], "pit": ["#4c1d95", "#c4b5fd", "#f5f3ff"],
        "after": ["#450a0a", "#f87171", "#fecaca"], "more": ["#1e293b", "#64748b", "#cbd5e1"],
        "recovery": ["#b8620f", "#86592f", "#4a5261", "#2c6d70", "#0c8577"],
    },
}  # fmt: skip
"""Colours a theme: lines and words, then for each kind of state its fill, its border, its glyph.

"recovery" runs from "no try recovered" to "all did": orange to teal, after ColorBrewer's BrBG, which people tell apart
whatever their colour vision, and which is none of the hues of right, wrong, person, machine and cursor.
"""

KINDS_BY_STRENGTH = ("step", "answer", "after", "unjudged", "right", "wrong", "pit", "first_wrong")
"""As graph.STRENGTH, with the answer that may not be judged in public yet."""
