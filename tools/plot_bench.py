#!/usr/bin/env python3
"""Charts of what `swiglu bench --json` wrote, of any pass: TFLOP/s against m for every size that has several, against
d_model for the others. One PNG for each file, beside it or where --output says. Needs matplotlib. Figures are those of
short bursts on an idle GPU, or with --mode sustained those under load that lasts, with the clocks it leads to (a bench
with --quick has none).

    swiglu bench seed --json seed.json
    swiglu bench seed --pass backward --json backward.json
    tools/plot_bench.py seed.json backward.json --output docs/charts
    tools/plot_bench.py seed.json --mode sustained
"""
import argparse
import json
import pathlib
import sys

CONTENDERS = {  # by pass; name in the JSON: label, colour, marker. The first is ours as it is called
    "forward": {
        "swiglu": ("swiglu (GEMM and activation)", "#1b7837", "o"),
        "cublaslt_best": ("cuBLASLt GEMM alone, fastest algorithm", "#2166ac", "^"),
        "cublaslt_first": ("cuBLASLt GEMM alone, first heuristic", "#67a9cf", "s"),
        "cublaslt_first_and_activation": ("cuBLASLt GEMM, then activation", "#b2182b", "v"),
    },
    "backward": {
        "swiglu_backward": ("swiglu: dx, dWg and dWu from stored g and u", "#1b7837", "o"),
        "kernel_dx": ("swiglu: the kernel of dx alone", "#5aae61", "P"),
        "kernel_dw": ("swiglu: the kernel of dW alone", "#a6dba0", "X"),
        "cublaslt_dx_best": ("cuBLASLt GEMM of dx alone, fastest algorithm", "#2166ac", "^"),
        "cublaslt_dw_best": ("cuBLASLt GEMM of dW alone, fastest algorithm", "#67a9cf", "s"),
        "cublaslt_backward_first": ("cuBLASLt GEMMs and element-wise kernel", "#b2182b", "v"),
    },
    "forward+backward": {
        "swiglu_stored": ("swiglu, storing g and u", "#1b7837", "o"),
        "swiglu_recomputed": ("swiglu, recomputing g and u", "#a6dba0", "X"),
        "cublaslt_both_best": ("cuBLASLt GEMMs and element-wise kernels, fastest algorithms", "#2166ac", "^"),
        "cublaslt_both_first": ("cuBLASLt GEMMs and element-wise kernels, first heuristics", "#b2182b", "v"),
    },
}
WORK = {  # what a rate counts
    "forward": "TFLOP/s of 4 m d_model d_intermediate",
    "backward": "backward, TFLOP/s of 8 m d_model d_intermediate, of dx or dW alone 4",
    "forward+backward": "forward and backward, TFLOP/s of 12 m d_model d_intermediate",
}


def series(points, contender, mode, key):
    """x and TFLOP/s of the points that have this figure, in the order of x."""
    found = []
    for point in points:
        names = [contender]
        if contender.endswith("_best"):  # picked in a short trial: where the first turned out faster, it is the fastest
            names.append(contender.removesuffix("_best") + "_first")
        rates = [point["contenders"][name][mode]["tflops"] for name in names if point["contenders"][name][mode]]
        if rates:
            found.append((point[key], max(rates)))
    return zip(*sorted(found)) if found else ((), ())


def pyplot():
    try:
        import matplotlib
    except ImportError as error:
        sys.exit(f"plot_bench.py needs matplotlib, and there is none for {sys.executable}: {error}. Install it there.")
    matplotlib.use("Agg")
    import matplotlib.pyplot
    return matplotlib.pyplot


def draw(axes, points, contenders, mode, key):
    for contender, (label, colour, marker) in contenders.items():
        x, y = series(points, contender, mode, key)
        axes.plot(x, y, color=colour, marker=marker, markersize=4, linewidth=1.5, label=label,
                  zorder=4 if contender == next(iter(contenders)) else 3)
    axes.set_xlabel("d_model" if key == "d_model" else "m (tokens)")
    axes.set_ylabel("TFLOP/s")
    axes.set_ylim(bottom=0)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    if key == "m":
        from matplotlib import ticker
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted({point["m"] for point in points}))
        axes.xaxis.set_major_formatter(ticker.FormatStrFormatter("%d"))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.tick_params(axis="x", labelrotation=45)


def panels(points, mode):
    """(title, key of x, points): over m for every size that has several, else over d_model for every m. Every point is in
    one."""
    sizes, alone = {}, {}
    for point in points:
        sizes.setdefault((point["model"], point["d_model"], point["d_intermediate"]), []).append(point)
    drawn = []
    for (model, d_model, d_intermediate), group in sizes.items():
        if len(group) > 1:
            drawn.append((f"{model} {d_model}x{d_intermediate}, {mode}".strip(), "m", group))
        else:
            alone.setdefault(group[0]["m"], []).append(group[0])
    return drawn + [(f"m {m}, {mode}", "d_model", group) for m, group in sorted(alone.items())]


def plot(report, mode, path):
    points = [point for point in report["points"] if "error" not in point]
    contenders = CONTENDERS[report["pass"]]
    points = [point for point in points if point["contenders"][next(iter(contenders))][mode] is not None]
    if not points:
        sys.exit(f"{path.stem}: no point has {mode} figures")
    plt = pyplot()
    drawn = panels(points, mode)
    columns = min(3, len(drawn))
    rows = -(-len(drawn) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(8 if columns == 1 else 5 * columns, 4.2 * rows + 1), squeeze=False,
                                layout="constrained")
    for axis, (title, key, group) in zip(axes.flat, drawn):
        draw(axis, group, contenders, mode, key)
        axis.set_title(title, fontsize=10)
    for axis in axes.flat[len(drawn):]:
        axis.set_axis_off()
    environment = report["environment"]
    figure.suptitle(f"{environment['gpu'].get('name', '?')}: {report['problem']}\n"
                    f"{WORK[report['pass']]}; cuBLASLt {environment['cublaslt']['version']}, "
                    f"driver {environment['driver']['version']}, {report['date'][:10]}", fontsize=10)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(2, columns + 1), fontsize=9, frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path, help="what swiglu bench --json wrote")
    parser.add_argument("--mode", choices=["burst", "sustained"], default="burst", help="short bursts, or load that lasts")
    parser.add_argument("--output", type=pathlib.Path, help="folder of the charts; default: beside each file")
    arguments = parser.parse_args()
    for file in arguments.files:
        report = json.loads(file.read_text())
        if report.get("format") != 1:
            sys.exit(f"{file}: not a report that this script knows")
        folder = arguments.output or file.parent
        folder.mkdir(parents=True, exist_ok=True)
        plot(report, arguments.mode, folder / f"{file.stem}_{arguments.mode}.png")


if __name__ == "__main__":
    main()
