"""bench_explore's report as text."""

from collections.abc import Sequence
from typing import Any


def print_report(data: dict[str, Any]) -> None:
    agree = f"{100 * data['truths_agree']:.0f} %"
    print(f"{data['traces']} wrong traces, {data['recorded_completions']} completions a prefix;")
    print(f"the two truths agree on {agree} of them. A trace on average:\n")
    _print_rows(data["rows"])
    print("\nWhat each part is worth:")
    _print_rows(data["ablations"])
    _print_targets(data["targets"])
    _print_bounds(data["bounds"])
    for method, one in data["calibration"].items():
        _print_calibration(method, one)
    if data["live"]:
        _print_live(data["live"], data["live_replayed"])


def _print_rows(rows: Sequence[dict[str, Any]]) -> None:
    print(f"{'':28}{'oracle':>8}{'recoverable':>13}{'shown':>8}{'completions':>13}{'tokens':>8}{'seconds':>9}")
    for row in rows:
        exact = f"{100 * row['exact_oracle']:6.1f} %{100 * row['exact_recoverable']:11.1f} %{100 * row['shown']:6.0f} %"
        seconds = f"{row['seconds']:9.2f}" if row.get("seconds") is not None else ""
        print(f"{row['method']:28}{exact}{row['completions']:13.1f}{row['tokens']:8.0f}{seconds}")


def _print_targets(targets: dict[str, Any]) -> None:
    for ours, one in targets.items():
        names = ("token_ratio", "exact_oracle_more", "exact_recoverable_more")
        ratio, oracle, recoverable = (one[name] for name in names)
        goal = f"target {100 * one['target']:.0f} %"
        print(f"\n{ours} against {one['against']}: {_percent(ratio)} of the tokens ({goal}),")
        print(f"  exact by the oracle {_points(oracle)}, by recoverability {_points(recoverable)}")


def _print_bounds(bounds: Sequence[dict[str, Any]]) -> None:
    print("\nTokens a trace against the bound, k failures and one success:")
    print(f"{'':14}{'traces':>8}{'k':>4}{'bound':>8}{'linear':>8}{'adaptive':>10}{'of the bound':>14}")
    for one in bounds:
        ours, theirs = one[f"adaptive-{one['k']}"], one[f"linear-{one['k']}"]
        share = f"{100 * ours / one['bound_tokens']:12.0f} %"
        print(f"{one['set']:14}{one['traces']:8}{one['k']:4}{one['bound_tokens']:8.0f}{theirs:8.0f}{ours:10.0f}{share}")


def _print_calibration(method: str, one: dict[str, Any]) -> None:
    print(f"\n{method}: said → was so by the oracle, by recoverability")
    for name, words in (("pit", "pits named"), ("steps", "steps")):
        for row in one[name]:
            print(f"  {row['said']:5.2f} → {row['oracle']:5.2f} {row['recoverable']:5.2f}   ({row['num']:,} {words})")
        part = "" if name == "pit" else "_steps"
        errors = f"{one[f'ece{part}_oracle']:.3f} by the oracle, {one[f'ece{part}_recoverable']:.3f} by recoverability"
        print(f"  expected calibration error {errors}")
    print(f"  Brier score {one['brier_oracle']:.3f} by the oracle, {one['brier_recoverable']:.3f} by recoverability")


def _print_live(live: dict[str, Any], replayed: Sequence[dict[str, Any]]) -> None:
    on = f"{live['traces']} of the traces, {live['device']}, median of {live['repeats']} repeats"
    print(f"\nWith the engine on {on};")
    print("replayed: tokens that the replay takes for the same traces; faster: baseline's seconds ÷ its own")
    print(f"{'':14}{'oracle':>8}{'recoverable':>13}{'tokens':>8}{'replayed':>10}{'seconds':>9}   faster")
    known = {row["method"]: row["tokens"] for row in replayed}
    known["baseline"] = known["linear-4"]
    for row in live["rows"]:
        exact = f"{100 * row['exact_oracle']:6.1f} %{100 * row['exact_recoverable']:11.1f} %"
        tokens = f"{row['tokens']:8.0f}{known[row['method']]:10.0f}"
        speed = _times(live["speed"][row["method"]])
        print(f"{row['method']:14}{exact}{tokens}{row['seconds']:9.3f}   {speed}")
    print(f"by the processor's time adaptive-4 is {_times(live['speed_cpu']['adaptive-4'])} times as fast as baseline")


def _times(value: Sequence[float]) -> str:
    return f"{value[0]:.2f} ({value[1]:.2f} to {value[2]:.2f})"


def _percent(value: Sequence[float]) -> str:
    return f"{100 * value[0]:.0f} % ({100 * value[1]:.0f}–{100 * value[2]:.0f})"


def _points(value: Sequence[float]) -> str:
    return f"{100 * value[0]:+.1f} points ({100 * value[1]:+.1f} to {100 * value[2]:+.1f})"
