"""Compare what a function gave with what was expected, and say in one sentence where they differ."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy import sparse

from ultralearn.practice.declaration import Tolerance

SHOWN_IN_FULL = 12  # elements
SPARSE = sparse.csr_array | sparse.csc_array | sparse.coo_array
ARRAYS = torch.Tensor | np.ndarray | SPARSE
FAMILIES: dict[str, Any] = {"tensor": torch.Tensor, "array": np.ndarray, "sparse array": SPARSE}
FAMILIES |= {"truth value": bool | np.bool_, "number": numbers.Number | np.generic, "dict": Mapping}


def difference(
    expected: Any, given: Any, tolerance: Tolerance, outputs: Sequence[str] = (), what: str = ""
) -> str | None:
    """None where equal, else a sentence to the learner: type before shape, shape before dtype, dtype before values."""
    place = f"{what}: " if what else ""
    if given is None and expected is not None:
        return f"{place}got None, expected {kind(expected)}. Is a `return` missing?"
    if family(expected) != family(given):
        return f"{place}got {kind(given)}, expected {kind(expected)}."
    if isinstance(expected, Mapping | tuple | list):
        names = list(expected) if isinstance(expected, Mapping) else range(len(expected))
        if list(names) != (list(given) if isinstance(given, Mapping) else list(range(len(given)))):
            return f"{place}got {describe(given)}, expected {', '.join(outputs or map(str, names))}."
        labels = outputs if len(outputs) == len(names) else [f"{what}[{key}]" if what else str(key) for key in names]
        parts = (
            difference(expected[key], given[key], tolerance, what=label)
            for key, label in zip(names, labels, strict=True)
        )
        return next((part for part in parts if part), None)
    if isinstance(expected, ARRAYS | numbers.Number | np.generic):
        return _array_difference(expected, given, tolerance, place)
    if not bool(expected == given):
        return f"{place}expected {describe(expected)}, got {describe(given)}."
    return None


def _array_difference(expected: Any, given: Any, tolerance: Tolerance, place: str) -> str | None:
    is_array = family(expected) != "number"
    e, g = to_numpy(expected), to_numpy(given)
    if e.shape != g.shape:
        return f"{place}your result has shape {g.shape}, expected {e.shape}."
    if is_array and e.dtype != g.dtype:
        return f"{place}your result has dtype {g.dtype}, expected {e.dtype}."
    if e.dtype.kind not in "fc" and g.dtype.kind not in "fc":
        wrong = e != g
    else:
        wrong = ~np.isclose(g, e, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True)
    if not wrong.any():
        return None
    unexpected_nan = np.isnan(g) & ~np.isnan(e) if g.dtype.kind in "fc" else np.zeros(g.shape, bool)
    if unexpected_nan.any():
        where = f" ({unexpected_nan.sum()} of {g.size} elements)" if g.ndim else ""
        return f"{place}your result holds NaN{where} where a number is expected."
    return place + _values(e, g)


def _values(e: np.ndarray, g: np.ndarray) -> str:
    if e.ndim == 0:
        return f"expected {number(e)}, got {number(g)}."
    with np.errstate(invalid="ignore"):
        gap = np.abs(g.astype(complex) - e.astype(complex))
    gap = np.where(np.isnan(e) & np.isnan(g), 0, np.where(np.isnan(gap), np.inf, gap))
    worst = tuple(int(i) for i in np.unravel_index(int(gap.argmax()), gap.shape))
    index = worst[0] if len(worst) == 1 else worst
    most = f"They differ most at index {index}: expected {number(e[worst])}, yours is {number(g[worst])}."
    if e.size <= SHOWN_IN_FULL:
        return f"expected {describe(e)}, yours is {describe(g)}. {most}"
    return most


def family(value: Any) -> str:
    """What counts as one type: plain and NumPy scalars and 0-d arrays are all numbers."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return "number"
    return next((name for name, types in FAMILIES.items() if isinstance(value, types)), type(value).__name__)


def to_numpy(value: Any) -> np.ndarray:
    """An array of the value, detached where it is a tensor, dense where it is sparse."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    return value.toarray() if isinstance(value, SPARSE) else np.asarray(value)


def kind(value: Any) -> str:
    """What a value is, in words: `a tensor of shape (3,)`."""
    name = family(value)
    if name in ("tensor", "array", "sparse array"):
        return f"a{'n' if name == 'array' else ''} {name} of shape {tuple(value.shape)}"
    if name == "tuple":
        return f"a tuple of {len(value)}"
    return f"a {name}" if value is not None else "None"


def number(value: Any) -> str:
    """A number with six digits at most."""
    return f"{np.asarray(value).item():.6g}" if np.asarray(value).dtype.kind in "fiu" else str(np.asarray(value).item())


def describe(value: Any) -> str:
    """A value on one line: in full where it is small, else its shape and type."""
    if isinstance(value, ARRAYS) and (array := to_numpy(value)).ndim:
        if array.size <= SHOWN_IN_FULL:
            return np.array2string(array, precision=4, suppress_small=True, separator=", ").replace("\n", "")
        return f"{family(value)} of shape {array.shape}, {array.dtype}"
    if isinstance(value, ARRAYS | numbers.Number | np.generic) and not isinstance(value, bool):
        return number(to_numpy(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {describe(part)}" for key, part in value.items()) + "}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({describe_inputs(vars(value))})"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(describe(part) for part in value) + ")"
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else type(value).__name__


def describe_inputs(inputs: Mapping[str, Any]) -> str:
    """Inputs as in a call: `rewards=[1, 2], discount=0.5`."""
    return ", ".join(f"{name}={describe(value)}" for name, value in inputs.items())


def changed(before: Any, after: Any) -> bool:
    """Whether an input was modified. Generators, modules and optimizers have a state of their own and do not count."""
    if dataclasses.is_dataclass(before) and not isinstance(before, type):
        return changed(vars(before), vars(after))
    if isinstance(before, Mapping):
        return before.keys() != after.keys() or any(changed(before[key], after[key]) for key in before)
    if isinstance(before, tuple | list):
        return len(before) != len(after) or any(changed(b, a) for b, a in zip(before, after, strict=True))
    if isinstance(before, ARRAYS):
        exact = Tolerance(rtol=0, atol=0)
        return difference(to_numpy(before), to_numpy(after), exact) is not None
    return False
