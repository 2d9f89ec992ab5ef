"""What several answers of week 4 are made with."""

import numpy as np

# Before 2.3 NumPy wants to be told the axis, and the mutant dies.
AXIS = (
    {
        "np.take_along_axis(relevant, top, axis=1) → np.take_along_axis(relevant, top)": "NumPy takes the last axis "
        "where none is given, and that is axis 1"
    }
    if np.lib.NumpyVersion(np.__version__) >= "2.3.0"
    else {}
)
