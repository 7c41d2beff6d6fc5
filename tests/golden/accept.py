"""Show what changed in the golden slips and, with --accept, write it: run it by hand, read the transcript, then accept."""

import argparse
import difflib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.golden.slips import CASES, FOLDER, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accept", action="store_true", help="write the new files")
    accept = parser.parse_args().accept
    for name in CASES:
        data, text = made(name)
        old = (FOLDER / f"{name}.txt").read_text("utf-8") if (FOLDER / f"{name}.txt").exists() else ""
        sys.stdout.writelines(
            difflib.unified_diff(old.splitlines(True), text.splitlines(True), f"{name} old", f"{name} new")
        )
        if accept:
            (FOLDER / f"{name}.bin").write_bytes(data)
            (FOLDER / f"{name}.txt").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
