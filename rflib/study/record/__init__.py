"""What each analysis records of its runs: from subjects and settings to small values and arrays. Imports torch."""
