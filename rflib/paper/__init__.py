"""This paper: what its chapters measure, show and claim. Notebooks and the book import it, the library never does."""
