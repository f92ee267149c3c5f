"""Which labels and nodes a selector means."""

import pytest

from program.selectors import meets, node_meets


@pytest.mark.parametrize(
    ("operator", "values", "selected"),
    [
        ("In", ["h100", "h200"], {"h100"}),
        ("NotIn", ["h100"], {"8", None}),
        ("Exists", None, {"h100", "8"}),
        ("DoesNotExist", [], {None}),
        ("Gt", ["7"], {"8"}),
        ("Gt", ["8"], set()),
        ("Lt", ["9"], {"8"}),
        ("Lt", ["h200"], set()),
        ("Lt", [], set()),
    ],
)
def test_each_operator(operator: str, values: list[str] | None, selected: set[str | None]) -> None:
    want = {"key": "gpu", "operator": operator, "values": values}

    found = {
        value
        for value in ("h100", "8", None)
        if meets({} if value is None else {"gpu": value}, want, unknown=True)
    }

    assert found == selected


@pytest.mark.parametrize("unknown", [True, False])
def test_what_an_unknown_operator_counts_for_says_who_asks(unknown: bool) -> None:  # noqa: FBT001 - a case
    want = {"key": "gpu", "operator": "Resembles", "values": ["h100"]}

    assert meets({"gpu": "h100"}, want, unknown=unknown) is unknown


def test_a_node_meets_a_term_with_all_it_asks_for_and_none_that_asks_for_nothing() -> None:
    labels = {"pool": "a"}
    expression = {"key": "pool", "operator": "In", "values": ["a"]}
    field = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    both = {"matchExpressions": [expression], "matchFields": [field]}

    assert node_meets(both, "n1", labels, unknown=False)
    assert not node_meets(both, "n2", labels, unknown=False)
    assert not node_meets(both, "n1", {"pool": "b"}, unknown=False)
    assert not node_meets({}, "n1", labels, unknown=True)
