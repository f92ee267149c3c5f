from catalog import sxid


def test_the_table_is_whole() -> None:
    table = sxid.table()

    assert len(table) == 92
    assert table[20034].name == "LTSSM Fault Up"
    assert [code for code, known in table.items() if known.always_fatal] == [10003]
    assert table[11012].recovery == "Not Applicable."


def test_what_the_guide_leaves_open_stays_open() -> None:
    known = sxid.table()[11001]

    assert known.potential_fatal is None
    assert known.always_fatal is None


def test_an_error_is_as_grave_as_its_driver_logged_it() -> None:
    assert sxid.severity(12028, logged_fatal=False) == "non_fatal"
    assert sxid.severity(20034, logged_fatal=True) == "fatal"
    assert sxid.severity(99999, logged_fatal=False) == "non_fatal"


def test_one_that_is_always_fatal_is_fatal_whatever_was_logged() -> None:
    assert sxid.severity(10003, logged_fatal=False) == "fatal"
