#!/usr/bin/env python3
"""crowds.py FILE: what streamer bench reported of several crowds, a JSON object a line, as Markdown."""
import json
import sys


def main():
    print("| crowd | messages/s | frames/s | node, % of a core | cpu-µs per frame | MiB | since log: p50 ms | p99 ms | p99 before → while | joined, p99 ms | came back | gaps | faults |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for line in open(sys.argv[1]):
        r = json.loads(line)
        cpu = r["server_cpu_seconds"] / r["seconds"]
        frames = r["frames_per_second"]
        before, while_ = r.get("before_ms"), r.get("while_ms")
        print("| %s | %.0f | %.0f | %.0f | %.1f | %.0f | %.0f | %.0f | %s | %.0f | %d | %d | %d |" % (
            r["name"], r["messages_per_second"], frames, 100 * cpu, cpu / frames * 1e6 if frames else 0, r["server_megabytes"] / 1.048576,
            r["since_log_ms"]["p50"], r["since_log_ms"]["p99"],
            "%.0f → %.0f" % (before["p99"], while_["p99"]) if before and while_ else "–", r["join_ms"]["p99"], r["resumed"], r["gaps"],
            sum((r["faults"] or {}).values()) + sum((r.get("closed") or {}).values())))


if __name__ == "__main__":
    main()
