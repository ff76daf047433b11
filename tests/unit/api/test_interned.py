"""Parts that say the same are the same."""

from surefoot.api.interned import interned
from surefoot.api.spec import ModelReleaseSpec
from tests.scenarios.specs import spec


def made(**changes: object) -> ModelReleaseSpec:
    return interned(ModelReleaseSpec.model_validate(spec(**changes)))


def test_releases_that_say_the_same_share_it() -> None:
    one, other = made(), made(bake="45s")
    assert one.signals[0] is other.signals[0]
    assert one.traffic is other.traffic
    assert one.bake != other.bake


def test_what_is_said_otherwise_stays_as_it_was_written() -> None:
    one = made()
    signals = [{**each, "name": "others"} for each in spec()["signals"]]
    other = made(signals=signals)
    assert {each.name for each in other.signals} == {"others"}
    assert one.signals[0].name != "others"


def test_what_is_written_as_its_default_is_not_the_same_as_what_is_left_out() -> None:
    plain = made(analysis={})
    written = made(analysis={"interval": "15s"})
    assert plain.as_written()["analysis"] == {}
    assert written.as_written()["analysis"] == {"interval": "15s"}


def test_sharing_changes_nothing_of_what_is_said() -> None:
    assert made() == ModelReleaseSpec.model_validate(spec())
    assert made().as_written() == ModelReleaseSpec.model_validate(spec()).as_written()
