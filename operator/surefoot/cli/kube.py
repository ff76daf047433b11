"""The API server, as far as the plugin needs it: releases and actions as plain JSON objects.

The client library takes half a second to import, and the models of the API a fifth: they are
imported when they are needed, as whoever aborts a release waits for it.
"""

import os
from collections.abc import Callable
from typing import Any

from surefoot.api.vocabulary import API_VERSION, GROUP, RELEASE_LABEL, VERSION, ActionType
from surefoot.cli.problem import Problem, as_problems
from surefoot.cli.reading import clean, part, words

Object = dict[str, Any]
_TIMEOUT_S = (10, 30)
_WATCH_S = 240


class Cluster:
    """One cluster as one user; namespace is the one that was asked for, or the context's."""

    def __init__(self, client: Any, namespace: str) -> None:
        from kubernetes.client import CustomObjectsApi

        self.client = client
        self._objects = CustomObjectsApi(client)
        self.namespace = namespace

    def within(self, namespace: str) -> "Cluster":
        """The same cluster, in that namespace."""
        return Cluster(self.client, namespace)

    def release(self, name: str) -> Object:
        """The ModelRelease of that name. Raises `Problem`."""
        return self._get("modelreleases", name)

    def action(self, name: str) -> Object:
        """The ReleaseAction of that name. Raises `Problem`."""
        return self._get("releaseactions", name)

    def release_class(self, name: str) -> Object:
        """The ReleaseClass of that name, which no namespace has. Raises `Problem`."""
        with as_problems(f"Cannot read ReleaseClass {clean(name)}"):
            return self._ask(self._objects.get_cluster_custom_object, "releaseclasses", name=name)

    def releases(self, everywhere: bool) -> Object:
        """The list of ModelReleases, of one namespace or of all."""
        with as_problems("Cannot list ModelReleases"):
            if everywhere:
                return self._ask(self._objects.list_cluster_custom_object)
            return self._ask(self._objects.list_namespaced_custom_object, namespace=self.namespace)

    def records(self, name: str | None, everywhere: bool) -> Object:
        """The list of ReleaseRecords, of one release or of all."""
        from surefoot.api.record import label_of

        chosen = {"label_selector": f"{RELEASE_LABEL}={label_of(name)}"} if name else {}
        with as_problems("Cannot list ReleaseRecords"):
            if everywhere:
                return self._ask(
                    self._objects.list_cluster_custom_object, "releaserecords", **chosen
                )
            return self._ask(
                self._objects.list_namespaced_custom_object,
                "releaserecords",
                namespace=self.namespace,
                **chosen,
            )

    def who(self) -> str:
        """The name by which the API server knows the user."""
        from kubernetes.client import AuthenticationV1Api

        with as_problems("Cannot find out who you are"):
            review = AuthenticationV1Api(self.client).create_self_subject_review(
                {}, _request_timeout=_TIMEOUT_S
            )
        return str(review.status.user_info.username)

    def act(self, name: str, kind: ActionType, message: str | None) -> Object:
        """Ask for an act on the release `name` in the user's own name; the created ReleaseAction."""
        spec = {"releaseName": name, "type": kind.value, "requestedBy": self.who()}
        body = {
            "apiVersion": API_VERSION,
            "kind": "ReleaseAction",
            "metadata": {"generateName": f"{name}-{kind.lower()}-"},
            "spec": spec | ({"message": message} if message else {}),
        }
        with as_problems(f"Cannot ask for {kind} of {clean(name)}"):
            return self._ask(
                self._objects.create_namespaced_custom_object,
                "releaseactions",
                namespace=self.namespace,
                body=body,
            )

    def stream(self, name: str, resource_version: str) -> Any:
        """Watch events (`{"type", "object"}`) of one release until the server ends the stream."""
        from kubernetes.watch import Watch

        return Watch().stream(
            self._objects.list_namespaced_custom_object,
            GROUP,
            VERSION,
            self.namespace,
            "modelreleases",
            field_selector=f"metadata.name={name}",
            resource_version=resource_version,
            timeout_seconds=_WATCH_S,
            _request_timeout=(_TIMEOUT_S[0], _WATCH_S + _TIMEOUT_S[1]),
        )

    def _get(self, plural: str, name: str) -> Object:
        with as_problems(f"Cannot read {clean(name)} in namespace {clean(self.namespace)}"):
            return self._ask(
                self._objects.get_namespaced_custom_object,
                plural,
                namespace=self.namespace,
                name=name,
            )

    def _ask(
        self, call: Callable[..., Any], plural: str = "modelreleases", **arguments: Any
    ) -> Object:
        found = call(
            group=GROUP, version=VERSION, plural=plural, _request_timeout=_TIMEOUT_S, **arguments
        )
        if not isinstance(found, dict):
            raise Problem("The API server's answer is not JSON: is a proxy in between?")
        return found


def connect(namespace: str | None, context: str | None, kubeconfig: str | None) -> Cluster:
    """The cluster of a kubeconfig context. Raises `Problem` when there is no usable one."""
    from kubernetes import client, config

    configuration = client.Configuration()
    file = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        contexts, current = config.list_kube_config_contexts(file)
        if context is not None and all(each["name"] != context for each in contexts):
            names = ", ".join(each["name"] for each in contexts)
            raise Problem(f"The kubeconfig has no context {context!r}: choose from {names}.")
        config.load_kube_config(
            file, context, client_configuration=configuration, persist_config=False
        )
    except Problem:
        raise
    except Exception as error:  # a malformed file fails in many ways inside the library
        raise Problem(
            f"No usable kubeconfig: set KUBECONFIG, or pass --kubeconfig and --context ({clean(error)})"
        ) from error
    configuration.retries = False
    chosen = next((c for c in contexts if c["name"] == context), current)
    own = words(part(chosen, "context"), "namespace", "default")
    return Cluster(client.ApiClient(configuration), namespace or own)
