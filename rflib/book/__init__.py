"""The executable book: a chapter's typed parameters, its execution, the staged copy and the site. No torch.

`build_book` makes the whole site, `rerun` one chapter with other values; `chapter_names`, `source_path` and
`parameters` answer what there is to run.
"""

from rflib.book.building import Rerun, build_book, rerun
from rflib.book.notebooks import chapter_names, source_path

__all__ = ["Rerun", "build_book", "chapter_names", "rerun", "source_path"]
