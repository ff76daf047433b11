"""One replica per target: which one, and when another one."""

from hypothesis import given
from hypothesis import strategies as st

from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.replicas import Replicas


def series(replica: str, first: float, last: float, instance: str = "i", **labels: str) -> Series:
    """Samples every second; the value tells whose they are."""
    times = [first + i for i in range(int(last - first) + 1)]
    value = float(ord(replica[0]))
    samples = tuple((time, value) for time in times)
    return Series(
        Labels({"__name__": "x", "job": "j", "instance": instance, "replica": replica, **labels}),
        samples,
    )


def read(replicas: Replicas, *many: Series) -> list[str]:
    """Whose samples were taken, series by series."""
    return [chr(int(each.samples[0][1])) for each in replicas.one_of_each(many)]


def test_each_target_has_one_replica_whose_label_is_taken_off() -> None:
    replicas = Replicas(("replica",), 1)
    many = [series(r, 0, 60, i, le=le) for r in "ba" for i in ("i", "k") for le in ("1", "2")]
    found = replicas.one_of_each(tuple(many))
    assert [(each.labels["instance"], each.labels["le"]) for each in found] == [
        ("i", "1"), ("i", "2"), ("k", "1"), ("k", "2"),
    ]  # fmt: skip
    assert all("replica" not in each.labels for each in found)
    assert {each.samples[0][1] for each in found} == {float(ord("a"))}


def test_it_stays_with_a_replica_that_keeps_up() -> None:
    replicas = Replicas(("replica",), 1)
    assert read(replicas, series("b", 0, 60)) == ["b"]
    assert read(replicas, series("a", 10, 70), series("b", 10, 69)) == ["b"]


def test_one_that_lags_is_left_and_not_gone_back_to() -> None:
    replicas = Replicas(("replica",), 1)
    assert read(replicas, series("a", 0, 60), series("b", 0, 60)) == ["a"]
    assert read(replicas, series("a", 0, 60), series("b", 0, 65)) == ["b"]
    assert read(replicas, series("a", 10, 70), series("b", 10, 70)) == ["b"]


def test_one_that_missed_the_beginning_of_the_window_is_not_read() -> None:
    assert read(Replicas(("replica",), 1), series("a", 30, 60), series("b", 0, 60)) == ["b"]


def test_where_each_missed_something_the_longer_one_is_read() -> None:
    replicas = Replicas(("replica",), 1)
    assert read(replicas, series("a", 0, 40), series("b", 10, 60)) == ["b"]


def test_targets_choose_for_themselves() -> None:
    replicas = Replicas(("replica",), 1)
    many = (series("a", 30, 60, "i"), series("b", 0, 60, "i"), series("a", 0, 60, "k"))
    assert read(replicas, *many, series("b", 0, 60, "k")) == ["b", "a"]


def test_without_an_instance_every_series_is_a_target() -> None:
    bare = [Series(Labels({"__name__": "x", "replica": r}), ((0.0, 1.0),)) for r in ("b", "a")]
    assert len(Replicas(("replica",), 1).one_of_each(tuple(bare))) == 1


def test_series_without_samples_are_no_replica_s() -> None:
    empty = Series(Labels({"__name__": "x", "instance": "i", "replica": "a"}), ())
    found = Replicas(("replica",), 1).one_of_each((empty, series("b", 0, 9)))
    assert [each.samples[0][1] for each in found if each.samples] == [float(ord("b"))]


spans = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from("ik"), st.integers(0, 50), st.integers(0, 50)
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda s: s[:2],
)


@given(spans)
def test_every_target_is_read_from_exactly_one_replica(
    found: list[tuple[str, str, int, int]],
) -> None:
    many = tuple(series(r, min(a, b), max(a, b), i) for r, i, a, b in found)
    read_ = Replicas(("replica",), 1).one_of_each(many)
    assert sorted(each.labels["instance"] for each in read_) == sorted({i for _, i, _, _ in found})
