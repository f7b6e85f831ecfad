"""A value model's result as HTML: how well it tells right from wrong, and what choosing by it brings.

Every text is escaped; colours and dashes are classes of assets/training.css, one dash a way, so that none is told by
colour alone.
"""

from collections.abc import Sequence
from html import escape

from training.rerank_report import RerankReport, RerankRow
from training.value_report import Bin, Estimate, ValueReport

WAYS = (
    ("passed", "Any of k right", "pass@k: what a perfect chooser would reach"),
    ("weighted", "Weighted majority", "each vote weighs its value"),
    ("best", "Best by value", "OVM@k"),
    ("majority", "Majority", "maj@k"),
    ("likelihood", "Best by likelihood", "the solver's own, without training"),
)
WIDTH, HEIGHT = 320, 150  # of a drawing, in its own units


def value_html(report: ValueReport, rerank: RerankReport | None) -> str:
    """Both results, the second where it has been measured."""
    parts = [f'<p role="status">{escape(report.sentence())}.</p>', _calibration(report.bins)]
    if rerank is not None:
        parts += [f"<p>{escape(rerank.sentence())}.</p>", _curves(rerank.rows), _table(rerank)]
    return f'<div class="fp-train"><section class="fp-value">{"".join(parts)}</section></div>'


def _table(report: RerankReport) -> str:
    head = "".join(f'<th title="{escape(words)}">{name}</th>' for _, name, words in WAYS)
    rows = "".join(
        f"<tr><th>{row.k}</th>{''.join(f'<td>{_rate(getattr(row, way))}</td>' for way, _, _ in WAYS)}</tr>"
        for row in report.rows
    )
    caption = (
        f"Right answers among k samples, {report.num_problems} problems, 95 % intervals over problems. Best by value "
        f"against the majority at k = {report.rows[-1].k}: {report.fixed} fixed, {report.broken} broken, "
        f"exact McNemar p = {report.p_value:.2g}"
    )
    return (
        f'<table class="fp-pairs"><caption>{escape(caption)}</caption><thead><tr><th>k</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _rate(found: Estimate) -> str:
    return f"<b>{found.value:.1%}</b> <small>{found.low:.1%}–{found.high:.1%}</small>"


def _curves(rows: Sequence[RerankRow]) -> str:
    """Each way's share of right answers over k, k doubling from left to right."""
    values = [getattr(row, way).value for row in rows for way, _, _ in WAYS]
    low, high = max(0.0, min(values) - 0.03), min(1.0, max(values) + 0.03)
    lines, names = [], []
    for way, name, words in WAYS:
        heights = [(getattr(row, way).value - low) / (high - low) for row in rows]
        slot = WIDTH / max(1, len(rows) - 1)
        points = " ".join(f"{slot * number:.1f},{HEIGHT * (1 - y):.1f}" for number, y in enumerate(heights))
        lines.append(f'<polyline class="fp-way-{way}" points="{points}" />')
        key = f'<svg viewBox="0 0 24 6" aria-hidden="true"><polyline class="fp-way-{way}" points="0,3 24,3" /></svg>'
        names.append(f"<li>{key}<b>{name}</b> <small>{escape(words)}</small></li>")
    told = ", ".join(f"{name} {getattr(rows[-1], way).value:.0%}" for way, name, _ in WAYS)
    return (
        f'<figure class="fp-ways"><div><span>{high:.0%}</span><span>{low:.0%}</span>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="At k = {rows[-1].k}: {told}">{"".join(lines)}</svg></div>'
        f"<ul>{''.join(names)}</ul><figcaption>k = {rows[0].k} to {rows[-1].k}, doubling</figcaption></figure>"
    )


def _calibration(bins: Sequence[Bin]) -> str:
    """A bar a bin: the share that is right, and a mark where its mean score says it should be."""
    bars = []
    slot = WIDTH / max(1, len(bins))
    for number, found in enumerate(bins):
        if not found.num:
            continue
        x, right, said = number * slot, found.right.rate * HEIGHT, HEIGHT * (1 - found.mean)
        words = f"scored {found.low:.1f}–{found.high:.1f}: {found.right.rate:.0%} of {found.num} right"
        bars.append(
            f'<g><title>{words}</title><rect x="{x + 2:.1f}" y="{HEIGHT - right:.1f}" width="{slot - 4:.1f}" '
            f'height="{right:.1f}" /><line x1="{x:.1f}" x2="{x + slot:.1f}" y1="{said:.1f}" y2="{said:.1f}" /></g>'
        )
    if not bars:
        return ""
    return (
        '<figure class="fp-ways fp-calibration"><div><span>100%</span><span>0%</span>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Share of right solutions by score">{"".join(bars)}</svg></div>'
        "<figcaption>Score 0 to 1: bars are the share that is right, lines what the scores say</figcaption></figure>"
    )
