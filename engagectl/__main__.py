"""`python -m engagectl`: the same command line as the console script."""

import sys

from engagectl.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
