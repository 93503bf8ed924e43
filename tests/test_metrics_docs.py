#!/usr/bin/env python3
"""The operator's guide has every family of the page for Prometheus, and no other. test_metrics_docs.py GOLDEN GUIDE"""
import re
import sys


def main():
    with open(sys.argv[1], encoding="ascii") as golden:
        page = set(re.findall(r"^# TYPE tickwire_(\w+) ", golden.read(), re.MULTILINE))
    with open(sys.argv[2], encoding="utf-8") as guide:
        section = re.search(r"^## Metrics\n(.*?)^## ", guide.read(), re.MULTILINE | re.DOTALL).group(1)
    table = {name for row in re.findall(r"^\| (`[^|]+)\|", section, re.MULTILINE)
             for name in re.findall(r"`(\w+)`", row)}
    for name in sorted(page - table):
        print(f"tickwire_{name} is not in the guide")
    for name in sorted(table - page):
        print(f"tickwire_{name} is in the guide, and not on the page")
    return 1 if page != table or not page else 0


if __name__ == "__main__":
    sys.exit(main())
