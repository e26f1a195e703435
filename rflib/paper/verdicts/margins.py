"""What counts as a change, as none, as much: every threshold of a verdict, with its reason.

All are as they were on 2026-12-01 (`claims.FROZEN`), and a test holds their values: a later change is one
of a rule after results existed, and belongs into the list of changes.
"""

from __future__ import annotations

from rflib.paper import frames

# The rate at which the paper's main tables prune, and the one above which its text places the trend (Section 3.3).
RATE = 0.9
RATE_IN_THE_TEXT = 0.8

# A point of accuracy is a few images of the smallest test set; a smaller difference is called none.
NOTICEABLE_POINTS = 1.0
# A network within so many points of guessing has nothing that pruning could take; the tables say the same.
GUESSING_POINTS = frames.GUESSING_POINTS
# Twice what the paper's whole ordinary grid costs ResNet50 (4.4 points on one data set, 5.3 on the other).
COLLAPSE_POINTS = 10.0
# In percent of the prunable weights: below the first a network has hardly any dead taps, from the second on many.
FEW_DEAD = 5.0
MANY_DEAD = 20.0
# A share of what the dense network has above guessing; a smaller change of such a share is called none.
NOTICEABLE_SHARE = 0.05
# "Much of the pruned accuracy": more than half of what one-shot pruning took.
MUCH_RECOVERED = 0.5
# Fields that differ by less than a tenth are called equal; the grids' own steps are at least a third.
EQUAL_FIELDS = 0.1
# "Similar": at most a quarter more parameters. VGG19 has a third more than VGG16, ResNet101 nearly twice ResNet50's.
SIMILAR_PARAMETERS = 1.25
# "Slightly": more than noticeable, and less than half of what is called a collapse.
SLIGHT_POINTS = 5.0
# Places along a network that differ by no more than a layer are called the same.
NOTICEABLE_LAYERS = 1.0
# Saturations end at 100 %; a change of a twentieth of the scale is called none.
NOTICEABLE_SATURATION = 5.0
# Through the choice of a thousand test images alone two probes differ by this, one standard error: "very similar".
SIMILAR_PROBES_POINTS = 2.0
# "A sudden drop": more than twice that.
SUDDEN_POINTS = 5.0
# Similarities end at 1; a change of a twentieth of the scale is called none.
NOTICEABLE_SIMILARITY = 0.05
# CKA is the cosine of an angle: above this one, of 45 degrees, two layers are more alike than unlike.
HIGH_SIMILARITY = 0.5**0.5
# The paper's red line in Figure 4: layers up to this convolution of ResNet50 are shallow, later ones deep.
MIDDLE_LAYER = 25
# An eigenvalue that is small beside its residual is known by its order of magnitude only.
LARGEST_RESIDUAL = 0.1
# A rank correlation of the means that is smaller is called no trend, with a test or without.
CLEAR_TREND = 0.5
# Eigenvalues are compared by their ratio; one that changes by less than a quarter is called the same.
NOTICEABLE_DECADES = 0.1
# Effective fields come in whole pixels; a smaller change is called none.
NOTICEABLE_PIXELS = 1.0
# Kernels that read each pixel equally often have an imbalance of 0, a single 3x3 kernel of stride 2 has 0.484.
CLEAR_IMBALANCE = 0.1
NOTICEABLE_IMBALANCE = 0.05
# The single kernel leaves a quarter of the pixels partially dead; fewer than this are called none.
DEAD_PIXELS_PERCENT = 1.0
# Mean |ln| of a ratio of variances: "sharply" is more than twice (or half) the variance in every layer, ln 2.
SHARP_DISCREPANCY = 0.693
# A change by a twentieth of the variance is called none.
NOTICEABLE_DISCREPANCY = 0.05
