#!/usr/bin/env python3
"""Markdown tables of what train.py found.

    python table.py results.jsonl --half report

One table for each network, bed and test. A cell has the accuracy in percent, mean ± standard error; in brackets the
difference to the row R in percentage points, ± standard error, in pairs of networks of the same set and seed; after the
bar, of distilled images, the shares in percent that are copies: nearer to a real image than 0.5 and than 0.1 of the
median distance between real images of the class.
"""

import argparse
import json
import math
from pathlib import Path

from cells import HALVES, OTHERS, ROWS

BASE = "R"
NONE = "–"
ORDER = [row.name for row in (*ROWS, *OTHERS)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", help="files of train.py")
    parser.add_argument("--half", choices=HALVES, default="report", help="[default: report]")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="which rows [default: all]")
    parser.add_argument("--base", default=BASE, help=f"row that differences are to [default: {BASE}]")
    parser.add_argument("--by-set", action="store_true", help="standard errors over sets alone, each set counted once "
                        "by the mean of its networks: networks on one set are not independent of each other")
    options = parser.parse_args()
    found = [r for r in latest(options.results) if r["half"] == options.half]
    if options.rows:
        found = [r for r in found if r["row"] in (*options.rows, options.base)]
    if not found:
        raise SystemExit(f"no result of the half {options.half} in {', '.join(map(str, options.results))}")
    tables = {}
    for result in found:
        for test, accuracy in result["accuracy"].items():
            table = tables.setdefault((result["network"], result["bed"], test), {})
            table.setdefault((result["row"], result["ipc"]), []).append(result | {"accuracy": 100 * accuracy})
    for name, table in tables.items():
        print("\n".join(markdown(name, table, options)), end="\n\n")
    networks = list(dict.fromkeys(network for network, _, _ in tables))
    if len(networks) > 1:
        print("\n".join(agreement(networks, tables, options)))


def latest(files):
    """The last result of every network of every cell: earlier ones are of an earlier program."""
    found = {}
    for file in files:
        for line in file.read_text().splitlines():
            try:
                result = json.loads(line)
            except ValueError:
                continue  # cut off by the end of a process
            names = ("half", "bed", "ipc", "row", "network", "width", "steps", "set", "net")
            found[tuple(result[name] for name in names)] = result
    return list(found.values())


def markdown(name, table, options):
    network, bed, test = name
    rows, ipcs = (list(dict.fromkeys(key)) for key in zip(*table))
    ipcs.sort()
    rows.sort(key=lambda row: ORDER.index(row) if row in ORDER else len(ORDER))
    sizes = sorted({(len({r["set"] for r in cell}), len(cell)) for cell in table.values()})
    sizes = ", ".join(f"{sets} sets, {count} networks" for sets, count in sizes)
    title = f"**{bed}**" + (f", {test} test" if test != "test" else "") + f", {network} ({sizes} a cell)"
    lines = [title, "", "| | " + " | ".join(f"IPC {ipc}" for ipc in ipcs) + " |", "|---" * (len(ipcs) + 1) + "|"]
    for row in rows:
        cells = (shown(table.get((row, ipc)), None if row == options.base else table.get((options.base, ipc)), options)
                 for ipc in ipcs)
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return lines


def shown(cell, base, options):
    if cell is None:
        return NONE
    text = with_error({place(r): r["accuracy"] for r in cell}, options)
    if paired := differences(cell, base):
        text += f" ({with_error(paired, options, sign='+')})"
    copies = [c for c in ({r["set"]: r["about"].get("copies") for r in cell}).values() if c]
    if copies:
        half, tenth = (100 * sum(c[name] for c in copies) / len(copies) for name in ("below_half", "below_tenth"))
        text += f" \\| {half:.1f}, {tenth:.1f}"
    wrong = [w for w in ({r["set"]: r["about"].get("wrong_labels") for r in cell}).values() if w is not None]
    return text + (f"; {100 * sum(wrong) / len(wrong):.0f} % mislabelled" if wrong else "")


def place(result):
    return result["set"], result["net"]


def differences(cell, base):
    """By set and network; of those that both have."""
    others = {place(r): r["accuracy"] for r in base or []}
    return {place(r): r["accuracy"] - others[place(r)] for r in cell if place(r) in others}


def with_error(values, options, sign=""):
    mean, error = estimate(values, options.by_set)
    return f"{mean:{sign}.1f}" + (f" ± {error:.1f}" if error is not None else "")


def estimate(values, by_set=False):
    """The mean, and its standard error; none of a single number."""
    numbers = list(values.values())
    if by_set:
        sets = {}
        for (of, _), value in values.items():
            sets.setdefault(of, []).append(value)
        numbers = [sum(of) / len(of) for of in sets.values()]
    mean, count = sum(numbers) / len(numbers), len(numbers)
    if count < 2:
        return mean, None
    return mean, math.sqrt(sum((n - mean) ** 2 for n in numbers) / (count - 1) / count)


def agreement(networks, tables, options):
    """The difference to the base by each network, and whether all have its sign."""
    yield "| bed, IPC, row | " + " | ".join(networks) + " | one sign |"
    yield "|---" * (len(networks) + 2) + "|"
    places = dict.fromkeys((bed, test, ipc, row) for (_, bed, test), table in tables.items() for row, ipc in table)
    for bed, test, ipc, row in places:
        found = []
        for network in networks:
            table = tables.get((network, bed, test), {})
            found.append(differences(table.get((row, ipc), []), table.get((options.base, ipc))))
        if row == options.base or not all(found):
            continue
        signs = {math.copysign(1, estimate(f)[0]) for f in found}
        cells = " | ".join(with_error(f, options, sign="+") for f in found)
        where = bed if test == "test" else f"{bed} ({test})"
        yield f"| {where}, {ipc}, {row} | {cells} | {'yes' if len(signs) == 1 else 'no'} |"


if __name__ == "__main__":
    main()
