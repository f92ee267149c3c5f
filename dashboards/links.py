"""Where one dashboard leads to another: by uid, which never changes, never by title."""

from catalog.labels import CLUSTER, NODE

FLEET_UID = "railwatch-fleet"
NODE_UID = "railwatch-node"

_CARRIED = f"${{datasource:queryparam}}&${{{CLUSTER}:queryparam}}&${{__url_time_range}}"


def to_node() -> str:
    """Return the link of a cell that holds a node's name.

    Data source, cluster and time range are taken along.
    """
    return f"/d/{NODE_UID}?{_CARRIED}&var-{NODE}=${{__value.raw}}"
