"""Who the two arms of a release are, as metrics know them: from the file, the command line, the cluster."""

from collections.abc import Callable
from functools import cache

from surefoot.adapters.prometheus.presets import source_of
from surefoot.api.signals import Signal
from surefoot.cli.kube import Cluster
from surefoot.cli.problem import Problem, as_problems
from surefoot.cli.reading import clean, number, part, words
from surefoot.cli.releasefile import ReleaseFile
from surefoot.engine.questions import ArmRef

_TIMEOUT_S = (10, 30)


class Arms:
    """The cluster is asked only for what neither the file nor the command line says."""

    def __init__(
        self,
        file: ReleaseFile,
        connect: Callable[[], Cluster],
        namespace: str | None = None,
        incumbent: str | None = None,
    ) -> None:
        """`incumbent` is `DEPLOYMENT[:PORT]`, whose Service bears the same name. Raises `Problem`."""
        self._file = file
        self._connect = cache(connect)
        self._needs_port = any(map(_needs_port, file.spec.signals))
        self.namespace = namespace or file.namespace or self._connect().namespace
        self.incumbent = self._incumbent(incumbent)
        spec = file.spec.candidate
        port = self._port(spec.service, spec.port)
        self.candidate = ArmRef(spec.workload_ref.name, spec.service, port)

    def _incumbent(self, given: str | None) -> ArmRef:
        if given is not None:
            name, _, port = given.partition(":")
            if not name or (port and not port.isdecimal()):
                raise Problem(
                    f"{clean(given)!r} is no incumbent: write DEPLOYMENT or DEPLOYMENT:PORT"
                )
            return ArmRef(name, name, self._port(name, int(port) if port else None))
        asserted = self._file.spec.incumbent
        if asserted is not None:
            port_number = self._port(asserted.service, asserted.port)
            return ArmRef(asserted.workload_ref.name, asserted.service, port_number)
        return self._serving()

    def _serving(self) -> ArmRef:
        """What the release in the cluster says that serves."""
        unknown = f"What serves {clean(self._file.name)} now is not known"
        advice = "pass --incumbent with the name of its Deployment"
        try:
            release = self._connect().within(self.namespace).release(self._file.name)
        except Problem as problem:
            raise Problem(f"{unknown} ({problem}): {advice}") from None
        serving = part(release, "status", "incumbent")
        workload, backend = words(serving, "workload"), part(serving, "backend")
        if not workload or not words(backend, "name"):
            raise Problem(f"{unknown} (the release has no incumbent in its status yet): {advice}")
        return ArmRef(workload, words(backend, "name"), int(number(backend, "port") or 0))

    def _port(self, service: str, given: int | None) -> int:
        """The Service's port; 0 where nothing depends on it."""
        if given is not None or not self._needs_port:
            return given or 0
        from kubernetes.client import CoreV1Api

        unknown = f"The port of Service {clean(service)} is not known"
        advice = "write the candidate's as backendRef.port, an incumbent's as --incumbent DEPLOYMENT:PORT"
        try:
            with as_problems("Cannot read it"):
                found = CoreV1Api(self._connect().client).read_namespaced_service(
                    service, self.namespace, _request_timeout=_TIMEOUT_S
                )
        except Problem as problem:
            raise Problem(f"{unknown} ({problem}): {advice}") from None
        ports = [each.port for each in found.spec.ports or ()]
        if len(ports) != 1:
            raise Problem(f"{unknown} (it has {len(ports)} ports): {advice}")
        return int(ports[0])


def _needs_port(signal: Signal) -> bool:
    if signal.query is not None:
        return ".port" in signal.query
    found = source_of(signal)
    return not isinstance(found, str) and found[0].arm.needs_port
