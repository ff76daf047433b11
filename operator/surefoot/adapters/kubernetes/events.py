"""Events of the API events.k8s.io/v1: one per transition, posted once."""

from datetime import UTC, datetime

from surefoot.adapters.kubernetes.api import Api, path_of
from surefoot.api.plain import one_line
from surefoot.api.vocabulary import API_VERSION
from surefoot.engine.effects import Announcement
from surefoot.ports import ReleaseObject

CONTROLLER = "surefoot.dev/operator"
MOST_NOTE_BYTES = 1024


def note_of(text: str) -> str:
    """In one line. The API counts bytes, and refuses what is longer."""
    line = one_line(text)
    if len(line.encode()) <= MOST_NOTE_BYTES:
        return line
    return line.encode()[: MOST_NOTE_BYTES - 3].decode(errors="ignore").rstrip() + "…"


class EventRecorder:
    """The Notifier port: what people see under `kubectl describe` and `kubectl events`."""

    def __init__(self, api: Api, instance: str) -> None:
        self._api, self._instance = api, instance

    async def announce(self, release: ReleaseObject, said: Announcement) -> None:
        """Post one Event. Raises PortError; the caller decides what a lost Event is worth."""
        namespace, name = release.key
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name[:50].rstrip('.-')}-", "namespace": namespace},
            "eventTime": now,
            "type": "Warning" if said.warning else "Normal",
            "reason": said.reason.value,
            "note": note_of(said.message),
            "action": said.reason.value,
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance[:128],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": "ModelRelease",
                "namespace": namespace,
                "name": name,
                "uid": release.uid,
            },
        }
        await self._api.post(path_of("events.k8s.io", "v1", "events", namespace), body)
