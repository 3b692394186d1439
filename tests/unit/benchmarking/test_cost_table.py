import pytest

from pipeline.benchmarking.cost_table import cost_cells, growth, machine, markdown_table
from pipeline.benchmarking.measured_child import Cost


def make_cost(cpu, peak=100.0):
    return Cost(wall_seconds=2 * cpu, cpu_seconds=cpu, base_megabytes=60.0, peak_megabytes=peak, value=None)


def test_growth_finds_the_exponent_and_the_factor_of_a_power():
    sizes = [1000, 2000, 5000, 9000]
    assert growth(sizes, [3e-4 * size**1.5 for size in sizes]) == pytest.approx((1.5, 3e-4))


def test_cells_hold_memory_above_the_base_and_the_ratio():
    cells = cost_cells(make_cost(1234.4, peak=1560.0), reference=make_cost(100.0))
    assert list(cells.values()) == ["60", "1,500", "1,234", "2,469", "12.3"]
    assert cost_cells(make_cost(0.0123), reference=None)["CPU s"] == "0.0123"


def test_memory_above_the_base_is_never_negative():
    assert make_cost(1.0, peak=10.0).megabytes_above == 0.0


def test_rows_with_different_columns_make_one_table():
    table = markdown_table([{"N": 1, "a": "x"}, {"N": 2, "b": "y"}])
    assert table.splitlines() == ["| N | a | b |", "| --- | ---: | ---: |", "| 1 | x |  |", "| 2 |  | y |"]


def test_the_machine_is_told_with_versions_of_what_is_installed():
    line = machine(("numpy", "no-such-package-here"))
    assert "numpy " in line
    assert "Python 3." in line
    assert "no-such-package" not in line
