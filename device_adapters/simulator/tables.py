"""The lists that a phone keeps: rows of strings under an ID that the phone gives."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Row = Mapping[str, str]
Item = Mapping[str, Any]
Shown = Mapping[str, Any]

FAILED, ERROR_PARAM = "Failed", "Error param"
PAGE = 10


class Rejected(Exception):
    """The phone says no; the text is what stands in `message`, the retcode is -1."""


class Table:
    """Rows by ID. A row is replaced, never changed, so that a copy of the dict is a snapshot."""

    defaults: Mapping[str, str]
    searched: tuple[str, ...] = ("Name",)

    def __init__(self, first_id: int = 1) -> None:
        self.first_id = self.next_id = first_id
        self.rows: dict[str, Row] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, item: Item) -> None:
        row = self.accepted(item, None)
        self.force(row)

    def force(self, row: Row) -> None:
        """A new row past every rule, as the phone's own web page or the vendor's cloud may make."""
        number = str(self.next_id)
        self.next_id += 1
        self.put({**self.defaults, **row, "ID": number})

    def set(self, item: Item) -> None:
        known = self.own(item)
        self.put({**self.kept(known), **self.accepted(item, known)})

    def delete(self, item: Item) -> None:
        self.drop(self.own(item))

    def clear(self) -> None:
        for row in [row for row in self if not read_only(row)]:
            self.drop(row)

    def reset(self) -> None:
        """As it left the factory."""
        self.restore({"next_id": self.first_id, "rows": []})

    def put(self, row: Row) -> None:
        self.rows[row["ID"]] = row

    def drop(self, row: Row) -> None:
        del self.rows[row["ID"]]

    def accepted(self, item: Item, known: Row | None) -> Row:
        """What of an item is taken over; Rejected if nothing may be."""
        return {name: text(item[name]) for name in self.defaults if name in item}

    def kept(self, known: Row) -> Row:
        """What a `set` leaves as it was where the item is silent."""
        return known

    def own(self, item: Item) -> Row:
        """The row that an item names by its ID, if it is ours to change (S9, S11)."""
        known = self.rows.get(text(item.get("ID", "")))
        if known is None or read_only(known):
            raise Rejected(FAILED)
        return known

    def shown(self, row: Row) -> Shown:
        """A row as the phone answers it."""
        return row

    def found(self, words: str, rows: Iterable[Row]) -> list[Row]:
        """Fuzzy: whatever contains the words; the caller must filter exactly (S5)."""
        return [row for row in rows if any(words in row[name] for name in self.searched)]

    def dump(self) -> dict[str, Any]:
        return {"next_id": self.next_id, "rows": list(self.rows.values())}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.next_id, self.rows = kept["next_id"], {}
        for row in kept["rows"]:
            self.put(row)


def text(value: object) -> str:
    """All values are strings on the wire; anything else is refused."""
    if not isinstance(value, str):
        raise Rejected(ERROR_PARAM)
    return value


def read_only(row: Row) -> bool:
    """A row that the vendor's cloud owns (S11)."""
    return row.get("SourceType") == "2"


class Groups(Table):
    """The API's own groups, which the web page of a phone does not show [PL]."""

    defaults: Mapping[str, str] = {"Name": "", "Number": ""}


class Contacts(Table):
    defaults: Mapping[str, str] = {"Name": "", "Phone": "", "Group": "Default"}
    searched = ("Name", "Phone")


class ApartmentBook(Contacts):
    """An X915S answers apartments without an ID and takes no writes [PL issue 121]."""

    defaults: Mapping[str, str] = {
        "Name": "",
        "APTName": "",
        "APTNum": "",
        "Building": "",
        "Landline": "",
        "Phone": "",
    }

    def shown(self, row: Row) -> Row:
        return {name: value for name, value in row.items() if name != "ID"}
