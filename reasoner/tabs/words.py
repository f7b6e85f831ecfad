"""What became of a file, or of some rows, as the Data tab says it: HTML in which every text is escaped."""

import html

from reasoner.records import Counts


def report_html(name: str, counts: Counts | str, verb: str = "imported") -> str:
    """What was kept, and what was left out by reason; or, where it could not be done at all, why."""
    if isinstance(counts, str):
        return message_html(f"{name}: {counts}", is_bad=True)
    words = [f"{counts.kept:,} {verb}"]
    if counts.unchanged:
        words.append(f"{counts.unchanged:,} already there")
    dropped = "".join(f"<li>{count:,} × {html.escape(reason)}</li>" for reason, count in counts.dropped.items())
    lines = "".join(f"<li>{html.escape(message)}</li>" for message in counts.messages)
    return (
        message_html(f"{name}: {', '.join(words)}", is_bad=False)
        + (f'<p class="outcome">Left out, by reason:</p><ul class="outcome">{dropped}</ul>' if dropped else "")
        + (f'<details class="outcome"><summary>Which ones</summary><ol>{lines}</ol></details>' if lines else "")
    )


def message_html(text: str, is_bad: bool) -> str:
    """One line with a sign, read out by screen readers."""
    glyph, role = ("⚠", "alert") if is_bad else ("✓", "status")
    return f'<p class="outcome {"bad" if is_bad else "good"}" role="{role}">{glyph} {html.escape(text)}</p>'
