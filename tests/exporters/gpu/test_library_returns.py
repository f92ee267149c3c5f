"""NVIDIA's library is replaced while the exporter runs, as every upgrade of the driver does."""

from tests.exporters.running import Scrape, exporter, hardware


def test_a_library_that_comes_back_is_found_without_a_restart() -> None:
    with hardware(gpus=1, ports=1) as machine:
        uuid = machine.nvml.uuid(0)
        machine.nvml.hide_library()
        with exporter(machine) as running:
            before = running.await_scrape(
                "no library", lambda s: s.collector_state("gpu", "memory") == "absent"
            )
            assert before.gpu_state(uuid) is None

            machine.nvml.show_library()

            running.await_scrape("the GPU", lambda s: s.gpu_state(uuid) == "ok")


def test_a_library_that_is_taken_away_costs_no_gpu_that_is_being_read() -> None:
    # A worker that is taken for hung has no library to begin anew with: deadlines of many seconds.
    patient = "5s"
    with hardware(gpus=1, ports=1) as machine, exporter(machine, interval=patient) as running:
        uuid = machine.nvml.uuid(0)
        running.await_scrape("the GPU", lambda s: s.gpu_state(uuid) == "ok")

        machine.nvml.hide_library()
        machine.nvml.set(0, temperature=77)

        def is_read(scrape: Scrape) -> bool:
            return scrape.value("railwatch_gpu_temperature_celsius", uuid=uuid) == 77

        running.await_scrape("the reading", is_read)
        machine.nvml.show_library()
