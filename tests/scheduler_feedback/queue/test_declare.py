"""What the declaration of queues may say, and what becomes of one that makes no sense."""

import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from program.errors import ProgramError
from scheduler_feedback.queue.declare import Declaration, DeclarationError, Quota, parse
from scheduler_feedback.queue.file import QueueFile
from tests.budget import examples

GPU = "nvidia.com/gpu"


def test_a_queue_holds_the_namespace_of_its_name_unless_it_names_others() -> None:
    declared = parse(
        """
        queues:
          vision:
            resources: {nvidia.com/gpu: {guaranteed: 16, limit: 32, borrowable: 8}}
          speech:
            namespaces: [speech, audio-*]
            resources: {nvidia.com/gpu: {guaranteed: 8}}
          rest:
            namespaces: ["*"]
            resources: {nvidia.com/gpu: {}}
        """,
        "queues.yaml",
    )

    names = {n: q.name if (q := declared.of(n)) else None for n in ("vision", "audio-1", "other")}
    assert names == {"vision": "vision", "audio-1": "speech", "other": "rest"}
    assert declared.queues[0].quotas[GPU] == Quota(guaranteed=16, limit=32, borrowable=8)
    assert declared.queues[1].quotas[GPU] == Quota(guaranteed=8, limit=None, borrowable=8)
    assert declared.queues[2].quotas[GPU] == Quota()


def test_device_classes_count_as_what_they_are_said_to_and_nvidias_as_its_gpus() -> None:
    told = "queues: {}\ndevice_classes: {gpu.example.com: example.com/gpu}"

    assert parse("queues: {}", "q").device_classes == {"gpu.nvidia.com": GPU}
    assert parse(told, "q").device_classes == {"gpu.example.com": "example.com/gpu"}
    assert parse("queues: {}\ndevice_classes: {}", "q").device_classes == {}


def test_a_name_goes_before_a_pattern_and_no_pattern_means_no_queue() -> None:
    declared = parse(
        "queues: {all: {namespaces: [ml-*], resources: {a/b: {}}}, "
        "one: {namespaces: [ml-1], resources: {a/b: {}}}}",
        "q",
    )

    found = [declared.of(n) for n in ("ml-1", "ml-2", "else")]
    assert [queue.name if queue else None for queue in found] == ["one", "all", None]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("queue: {}", "f.yaml: unknown field 'queue': did you mean 'queues'?"),
        ("queues: []", None),
        ("", "f.yaml: queues is missing: `queues: {}` declares none"),
        ("{}", "f.yaml: queues is missing"),
        ("queues: [a]", "f.yaml: queues: expected a mapping"),
        ("queues: {}\ndevice_classes: [a]", "f.yaml: device_classes: expected a mapping"),
        ("queues: {}\ndevice_classes: {A_: x/y}", "device_classes: 'A_' is no device class such"),
        ("queues: {}\ndevice_classes: {a: gpu}", "device_classes.a: no accelerator resource"),
        ("queues: {a: 1}", "f.yaml: queues.a: expected a mapping of namespaces, resources"),
        ("queues: {A: {}}", "f.yaml: queues.A: not a name"),
        ("queues: {none: {}}", "f.yaml: queues.none: not a name"),
        ("queues: {a: {resource: {}}}", "did you mean 'resources'?"),
        ("queues: {a: {}}", "f.yaml: queues.a.resources: none: name one such as nvidia.com/gpu"),
        ("queues: {a: {resources: {cpu: {}}}}", "queues.a.resources.cpu: no accelerator resource"),
        (
            "queues: {a: {resources: {x/y: {guarantee: 1}}}}",
            "f.yaml: queues.a.resources.x/y: unknown field 'guarantee': did you mean 'guaranteed'?",
        ),
        ("queues: {a: {resources: {x/y: {limit: -1}}}}", "x/y.limit: '-1' is no whole number"),
        ("queues: {a: {resources: {x/y: {limit: true}}}}", "x/y.limit: 'True' is no whole number"),
        (
            "queues: {a: {resources: {x/y: {guaranteed: 2, limit: 1}}}}",
            "x/y.limit: 1 is below guaranteed, 2",
        ),
        (
            "queues: {a: {resources: {x/y: {guaranteed: 2, borrowable: 3}}}}",
            "x/y.borrowable: 3 is above guaranteed, 2",
        ),
        ("queues: {a: {namespaces: b, resources: {x/y: {}}}}", "a.namespaces: expected a list"),
        ("queues: {a: {namespaces: [B], resources: {x/y: {}}}}", "'B' is no namespace"),
        (
            "queues: {a: {resources: {x/y: {}}}, b: {namespaces: [a], resources: {x/y: {}}}}",
            "queues.b.namespaces: a is in queue a already: take it out of one",
        ),
        ("queues: {a: {resources: {x/y: {}}}, a: {resources: {x/y: {}}}}", "a: declared twice"),
        ("{", "f.yaml: not YAML"),
        ("queues: 2026-99-99", "f.yaml: not YAML: month must be in 1..12"),
    ],
)
def test_what_makes_no_sense_is_refused_by_file_and_field(text: str, says: str | None) -> None:
    if says is None:
        assert parse(text, "f.yaml") == Declaration()
        return
    with pytest.raises(DeclarationError) as refused:
        parse(text, "f.yaml")

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.fuzz
@settings(max_examples=examples(80))
@given(
    st.one_of(
        st.text(alphabet="queues:{}[]-* \n\tabc/:0123456789&!<>|%@`'\"", max_size=200),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(
                    st.sampled_from(["queues", "a", "namespaces", "resources", "x/y", "limit"]),
                    inner,
                    max_size=4,
                ),
            ),
            max_leaves=12,
        ).map(repr),
    )
)
def test_any_text_is_a_declaration_or_refused(text: str) -> None:
    told = ""
    try:
        declared = parse(text, "f.yaml")
    except DeclarationError as error:
        declared, told = Declaration(), str(error)

    assert told == "" or told.startswith("f.yaml: ")
    assert all(queue.quotas for queue in declared.queues)


GOOD = "queues: {a: {resources: {x/y: {guaranteed: 1}}}}"


def test_the_file_is_followed_and_the_last_good_declaration_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "queues.yaml"
    file.write_text(GOOD)
    queues = QueueFile(str(file))
    before = queues.current()

    file.write_text("queues: {a: {resourcs: {}}}")
    with caplog.at_level(logging.WARNING):
        kept = [queues.current(), queues.current(), queues.current()]

    assert kept == [before, before, before]
    assert not queues.good
    assert len(caplog.records) == 1
    file.unlink()
    assert queues.current() == before
    file.write_text(GOOD.replace("1", "2"))
    assert queues.current() == before
    assert queues.current().queues[0].quotas["x/y"].guaranteed == 2
    assert queues.good


def test_a_file_that_is_half_written_in_one_pass_lifts_no_limit(tmp_path: Path) -> None:
    file = tmp_path / "queues.yaml"
    file.write_text(GOOD)
    queues = QueueFile(str(file))
    before = queues.current()

    for text in ("", "queues:\n", GOOD):
        file.write_text(text)
        assert queues.current() == before

    assert queues.current() == before
    assert queues.good


@pytest.mark.parametrize("content", [b"queues: 1", b"\xff", b"#" * (1 << 20 | 1), None])
def test_a_program_does_not_start_on_a_declaration_that_makes_no_sense(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "queues.yaml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ProgramError, match=r"--queues\.file: .*queues\.yaml: "):
        QueueFile(str(file))
