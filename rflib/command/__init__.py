"""The `rflib` command: what it offers, how it speaks, how it fails. The only place that prints."""

from rflib.command.entry import main

__all__ = ["main"]
