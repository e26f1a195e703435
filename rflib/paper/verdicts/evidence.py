"""What one combination of network and images says about a claim: effect, interval, and a p-value where one exists."""

from __future__ import annotations

from dataclasses import dataclass

from rflib.paper.verdicts.statistics import LEVEL, Interval

RANK_CORRELATION = "rank correlation"
POINTS = "points"
SIMILARITY = "similarity"

# The tests in plain words.
TREND = (
    f"Page's exact trend test over the kernels, each seed a block, one-sided at {LEVEL:.0%}, Holm-corrected; interval: "
    "95 % of the change from the smallest kernel to the largest."
)
DIFFERENCE = (
    f"Student's t test of differences within a seed, one-sided at {LEVEL:.0%}, Holm-corrected; interval: 95 % of the "
    "mean."
)
EQUIVALENCE = f"Equivalence by two one-sided t tests at {LEVEL:.0%}, Holm-corrected; interval: 95 % of the mean."


@dataclass(frozen=True)
class Evidence:
    """One combination's part in a claim.

    `effect` is in units of `measure`; the claim wants it beyond `bound` in the direction `expected` (+1, -1), or
    within ±`bound` (0). A trend is over so many `kernels`; `change` is that of the means from the smallest to the
    largest, in the units of the quantity, and `steps` are those between neighbours. `interval` is that of the change,
    else of the effect. `agrees` is what the means alone say, `opposite` that they show a clear trend the other way.
    `p` is None where nothing was tested, `smallest_p` the least that the design and its ties allow. `settled`: exact,
    no test is needed. `seeds` is None for what needs none. `undecided` says why it decides nothing: a floor, or a
    change within the error of the test images. `parts` must all hold; the weakest of them lends its numbers.
    """

    where: str
    measure: str
    effect: float
    expected: int
    agrees: bool
    bound: float = 0.0
    interval: Interval | None = None
    change: float | None = None
    steps: tuple[float, ...] = ()
    kernels: int | None = None
    p: float | None = None
    smallest_p: float = 0.0
    settled: bool = False
    seeds: int | None = None
    opposite: bool = False
    corrected_p: float | None = None
    undecided: str = ""
    parts: tuple[Evidence, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the combination bears the claim out: the means do, and the corrected test where there is one."""
        return self.agrees and not self.undecided and (self.corrected_p is None or self.corrected_p <= LEVEL)

    @property
    def indicative(self) -> bool:
        """Whether only the means speak, without a test."""
        return self.corrected_p is None and not self.settled

    @property
    def weakest(self) -> Evidence:
        """The part that fits the claim least, or the evidence itself if it has no parts."""
        return max(self.parts, key=Evidence.weakness) if self.parts else self

    def weakness(self) -> tuple[bool, bool, float, float]:
        """Return what orders evidence by how badly it fits: against the claim, then untested, then by p and effect."""
        p = self.corrected_p if self.corrected_p is not None else self.p
        return not (self.agrees and self.holds), p is None and not self.settled, p or 0.0, -self.beyond

    @property
    def beyond(self) -> float:
        """How far the effect goes beyond what the claim needs, in its direction; negative if it falls short."""
        return self.expected * (self.effect - self.bound) if self.expected else self.bound - abs(self.effect)

    def __str__(self) -> str:
        part = self.weakest
        text = f"{part.where}: {part.size}"
        if part.change is not None:
            text += f", change {signed(part.change)}"
        if part.interval is not None:
            text += f" [{signed(part.interval[0])}, {signed(part.interval[1])}]"
        if len(part.steps) > 1:
            text += f" in steps of {', '.join(signed(step) for step in part.steps)}"
        return text if self.corrected_p is None else f"{text}, p {p_text(self.corrected_p)}"

    @property
    def size(self) -> str:
        """The effect with its unit."""
        if self.measure == RANK_CORRELATION:
            return f"{self.measure} {self.effect:+z.2f} over {self.kernels} kernels"
        return f"{self.effect:.4g} {self.measure}" if self.seeds is None else f"{self.effect:+z.2f} {self.measure}"


def p_text(p: float) -> str:
    """Return a p-value as text that never claims zero: "= 0.012", "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def signed(number: float) -> str:
    """Return a number of any size with its sign, to three digits and without an exponent."""
    rounded = float(f"{number:.3g}")
    return f"{rounded:+,.0f}" if abs(rounded) >= 1000 else f"{rounded:+.3g}" if abs(rounded) >= 1e-3 else "+0"
