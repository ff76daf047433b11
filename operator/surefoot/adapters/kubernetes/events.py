"""Events of the API events.k8s.io/v1: one per transition, also where it takes more than one try."""

from datetime import UTC, datetime
from hashlib import sha256

from surefoot.adapters.kubernetes.api import Api, ExistsError, RefusedError, path_of
from surefoot.api.plain import one_line
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import API_VERSION
from surefoot.engine.effects import Announcement
from surefoot.engine.owed import Owed
from surefoot.ports import PortError, ReleaseObject

CONTROLLER = "surefoot.dev/operator"
MOST_NOTE_BYTES = 1024


def note_of(text: str) -> str:
    """In one line. The API counts bytes, and refuses what is longer."""
    line = one_line(text)
    if len(line.encode()) <= MOST_NOTE_BYTES:
        return line
    return line.encode()[: MOST_NOTE_BYTES - 3].decode(errors="ignore").rstrip() + "…"


def name_of(release: ReleaseObject, said: Announcement) -> dict[str, str]:
    """The same name for the same transition, whoever tells of it and how often."""
    stem = release.key.name[:50].rstrip(".-")
    if not said.about:
        return {"generateName": f"{stem}-"}
    digest = sha256(f"{release.uid} {said.about}".encode()).hexdigest()
    return {"name": f"{stem}.{digest[:16]}"}


class EventRecorder:
    """The Notifier port: what people see under `kubectl describe` and `kubectl events`."""

    def __init__(self, api: Api, instance: str) -> None:
        self._api, self._instance = api, instance
        self._owed = Owed()

    def owed(self, release: ReleaseObject) -> tuple[Announcement, ...] | None:
        """See `ports.Notifier`."""
        return self._owed.of(release.uid, release.resource_version, release.status)

    def doubt(
        self, release: ReleaseObject, status: ModelReleaseStatus, said: tuple[Announcement, ...]
    ) -> None:
        """See `ports.Notifier`."""
        self._owed.doubt(release.uid, release.resource_version, status, said)

    def settle(self, release: ReleaseObject) -> None:
        """See `ports.Notifier`."""
        self._owed.settle(release.uid, release.resource_version, release.status)

    async def announce(self, release: ReleaseObject, said: tuple[Announcement, ...]) -> None:
        """Post Events. Raises PortError; what the API server will never take is not tried again."""
        for count, each in enumerate(said):
            try:
                await self._post(release, each)
            except ExistsError:
                continue  # it was told before
            except PortError as error:
                left = said[count + isinstance(error, RefusedError) :]
                self._owed.owe(release.uid, left)
                raise
        if release.gone:
            self._owed.forget(release.uid)
        else:
            self._owed.owe(release.uid, ())

    async def _post(self, release: ReleaseObject, said: Announcement) -> None:
        namespace, name = release.key
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {**name_of(release, said), "namespace": namespace},
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
