#!/usr/bin/env python3
"""table.py FILE: the load generator's results as Markdown: for each scenario what each server did, and by how much the
node is better (ratios of medians within the one run; over 1 is better)."""
import json
import statistics
import sys
from collections import defaultdict


# The node's own runs: trades, and quotes in the same rooms.
OWN = {"self": "**node**", "self-quotes": "**node**, quotes"}


def median(runs, field):
    return statistics.median(run.get(field, 0) for run in runs)


def ratio(a, b):
    return "%.1f×" % (a / b) if a and b else "–"


def table(scenario, servers):
    own = servers.get("self")
    out = ["", "### " + scenario, "",
           "| server | runs | delivered/s | of what was offered | cpu-s per million | p50 ms | p99 ms | slowest/fastest | most memory MiB | node delivers | node needs less CPU |",
           "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for name, runs in sorted(servers.items(), key=lambda s: median(s[1], "srv_cpu_s_per_million")):
        m = lambda field: median(runs, field)
        lead = load = ""
        if own and name not in OWN:
            lead = ratio(median(own, "msgs_per_s"), m("msgs_per_s"))
            load = ratio(m("srv_cpu_s_per_million"), median(own, "srv_cpu_s_per_million"))
        out.append("| %s | %d | %.0f | %.0f %% | %.2f | %.2f | %.1f | %.2f | %.0f | %s | %s |" % (
            OWN.get(name, name), len(runs), m("msgs_per_s"), 100 * m("msgs_per_s") / max(m("offered_per_s"), 1),
            m("srv_cpu_s_per_million"), m("p50_us") / 1e3, m("p99_us") / 1e3,
            min(r["fair_min"] / max(r["fair_max"], 1) for r in runs), m("rss_max_kb") / 1024, lead, load))
    return out + slow(servers)


def slow(servers):
    """What those got who stopped reading for a while, where some did."""
    out = []
    for name, runs in servers.items():
        said = [run["slow"] for run in runs if run.get("slow")]
        if said:
            out.append("| %s | %.0f | %.0f | %.1f | %d |" % (
                OWN.get(name, name), statistics.median(s["slow_msgs_avg"] for s in said), statistics.median(s["fast_msgs_avg"] for s in said),
                statistics.median(s["slow_p50_us"] for s in said) / 1e3, sum(s["slow_closed"] for s in said)))
    head = ["", "Who stopped reading:", "", "| server | each got | of | p50 ms | disconnected |", "|---|--:|--:|--:|--:|"]
    return head + out if out else []


def main():
    results = defaultdict(lambda: defaultdict(list))
    with open(sys.argv[1]) as lines:
        for line in lines:
            run = json.loads(line)
            server, scenario, *_ = run["label"].split("/")
            results[scenario][server].append(run)
    for scenario in sorted(results):
        print("\n".join(table(scenario, results[scenario])))


main()
