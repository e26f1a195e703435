"""What the command says of costs."""

from __future__ import annotations

from rflib.command.terminal import show, show_table

_SCOPE = "Training and its evaluation, without the analyses"


def show_plan(profile: str, tflops: float | None) -> None:
    """Show what the training of a profile costs, chapter by chapter; hours at a rate that is given or was reached."""
    from rflib.study.costs import CARDS, Rate, cost_table, finished_rate
    from rflib.study.profiles import load_profile

    rate = finished_rate(profile) if tflops is None else Rate(tflops * 1e12, "as given")
    table = cost_table(load_profile(profile), rate)
    headings = ["chapter", "runs", "PFLOP", "PFLOP new here", *(f"hours on {cards}" for cards in CARDS if rate)]
    show_table(headings, [[_short(value) for value in row] for row in table.to_numpy()])
    unknown = "no run is finished yet whose rate could be taken: `--tflops N` gives the hours at N TFLOP/s a card"
    show(f"{_SCOPE}; {unknown if rate is None else f'hours at {rate}'}.")


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return str(value)
