import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from catalog.metrics import counter, gauge
from exporters import exposition
from exporters.errors import Unreadable
from exporters.exposition import Writer
from exporters.sample import Sample
from tests.budget import examples

HEAT = gauge(
    "railwatch_heat_celsius", 'Of "it",\\ or\nso.', labels=("a", "b"), unit="celsius", source=""
)
FAULTS = counter("railwatch_faults_total", "Faults.", labels=("a",), source="")
LOAD = gauge("railwatch_load", "Load.", source="")
ORDER = (HEAT, FAULTS, LOAD)


def series(
    text: str, *, openmetrics: bool = False
) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = list((parse_openmetrics if openmetrics else parse_text)(text))
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def test_the_text_format_to_the_letter() -> None:
    lines = Writer(ORDER).write(
        [Sample(FAULTS, ('say "\\"\n',), 3), Sample(HEAT, ("x", "y"), 36.6), Sample(LOAD, (), 0)]
    )

    assert exposition.text(lines) == (
        '# HELP railwatch_heat_celsius Of "it",\\\\ or\\nso.\n'
        "# TYPE railwatch_heat_celsius gauge\n"
        'railwatch_heat_celsius{a="x",b="y"} 36.6\n'
        "# HELP railwatch_faults_total Faults.\n"
        "# TYPE railwatch_faults_total counter\n"
        'railwatch_faults_total{a="say \\"\\\\\\"\\n"} 3\n'
        "# HELP railwatch_load Load.\n"
        "# TYPE railwatch_load gauge\n"
        "railwatch_load 0\n"
    )


def test_openmetrics_names_a_counters_family_without_total_and_tells_units() -> None:
    lines = Writer(ORDER).write([Sample(FAULTS, ("x",), 3), Sample(HEAT, ("x", "y"), 1)])

    text = exposition.openmetrics(lines)

    assert "# TYPE railwatch_faults counter\n" in text
    assert 'railwatch_faults_total{a="x"} 3\n' in text
    assert "# UNIT railwatch_heat_celsius celsius\n" in text
    assert series(text + "# EOF\n", openmetrics=True) == series(exposition.text(lines))


def test_a_series_that_comes_twice_is_written_once_and_named() -> None:
    lines = Writer(ORDER).write([Sample(FAULTS, ("x",), 3), Sample(FAULTS, ("x",), 4)])

    assert exposition.text(lines).count("railwatch_faults_total{") == 1
    assert lines.duplicates == ('railwatch_faults_total{a="x"}',)


def test_a_writer_forgets_series_that_are_gone() -> None:
    writer = Writer(ORDER)
    for name in map(str, range(100)):
        writer.write([Sample(FAULTS, (name,), 1)])

    assert [len(lines) for lines in writer._lines.values()] == [0, 1, 0]


def test_snapshot_after_snapshot_is_written_as_if_it_were_the_first() -> None:
    heat, load = Sample(HEAT, ("x", " y 1"), 1), Sample(LOAD, (), 0.5)
    twice = (Sample(FAULTS, ("x",), 7), Sample(FAULTS, ("x",), 8))
    snapshots: list[tuple[Sample, ...]] = [
        (heat, load),
        (heat, load),
        (Sample(HEAT, ("x", " y 1"), 2), load),
        (Sample(HEAT, ("x", " y 1"), 2), load, *twice),
        (Sample(HEAT, ("x", " y 1"), 3), load, twice[0], Sample(FAULTS, ("x",), 9)),
        (load, heat),
        (),
        (heat,),
    ]
    writer = Writer(ORDER)

    written = [writer.write(snapshot) for snapshot in snapshots]

    assert written == [Writer(ORDER).write(snapshot) for snapshot in snapshots]


@pytest.mark.parametrize("labels", [(), ("x", "y")])
def test_a_sample_with_a_wrong_number_of_labels_is_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match="railwatch_faults_total"):
        Sample(FAULTS, labels, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1])
def test_a_value_that_no_counter_can_have_is_refused(value: float) -> None:
    with pytest.raises(Unreadable, match="railwatch_faults_total"):
        Sample(FAULTS, ("x",), value)


VALUES = st.floats(allow_nan=False, allow_infinity=False)
SAMPLES = st.lists(
    st.one_of(
        st.builds(Sample, st.just(HEAT), st.tuples(st.text(), st.text()), VALUES),
        st.builds(Sample, st.just(FAULTS), st.tuples(st.text()), st.floats(0, 1e300)),
        st.builds(Sample, st.just(LOAD), st.just(()), VALUES),
    )
)


@settings(max_examples=examples(150), deadline=None)
@given(SAMPLES)
def test_a_parser_reads_back_what_was_written(samples: list[Sample]) -> None:
    expected: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for sample in samples:
        names = sample.metric.labels
        key = (sample.metric.name, frozenset(zip(names, sample.labels, strict=True)))
        expected.setdefault(key, sample.value)

    lines = Writer(ORDER).write(samples)

    assert series(exposition.text(lines)) == expected
    assert series(exposition.openmetrics(lines) + "# EOF\n", openmetrics=True) == expected
    assert len(lines.duplicates) == len(samples) - len(expected)


@given(VALUES)
def test_a_number_is_written_exactly(value: float) -> None:
    assert float(exposition.number(value)) == value
