"""Tests of the comparison of the ways in which devices share batches."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments import devices


def test_each_way_is_compared_with_one_device_in_both_types(monkeypatch: pytest.MonkeyPatch) -> None:
    def params_after(member: Any, dtype: type, parallel: str, num_devices: int, num_steps: int) -> Any:
        assert num_steps == 3
        shift = 0.5 if (parallel, num_devices) == ("mesh", 4) else 0.0
        return {"small": np.zeros(2, dtype), "large": np.array([[4.0, 4.0 + shift]], dtype)}

    monkeypatch.setattr(devices, "params_after", params_after)
    rows = list(devices.rows(SimpleNamespace(), 3))
    assert [(row["parallel"], row["devices"]) for row in rows] == 2 * list(devices.WAYS)
    assert {row["dtype"] for row in rows[: len(devices.WAYS)]} == {"float32"}
    assert {row["dtype"] for row in rows[len(devices.WAYS) :]} == {"float64"}
    expected = [0.1 if (way, number) == ("mesh", 4) else 0.0 for way, number in devices.WAYS]
    assert [row["difference"] for row in rows] == pytest.approx(2 * expected)
