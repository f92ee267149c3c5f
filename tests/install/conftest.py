"""The chart, made once."""

import pytest

from tests.install.charts import Chart, build


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    return Chart(path=build(tmp_path_factory.mktemp("chart")))
