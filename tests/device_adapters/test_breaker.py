"""What was written in vain, for who looks at the metrics."""

from collections.abc import Mapping

from device_adapters.breaker import IN_VAIN, Breaker
from device_adapters.patience import Patience


def counted() -> Mapping[str, float]:
    [family] = IN_VAIN.collect()
    return {s.labels["state"]: s.value for s in family.samples if s.name.endswith("_total")}


def test_d3_each_try_in_vain_is_counted_by_what_the_phone_made_of_it() -> None:
    before, breaker = counted(), Breaker(Patience(), lambda: 0.0)
    for refused in ("full", None, None):
        breaker.fail("Ann", refused, "not there", must_go=False)
    after = counted()
    assert after["rejected"] == before.get("rejected", 0) + 1
    assert after["mismatch"] == before.get("mismatch", 0) + 2
