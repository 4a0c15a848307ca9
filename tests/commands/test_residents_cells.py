"""What cells mean does not hang on the cells that were looked at before."""

from hypothesis import given as forall
from hypothesis import strategies as st
from marshmallow import ValidationError

from commands.residents.cells import Cells, Flaw, Meant
from commands.residents.rows import ResidentRow
from schemas.of import EmailAddress

DOMAINS = (
    "example.org",
    "EXAMPLE.org",
    "bücher.example.com",
    "xn--bcher-kva.de",
    "localhost",
    "a b.c",
)
NAMES = st.one_of(
    st.text("ab1._+-@ <>\"'(),éA", max_size=12),
    st.sampled_from(["info", "INFO", "a" * 64, "a" * 65, "a" * 240, "a" * 250, "a..b", ".a", "a."]),
)
SEEN = Cells()


def meant(cells: Cells, text: str) -> Meant:
    return cells.meant(ResidentRow(row=2, email=text))


def whole(text: str) -> str | None:
    try:
        return str(EmailAddress().deserialize(text))
    except ValidationError:
        return None


@forall(NAMES, st.sampled_from(DOMAINS))
def test_m44_an_address_means_what_it_means_alone(name: str, domain: str) -> None:
    text = f"{name}@{domain}"
    wrong: list[Flaw] = [("email", "no e-mail address, as ann@example.org")]
    expected = whole(text)
    for cells in (SEEN, Cells()):
        found = meant(cells, text)
        assert (found.email, found.flaws) == (expected, [] if expected else wrong)


def test_m44_a_long_name_is_not_taken_for_a_short_one() -> None:
    cells = Cells()
    assert meant(cells, "ann@example.org").email == "ann@example.org"
    assert meant(cells, f"{'a' * 250}@example.org").email is None
