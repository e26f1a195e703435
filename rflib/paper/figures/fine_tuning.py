"""Accuracy before pruning, after it and after fine-tuning: Tables 3, 4 and 5 as curves."""

from __future__ import annotations

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, legend, note, quantity_style
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@drawn
def fine_tuning(study: Study, *, role: RoleName = "small_images", rate: float = 0.9) -> Drawing:
    """Draw accuracy in percent dense, pruned one-shot at `rate`, and fine-tuned, against the field in pixels.

    The longer fine-tuning of Table 5 is drawn too where the study has it; the paper's values are Tables 3 and 4's.
    """
    table = tables.fine_tuning(study, role=role, rate=rate)
    covered(table)
    long = tables.fine_tuning(study, role=role, rate=rate, long=True)
    settings = study.profile.roles[role]
    labels = {
        "dense": "dense",
        "one_shot": f"{rate:.0%} pruned, one-shot",
        "fine_tuned": f"fine-tuned for {settings.fine_tuning.epochs} epochs",
    }
    groups = plots.by_architecture(table)
    figure, main, _ = plots.panels(list(groups), columns=plots.columns_for(table), height=3.0, extra=1.5)
    for axes, (name, group) in zip(main, groups.items(), strict=True):
        for quantity, label in labels.items():
            style = quantity_style("pruned" if quantity == "one_shot" else quantity)
            plots.curve(axes, group["receptive_field"], group, quantity, label=label, **style)
        if not long.empty:
            longer = long[long["architecture"] == name]
            label = f"fine-tuned for {settings.long_fine_tuning_epochs} epochs"
            style = quantity_style("long_fine_tuned")
            plots.curve(axes, longer["receptive_field"], longer, "fine_tuned", label=label, **style)
        plots.hollow(axes, group, "dense", "dense, paper")
        plots.hollow(axes, group, "fine_tuned", "fine-tuned for 10 epochs, paper")
        plots.field_axis(axes, group)
    plots.accuracy_axis(main)
    legend(figure, columns=2)
    note(figure, f"{settings.title}.", plots.spread_note(table["n"]), plots.paper_note(table, role))
    return figure
