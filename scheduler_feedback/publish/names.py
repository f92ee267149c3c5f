"""What domains are called: a valid label value, the same each time, never that of another domain.

A domain is called after the first of its switches, in the order in which people count. It keeps the
name that most of its nodes have already, as long as no other switch answers to that: or else the
loss of one switch would rename all that stand behind its neighbours.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from catalog.domains import fit, label_value, marked

K = TypeVar("K", bound=Hashable)


def object_name(value: str) -> str:
    """Return a label's value as part of an object's name: lower case, and never another's."""
    lower = value.lower().replace("_", "-")
    plain = re.sub(r"[.-]{2,}", lambda run: "-" * len(run[0]), lower)
    return plain if plain == value else marked(plain, value).lower()


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts leaf-2 before leaf-10."""
    parts = re.split(r"([0-9]{1,9})", name)
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts]


def unique_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return each switch's own label value, by what identifies it; switches may be called alike."""
    often = Counter(names.values())
    return {
        key: label_value(name) if name and often[name] == 1 else marked(fit(name), key)
        for key, name in names.items()
    }


def name_domains(
    switches: Mapping[K, frozenset[str]],
    called: Mapping[str, str],
    votes: Mapping[K, Iterable[str]],
) -> dict[K, str]:
    """Return the name of each domain of one tier.

    `switches` are the switches of each, of which no two domains share one, `called` the label value
    of every switch there is, `votes` what each of a domain's nodes is labelled with now.
    """
    taken = {value: switch for switch, value in called.items()}
    found = {
        domain: _kept(own, votes.get(domain, ()), taken) or _first(own, called)
        for domain, own in switches.items()
    }
    alike: defaultdict[str, list[K]] = defaultdict(list)
    for domain, name in found.items():
        alike[name].append(domain)
    for domains in alike.values():
        if len(domains) > 1:  # they have all kept one name: none is theirs alone
            found |= {domain: _first(switches[domain], called) for domain in domains}
    return found


def _first(own: frozenset[str], called: Mapping[str, str]) -> str:
    return min((called[switch] for switch in own), key=lambda name: (natural(name), name))


def _kept(own: frozenset[str], votes: Iterable[str], taken: Mapping[str, str]) -> str:
    """Return what most nodes are labelled with, where it is no other switch's name."""
    cast = Counter(votes)
    if not cast:
        return ""
    name, most = max(cast.items(), key=lambda vote: (vote[1], vote[0]))
    stranger = name in taken and taken[name] not in own
    return "" if stranger or 2 * most <= cast.total() else name
