"""The one error that reaches a person, and how the libraries' errors become it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from surefoot.cli.reading import clean, part, words


class Problem(Exception):
    """Something that a person can put right; its text is one sentence. `is_passing`: asking again may help."""

    def __init__(self, sentence: str, is_passing: bool = False) -> None:
        super().__init__(sentence)
        self.is_passing = is_passing


# No answer, too slow, the watched version is gone, too many requests; with every 5xx.
_PASSING = (None, 0, 408, 410, 429)


@contextmanager
def as_problems(what: str) -> Iterator[None]:
    """Turn whatever the API client raises while it does `what` into a `Problem`."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        is_passing = error.status in _PASSING or error.status >= 500
        sentence = f"{what}: {_refusal(error.status, error.body, error.reason)}"
        raise Problem(sentence, is_passing) from error
    except (HTTPError, OSError) as error:
        raise Problem(f"{what}: cannot reach the API server ({clean(error)})", True) from error


def _refusal(status: int | None, body: str | bytes | None, reason: str | None) -> str:
    answer = _answer(body)
    if status == 401:
        return "the API server does not know who you are; log in again"
    if status == 404 and "name" not in part(answer, "details"):
        return "this cluster has no such resource; install Surefoot's CRDs first"
    return words(answer, "message") or clean(reason or f"HTTP status {status}")


def _answer(body: str | bytes | None) -> dict[str, object]:
    """The API server's Status object; empty for anything else, such as a proxy's page."""
    try:
        answer = json.loads(body or "")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
