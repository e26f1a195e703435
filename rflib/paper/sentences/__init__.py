"""Sentences computed from measurements, so that no number in the book's prose is typed by hand. No torch."""

from rflib.paper.say import Sentences

__all__ = ["Sentences"]
