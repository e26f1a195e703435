"""Analyses: independent measurements of networks."""
