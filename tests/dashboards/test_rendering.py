"""What later dashboards will need of layout and normalising, beyond what today's use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.grafana import render
from dashboards.layout import Place, place
from dashboards.model import (
    Board,
    Chart,
    Column,
    Figure,
    Listing,
    Panel,
    Query,
    Section,
    Step,
    Unit,
    Value,
)
from dashboards.settings import DEFAULTS

VIEWS = st.sampled_from([Chart(), Figure(), Listing(columns=())])


def panel(title: str = "Load", **fields: object) -> Panel:
    usual: dict[str, object] = {
        "title": title,
        "description": "What it does.",
        "unit": Unit.RATIO,
        "view": Chart(),
        "queries": (Query(expr="up", legend="{{node}}"),),
        "no_data": "Nothing.",
    }
    return Panel(**(usual | fields))  # type: ignore[arg-type]  # a test's short-hand


def board(*sections: Section) -> Board:
    return Board(uid="b", title="B", description="B.", variables=(), sections=sections)


def overlap(one: Place, other: Place) -> bool:
    apart = (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )
    return not apart


@given(
    st.lists(
        st.lists(
            st.builds(
                panel,
                view=VIEWS,
                width=st.integers(0, 24),
                height=st.integers(0, 12),
            ),
            max_size=8,
        ),
        max_size=4,
    )
)
def test_whatever_the_sizes_no_two_panels_overlap(sections: list[list[Panel]]) -> None:
    laid = place([Section(title="S", panels=tuple(panels)) for panels in sections])

    places = [at for _, heading, inside in laid for at in (heading, *inside)]

    for number, one in enumerate(places):
        assert one.x + one.width <= 24
        assert not any(overlap(one, other) for other in places[number + 1 :])


def test_a_panel_wider_than_the_grid_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="panel 'Load' is 25 columns wide"):
        list(place([Section(title="S", panels=(panel(width=25),))]))


def test_a_collapsed_section_holds_its_panels_and_takes_one_line() -> None:
    made = render(
        board(
            Section(title="Detail", panels=(panel("A"), panel("B")), collapsed=True),
            Section(title="Rest", panels=(panel("C"),)),
        ),
        DEFAULTS,
    )

    detail, rest, last = made["panels"]
    assert [inside["title"] for inside in detail["panels"]] == ["A", "B"]
    assert all(inside["datasource"]["uid"] == "${datasource}" for inside in detail["panels"])
    assert (rest["gridPos"]["y"], last["gridPos"]["y"]) == (1, 2)
    ids = [detail["id"], *(inside["id"] for inside in detail["panels"]), rest["id"], last["id"]]
    assert ids == [1, 2, 3, 4, 5]


def test_thresholds_colour_a_figure_and_draw_dashed_lines_in_a_chart() -> None:
    steps = (Step(value=1, color="red"),)
    figure = panel("Figure", view=Figure(), thresholds=steps)
    chart = panel("Chart", thresholds=steps)

    _, stat, series = render(board(Section(title="S", panels=(figure, chart))), DEFAULTS)["panels"]

    assert stat["fieldConfig"]["defaults"]["thresholds"] == {
        "mode": "absolute",
        "steps": [{"color": "green", "value": None}, {"color": "red", "value": 1}],
    }
    assert stat["options"]["colorMode"] == "background"
    assert series["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"] == {"mode": "dashed"}


def test_a_figure_can_show_words_for_numbers() -> None:
    words = (Value(number=0, text="no", color="red"), Value(number=1, text="yes", color="green"))

    made = render(board(Section(title="S", panels=(panel(view=Figure(values=words)),))), DEFAULTS)

    assert made["panels"][1]["fieldConfig"]["defaults"]["mappings"] == [
        {
            "type": "value",
            "options": {
                "0": {"text": "no", "color": "red", "index": 0},
                "1": {"text": "yes", "color": "green", "index": 1},
            },
        }
    ]


def test_a_listing_shows_its_columns_in_their_order_and_no_other() -> None:
    listing = Listing(
        columns=(
            Column(field="node", title="Node", link="/d/x?var-node=${__value.raw}"),
            Column(field="Value", title="Since", unit=Unit.TIME),
        )
    )

    made = render(board(Section(title="S", panels=(panel(view=listing),))), DEFAULTS)

    table = made["panels"][1]
    chosen, organised = table["transformations"]
    assert chosen["options"]["include"]["names"] == ["node", "Value"]
    assert organised["options"]["renameByName"] == {"node": "Node", "Value": "Since"}
    named = {override["matcher"]["options"] for override in table["fieldConfig"]["overrides"]}
    assert named == {"Node", "Since"}


def test_two_queries_of_a_listing_are_merged_into_one_table() -> None:
    listing = Listing(columns=(Column(field="Value #B", title="Since"),))
    two = (Query(expr="up"), Query(expr="up * 2"))

    made = render(board(Section(title="S", panels=(panel(view=listing, queries=two),))), DEFAULTS)

    steps = [step["id"] for step in made["panels"][1]["transformations"]]
    assert steps == ["merge", "filterFieldsByName", "organize"]
