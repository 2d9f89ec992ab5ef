"""What several answers of week 4 are made with."""

AXIS = (
    "np.take_along_axis(relevant, top, axis=1) → np.take_along_axis(relevant, top)",
    "NumPy takes the last axis where none is given, and that is axis 1",
)
