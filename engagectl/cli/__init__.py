"""The command line: words in, one function called, its result shown, an exit code out."""
