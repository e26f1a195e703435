"""The networks themselves: how the field grows with depth, and how much of the weights and the map is left."""

from __future__ import annotations

from matplotlib.ticker import ScalarFormatter

from rflib.paper import plots, tables
from rflib.paper.style import Drawing, covered, drawn, kernel_style, legend, note
from rflib.study.profiles import RoleName
from rflib.study.study import Study


@drawn
def field_growth(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw the largest field in pixels against the convolution's index, a panel a network, a line a pool kernel."""
    frame = tables.field_growth(study, role=role)
    covered(frame)
    # Widths and variants of one network repeat its convolutions; the grid comes first.
    frame = frame.drop_duplicates(["architecture", "pool_kernel", "name"])
    groups = plots.by_architecture(frame)
    names = list(groups)
    figure, main, _ = plots.panels(names, height=3.4, extra=1.3)
    side = study.profile.roles[role].side_pixels
    for axes, name in zip(main, names, strict=True):
        for kernel, group in plots.by_kernel(groups[name]):
            style = kernel_style(kernel) | {"markevery": max(1, len(group) // 6), "markersize": 5}
            axes.plot(group["layer"], group["r_max"], label=f"k = {kernel}", **style)
        label = f"image: {side} px" if name == names[-1] else "_"
        axes.axhline(side, color="#333333", linestyle=(0, (4, 2)), linewidth=1.2, label=label)
        axes.set_xlabel("convolution, from the input")
    main[0].set_yscale("log")
    main[0].yaxis.set_major_formatter(ScalarFormatter())
    plots.label_left(main, "largest field (px)")
    legend(figure, columns=4)
    note(figure, f"{study.profile.roles[role].title}.", "Computed from the networks; no training, no spread.")
    return figure


@drawn
def dead_taps(study: Study, *, role: RoleName = "small_images") -> Drawing:
    """Draw the share of dead taps in percent and the side of the last map in pixels, a bar a pool kernel."""
    table = tables.receptive_fields(study, role=role)
    covered(table)
    table = table.drop_duplicates(["architecture", "pool_kernel"]).sort_values("pool_kernel", kind="stable")
    groups = plots.by_architecture(table)
    figure, main, strips = plots.panels(list(groups), height=2.2, strip=1.25, extra=0.8)
    for axes, strip, group in zip(main, strips, groups.values(), strict=True):
        colours = [kernel_style(kernel)["color"] for kernel in group["pool_kernel"]]
        positions = list(range(1, len(group) + 1))
        plots.dead_bars(axes, positions, group["dead_share"], top=115, colours=colours)
        bars = strip.bar(positions, group["last_map_size"], width=0.5, color=colours)
        strip.bar_label(bars, fontsize=9.5, padding=1)
        strip.margins(y=0.35)
        strip.grid(axis="x", visible=False)
        strip.set_xticks(positions, [str(kernel) for kernel in group["pool_kernel"]])
        strip.set_xlabel("pool kernel k")
    plots.label_left(main, "dead taps (%)")
    plots.label_left(strips, "last map (px)")
    title = study.profile.roles[role].title
    note(figure, f"{title}.", "Computed from the networks; dead taps as a share of the prunable weights.")
    return figure
