"""The files of one device, by path under the root: contents, and the links between them.

After a kernel 6.x: `class/` holds links into `devices/`, the network interfaces stand in the PCI
device's `net/`, and each attribute ends in a newline.
"""

import hashlib

from testbed.sysfs import switches
from testbed.sysfs.hardware import (
    COUNTER_BITS,
    HW_COUNTERS,
    INFINIBAND,
    LIFESPAN_MS,
    LINK_UP,
    RATES,
    Device,
)

_ARP_TYPES = {True: 32, False: 1}
_MTU = {True: 4092, False: 9000}
_GBIT = 400_000


def machine(seed: str) -> dict[str, str]:
    """Return what the firmware tells of the machine (DMI), the serial by the seed."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    return {
        "sys_vendor": "Simulated",
        "product_name": "HGX H100 8U",
        "product_serial": f"SIM{number:010}",
    }


def pci_directory(of: Device) -> str:
    """Return the PCI device's directory."""
    return f"{switches.nic_port(of.domain, of.bus)}/{of.address}"


def class_links(of: Device) -> dict[str, str]:
    """Return what points to the device from `class/` and `bus/`, as paths from the root."""
    pci = pci_directory(of)
    links = {
        f"class/infiniband/{of.name}": f"{pci}/infiniband/{of.name}",
        f"bus/pci/devices/{of.address}": pci,
    }
    for port in _ports(of):
        netdev = of.netdev(port)
        links[f"class/net/{netdev}"] = f"{pci}/net/{netdev}"
    return links


def back_links(of: Device) -> dict[str, str]:
    """Return the links to the function, from what stands on it, and from it to its driver."""
    pci = pci_directory(of)
    netdevs = {f"{pci}/net/{of.netdev(port)}/device": pci for port in _ports(of)}
    driver = {f"{pci}/driver": "bus/pci/drivers/mlx5_core"}
    return {f"{pci}/infiniband/{of.name}/device": pci} | driver | netdevs


def attributes(of: Device) -> dict[str, str]:
    """Return every attribute of a healthy, idle device, newline not included."""
    pci = pci_directory(of)
    made = {
        f"{pci}/vendor": "0x15b3",
        f"{pci}/device": "0x1021",
        f"{pci}/class": "0x020700" if _is_infiniband(of) else "0x020000",
        f"{pci}/numa_node": str(of.numa_node),
        **{f"{pci}/{name}": text for name, text in switches.LINK.items()},
    }
    base = f"{pci}/infiniband/{of.name}"
    made |= {f"{base}/{name}": value for name, value in _device(of).items()}
    for port in _ports(of):
        made |= {f"{base}/ports/{port}/{name}": text for name, text in _port(of, port).items()}
        netdev = f"{pci}/net/{of.netdev(port)}"
        made |= {f"{netdev}/{name}": text for name, text in _netdev(of, port).items()}
    return made


def not_supported(of: Device) -> list[str]:
    """Return the attributes that are there but answer each read with EINVAL.

    An InfiniBand GID has no network interface (print_ndev in the kernel's core/sysfs.c).
    """
    if not _is_infiniband(of):
        return []
    base = f"{pci_directory(of)}/infiniband/{of.name}"
    return [f"{base}/ports/{port}/gid_attrs/ndevs/0" for port in _ports(of)]


def _ports(of: Device) -> range:
    return range(1, of.ports + 1)


def _is_infiniband(of: Device) -> bool:
    return of.link_layer == INFINIBAND


def _device(of: Device) -> dict[str, str]:
    return {
        "board_id": "MT_0000000838",
        "fw_ver": "28.41.1000",
        "hca_type": "MT4129",
        "hw_rev": "0",
        "node_desc": f"simulated {of.name}",
        "node_guid": of.node_guid,
        "node_type": "1: CA",
        "sys_image_guid": of.node_guid,
    }


def _port(of: Device, port: int) -> dict[str, str]:
    infiniband = _is_infiniband(of)
    made = {
        "state": "4: ACTIVE",
        "phys_state": LINK_UP,
        "rate": RATES[of.link_layer],
        "link_layer": of.link_layer,
        "lid": f"0x{of.guid >> 4 & 0x3FFF | 1:x}" if infiniband else "0x0",
        "lid_mask_count": "0",
        "sm_lid": "0x1" if infiniband else "0x0",
        "sm_sl": "0",
        "cap_mask": "0xa751e84a" if infiniband else "0x04010000",
        "gids/0": _gid(of, port),
        "gid_attrs/types/0": "IB/RoCE v1",
    }
    if not infiniband:
        made["gid_attrs/ndevs/0"] = of.netdev(port)
    made |= {f"counters/{name}": "0" for name in COUNTER_BITS}
    made |= {f"hw_counters/{name}": "0" for name in HW_COUNTERS}
    return made | {"hw_counters/lifespan": str(LIFESPAN_MS)}


def _gid(of: Device, port: int) -> str:
    """Return the default GID: link-local prefix and port GUID, or the MAC as EUI-64 on Ethernet."""
    if _is_infiniband(of):
        return f"fe80:0000:0000:0000:{of.port_guid(port)}"
    mac = bytes.fromhex(of.mac(port).replace(":", ""))
    eui = (bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]).hex()
    return "fe80:0000:0000:0000:" + ":".join(eui[at : at + 4] for at in range(0, 16, 4))


def _netdev(of: Device, port: int) -> dict[str, str]:
    infiniband = _is_infiniband(of)
    return {
        "address": _hardware_address(of, port),
        "operstate": "up",
        "carrier": "1",
        "carrier_changes": "2",
        "carrier_up_count": "1",
        "carrier_down_count": "1",
        "speed": str(_GBIT),
        "mtu": str(_MTU[infiniband]),
        "type": str(_ARP_TYPES[infiniband]),
        "dev_id": "0x0",
        "dev_port": str(port - 1),
    }


def _hardware_address(of: Device, port: int) -> str:
    """Return an Ethernet MAC, or IPoIB's 20 bytes: queue pair, then the GID."""
    if not _is_infiniband(of):
        return of.mac(port)
    gid = bytes.fromhex(_gid(of, port).replace(":", ""))
    return "00:00:10:49:" + gid.hex(":")
