"""How claims are decided: from values by seed to evidence, and from the evidence of all combinations to a verdict."""
