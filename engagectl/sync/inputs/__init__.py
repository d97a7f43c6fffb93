"""Inputs: files and standard input -> chunks of whole lines, with the true offset and line of each."""

from engagectl.sync.inputs.arrow import as_relation
from engagectl.sync.inputs.content import readable
from engagectl.sync.inputs.files import InputFile, input_files, list_files
from engagectl.sync.inputs.identity import identity, verify
from engagectl.sync.inputs.layout import day_of
from engagectl.sync.inputs.lines import Chunk, Overlong, chunks
from engagectl.sync.inputs.unreadable import Unreadable

__all__ = [
    "Chunk",
    "InputFile",
    "Overlong",
    "Unreadable",
    "as_relation",
    "chunks",
    "day_of",
    "identity",
    "input_files",
    "list_files",
    "readable",
    "verify",
]
