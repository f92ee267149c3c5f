"""Our routes as prometheus-operator's AlertmanagerConfig has them.

The operator adds a matcher `namespace="<the object's own>"` to every route and inhibition of such
an object (its strategy OnNamespace, the default), and alerts about hardware have no namespace: none
would ever match. Whoever applies the object has to say otherwise, see NOTE. It holds the bridge,
the dead man's switch and the inhibitions; people are told by the routes that are there already,
because the operator lets the first route of each object continue.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from alerts.model import Alert
from alerts.routes import NOBODY, RouteSettings, additions

NOTE = """\
Alerts about hardware have no namespace, and by default prometheus-operator lets an
AlertmanagerConfig match alerts of its own namespace only: nothing would be routed. Set in your
Alertmanager object one of
  spec.alertmanagerConfigMatcherStrategy.type: None
  spec.alertmanagerConfigMatcherStrategy.type: OnNamespaceExceptForAlertmanagerNamespace
    (and put this object into Alertmanager's namespace)
and let spec.alertmanagerConfigSelector select this object. It cannot be the whole configuration
(spec.alertmanagerConfiguration): for that use alertmanager/alertmanager.yaml.
"""

_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')


def spec(settings: RouteSettings, alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return the spec of the object."""
    lists = additions(RouteSettings(**_own(settings)), alerts)
    names = "|".join(alert.name for alert in alerts)
    return {
        "route": {
            "receiver": NOBODY,
            "matchers": [{"name": "alertname", "matchType": "=~", "value": names}],
            "routes": [_route(each) for each in lists["routes"]],
        },
        "receivers": [_receiver(each, settings) for each in lists["receivers"]],
        "inhibitRules": [_inhibition(each) for each in lists["inhibit_rules"]],
    }


def _own(settings: RouteSettings) -> dict[str, Any]:
    """Return the settings of what the object holds: receivers for people are not among it."""
    names = ("bridge_url", "watchdog_url", "bridge_wait", "bridge_interval", "repeat_interval")
    return {name: getattr(settings, name) for name in names}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _route(route: Mapping[str, Any]) -> dict[str, Any]:
    made = {_camel(key): value for key, value in route.items()}
    return made | {"matchers": _matchers(route["matchers"])}


def _inhibition(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sourceMatch": _matchers(rule["source_matchers"]),
        "targetMatch": _matchers(rule["target_matchers"]),
        "equal": rule["equal"],
    }


def _matchers(matchers: Sequence[str]) -> list[dict[str, str]]:
    return [_matcher(matcher) for matcher in matchers]


def _matcher(matcher: str) -> dict[str, str]:
    found = _MATCHER.fullmatch(matcher)
    assert found
    return {"name": found[1], "matchType": found[2], "value": found[3]}


def _receiver(receiver: Mapping[str, Any], settings: RouteSettings) -> dict[str, Any]:
    webhooks = [_webhook(each, settings) for each in receiver.get("webhook_configs", ())]
    return {"name": receiver["name"]} | ({"webhookConfigs": webhooks} if webhooks else {})


def _webhook(webhook: Mapping[str, Any], settings: RouteSettings) -> dict[str, Any]:
    made = {"url": webhook["url"], "sendResolved": webhook["send_resolved"]}
    if webhook["url"] == settings.bridge_url and settings.bridge_token_secret:
        name, _, key = settings.bridge_token_secret.partition("/")
        token = {"type": "Bearer", "credentials": {"name": name, "key": key}}
        made["httpConfig"] = {"authorization": token}
    return made
