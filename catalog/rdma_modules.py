"""What the transceiver in a port's cage says of itself."""

from catalog.metrics import Metric, gauge
from catalog.rdma import PORT

RDMA_MODULE_INFO = gauge(
    "railwatch_rdma_module_info",
    "The transceiver or cable in the port's cage; always 1. `form` is sfp, qsfp or cmis (QSFP-DD, "
    "OSFP and QSFP112: by the standard that its memory follows).",
    labels=(*PORT, "form", "vendor", "part", "serial"),
    source="ethtool MODULE_EEPROM_GET",
)
RDMA_MODULE_TEMPERATURE = gauge(
    "railwatch_rdma_module_temperature_celsius",
    "Temperature of the transceiver; absent where it does not measure it, as passive copper.",
    labels=PORT,
    unit="celsius",
    source="module's monitors (1/256 °C)",
)
RDMA_MODULE_TEMPERATURE_LIMIT = gauge(
    "railwatch_rdma_module_temperature_limit_celsius",
    "Temperature above which the transceiver raises its alarm, as its maker set it.",
    labels=PORT,
    unit="celsius",
    source="module's thresholds (1/256 °C)",
)
RDMA_MODULE_VOLTAGE = gauge(
    "railwatch_rdma_module_supply_volts",
    "Voltage that the transceiver is supplied with.",
    labels=PORT,
    unit="volts",
    source="module's monitors (100 µV)",
)
RDMA_MODULE_RECEIVE_POWER = gauge(
    "railwatch_rdma_module_receive_power_watts",
    "Light received on the lane that receives least; 0 where one is dark, as those that a split "
    "cable leaves unused are.",
    labels=PORT,
    unit="watts",
    source="module's monitors (0.1 µW)",
)
RDMA_MODULE_TRANSMIT_POWER = gauge(
    "railwatch_rdma_module_transmit_power_watts",
    "Light sent on the lane that sends least.",
    labels=PORT,
    unit="watts",
    source="module's monitors (0.1 µW)",
)
RDMA_MODULE_BIAS = gauge(
    "railwatch_rdma_module_laser_bias_amperes",
    "Current through the laser that takes most of all lanes'; it rises as a laser ages.",
    labels=PORT,
    unit="amperes",
    source="module's monitors (2 µA)",
)
RDMA_MODULE_FLAGS = gauge(
    "railwatch_rdma_module_flags",
    "Alarms, warnings and lane faults that the transceiver raised since it was read before; a flag "
    "that does not persist is gone with the next reading.",
    labels=PORT,
    source="module's latched flags",
)
RDMA_MODULE_FLAG = gauge(
    "railwatch_rdma_module_flag",
    "1 for each flag among the first 16 that are raised, else absent; `lane` is empty for one of "
    "the module as a whole.",
    labels=(*PORT, "lane", "flag"),
    source="module's latched flags",
)

METRICS: tuple[Metric, ...] = (
    RDMA_MODULE_INFO,
    RDMA_MODULE_TEMPERATURE,
    RDMA_MODULE_TEMPERATURE_LIMIT,
    RDMA_MODULE_VOLTAGE,
    RDMA_MODULE_RECEIVE_POWER,
    RDMA_MODULE_TRANSMIT_POWER,
    RDMA_MODULE_BIAS,
    RDMA_MODULE_FLAGS,
    RDMA_MODULE_FLAG,
)
