"""`hack/image`: builds the operator's image, or says where it lies."""

from __future__ import annotations

import argparse
import sys

from images import operator


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="hack/image", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    build = verbs.add_parser("build", help="build the image unless its inputs are unchanged")
    build.add_argument("--print", action="store_true", help="print only the archive's path")
    options = parser.parse_args(arguments)
    image = operator.build()
    print(image.path if options.print else image.summary())
    return 0


if __name__ == "__main__":
    sys.exit(main())
