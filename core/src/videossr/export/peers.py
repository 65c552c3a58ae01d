"""The trainers and libraries that questions can be handed over to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from videossr.errors import ConfigError, Mistake, did_you_mean
from videossr.export.easyr1 import EasyR1
from videossr.export.hub import Datasets
from videossr.export.swift import Swift
from videossr.export.verl import Verl

if TYPE_CHECKING:
    from videossr.export.peer import Peer
    from videossr.export.shown import Show

_PEERS: Final[tuple[Peer, ...]] = (Verl(), Datasets(), Swift(), EasyR1())

#: By name.
PEERS: Final = {peer.name: peer for peer in _PEERS}


def peer_of(name: str, show: str | None) -> tuple[Peer, Show]:
    """The peer of a name, and how it is shown clips.

    Args:
        show: that is wished for; None for the peer's usual way.

    Raises:
        ConfigError: there is no such peer, or it cannot be shown clips so.
    """
    if name not in PEERS:
        right = did_you_mean(name, PEERS) or f"there are {', '.join(PEERS)}"
        raise ConfigError(Mistake("--to", f"no peer has the name {name!r}", right))
    peer = PEERS[name]
    wished = next((way for way in peer.shows if way == (show or way)), None)
    if wished is None:
        right = f"must be one of {', '.join(peer.shows)}"
        raise ConfigError(Mistake("--show", f"{show!r} is no way to show a clip", right))
    if peer.shows[wished]:
        usual = next(iter(peer.shows))
        why = f"{wished} cannot be handed to {peer.title}: {peer.shows[wished]}"
        raise ConfigError(Mistake("--show", why, f"--show {usual}"))
    return peer, wished
