"""Side-by-side timings against other tools; `make bench` prints them as one table (see `benchmarks.run`)."""
