"""One file a chapter: its frames, its figures, its sentences and its claims. A chapter imports no other."""
