"""Initial weights as in the official SVG code."""

# Of N(0, stddev**2): every convolution and dense layer, and gammas around 1.
INITIAL_STDDEV = 0.02
