"""S1-S11: what a phone answers."""

import pytest

from device_adapters.simulator.messages import Request
from device_adapters.simulator.profiles import PROFILES
from tests.device_adapters.simulator.phones import (
    a_phone,
    a_user,
    body,
    get,
    post,
    sent,
    tell,
    users,
    with_users,
)

ADD = {"action": "add", "data": {"item": [a_user()]}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/api/user/add", {"data": ADD["data"]}),
        ("/api/user/set", {"target": "user", **ADD}),
        ("/api", {"target": "user", **ADD}),
        ("/api/", {"target": "user", **ADD}),
    ],
)
def test_s1_all_three_dialects_add(path: str, value: object) -> None:
    phone = a_phone()
    assert body(phone, path, value) == {"retcode": 0, "action": "add", "message": "OK"}
    assert [row["UserID"] for row in users(phone)] == ["u1"]


def test_s1_e18_wants_the_target_in_the_body() -> None:
    assert body(a_phone("E18"), "/api/user/add", ADD)["message"] == "unsupport action"


def test_s1_a_bare_dict_is_no_request() -> None:
    key = "Config.DoorSetting.DEVICENODE.Location"
    answer = body(a_phone(), "/api/config/set", {key: "Gate"})
    assert answer == {"retcode": -1, "action": "unknow", "message": "unsupport action"}


def test_s2_success_may_be_positive_and_data_may_be_null_or_absent() -> None:
    shapes = {
        model: post(a_phone(model), "group", "add", {"Name": "Staff"})
        for model in ("X916", "X915S", "E18", "S532")
    }
    assert shapes == {
        "X916": {"retcode": 0, "action": "add", "message": "OK"},
        "X915S": {"retcode": 1, "action": "add", "message": "OK", "data": None},
        "E18": {"retcode": 1, "action": "add", "message": "OK"},
        "S532": {"retcode": 0, "action": "add", "message": "OK", "data": {}},
    }


@pytest.mark.parametrize(
    ("target", "message"),
    [("user/fly", "unsupport action"), ("rocket/get", "No hanlders for this request")],
)
def test_s2_what_it_does_not_know(target: str, message: str) -> None:
    assert get(a_phone(), target) == {"retcode": -1, "action": "unknow", "message": message}


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"data": 3}', b"[" * 100_000])
def test_s2_nonsense_is_an_error_param(raw: bytes) -> None:
    answer = sent(a_phone(), Request(method="POST", target="/api/user/add", body=raw))
    assert (answer["retcode"], answer["message"]) == (-1, "Error param")


@pytest.mark.parametrize("item", [[], ["u1"], [{"UserID": 1}], "u1"])
def test_s2_items_are_objects_of_strings(item: object) -> None:
    phone = a_phone()
    answer = tell(phone, "user", "add", {"item": item})
    assert (answer["retcode"], answer["message"], users(phone)) == (-1, "Error param", [])


def test_s3_the_body_is_read_whatever_its_type_says() -> None:
    raw = b'{"target": "user", "action": "get"}'
    request = Request(
        method="POST", target="/api", headers={"content-type": "text/plain"}, body=raw
    )
    assert sent(a_phone(), request)["retcode"] == 0


def test_s5_ten_users_a_page_and_all_without_one() -> None:
    phone = with_users(a_phone(), *(a_user(f"u{n}") for n in range(23)))
    pages = [get(phone, f"user/get?page={n}")["data"] for n in (1, 2, 3, 4, 0)]
    assert [len(page["item"]) for page in pages] == [10, 10, 3, 0, 0]
    assert [(page["num"], page["curPageNum"]) for page in pages[:2]] == [(23, 1), (23, 2)]
    assert pages[1]["item"][0]["UserID"] == "u10"
    assert len(users(phone)) == 23


def test_s5_offset_and_number_as_some_clients_ask() -> None:
    phone = with_users(a_phone(), *(a_user(f"u{n}") for n in range(23)))
    data = tell(phone, "user", "get", {"offset": 20, "num": 200})["data"]
    assert [row["UserID"] for row in data["item"]] == ["u20", "u21", "u22"]


def test_s5_name_or_code_is_fuzzy() -> None:
    phone = with_users(
        a_phone(),
        a_user("u1", Name="Ann", PrivatePIN="2468"),
        a_user("u2", Name="Joanna", CardCode="0A2468"),
        a_user("u3", Name="Bob"),
    )
    for words, found in (("nn", ["u1", "u2"]), ("2468", ["u1", "u2"]), ("zz", [])):
        data = get(phone, f"user/get?NameOrCode={words}")["data"]
        assert [row["UserID"] for row in data["item"]] == found


def test_s6_every_model_says_who_it_is() -> None:
    for model, profile in PROFILES.items():
        status = get(a_phone(model), "system/info")["data"]["Status"]
        assert (status["Model"], status["FirmwareVersion"]) == (model, profile.firmware)
        assert "[" in profile.source


def test_s6_the_schedule_field_has_many_names() -> None:
    written = {"E18": "Schedule-Relay", "S532": "Schedule-Relay"}
    for model, field in (
        ("X916", "ScheduleRelay"),
        ("X915S", "Schedule"),
        ("E18", "ScheduleRelay"),
    ):
        phone = a_phone(model)
        item = {"UserID": "u1", written.get(model, "ScheduleRelay"): "1001-1"}
        assert post(phone, "user", "add", item)["retcode"] >= 0
        assert users(phone)[0][field] == "1001-1"


@pytest.mark.parametrize(
    ("model", "value", "taken"),
    [
        ("X916", "1001-1,1002-12,", True),
        ("X916", "1001-1;", False),
        ("S532", "1001-1;1002-2;", True),
        ("S532", "1001-1,1002-2", False),
        ("R20A", "1001-1;", True),
        ("R20A", "1001-1,1002-2", True),
        ("X916", "always", False),
    ],
)
def test_s6_separators_by_model(model: str, value: str, *, taken: bool) -> None:
    item = a_user(ScheduleRelay=value) | {"Schedule-Relay": value}
    assert (post(a_phone(model), "user", "add", item)["retcode"] >= 0) is taken


def test_s6_older_firmware_says_item_with_a_capital() -> None:
    assert "Item" in get(a_phone("R29"), "user/get")["data"]


def test_s6_an_x915s_shows_an_apartment_book_and_takes_no_contact() -> None:
    phone = a_phone("X915S")
    phone.tables["contact"].force({"Name": "Flat 1", "APTNum": "101"})
    assert post(phone, "contact", "add", {"Name": "Ann"})["message"] == "unsupport action"
    assert "ID" not in get(phone, "contact/get")["data"]["item"][0]


def test_s6_a_model_has_its_relays_and_inputs() -> None:
    for model, letters in (("X916", "ABCD"), ("E18", "AB"), ("E12W", "A")):
        relays = get(a_phone(model), "relay/status")["data"]
        assert list(relays) == [f"Relay{letter}" for letter in letters]


def test_s7_e18_takes_only_the_hyphenated_name() -> None:
    phone = a_phone("E18")
    assert post(phone, "user", "add", a_user())["retcode"] == -1
    both = a_user(**{"Schedule-Relay": "1001-1"})
    assert post(phone, "user", "add", both)["retcode"] == 1


def test_s7_the_second_relay_answers_success_and_stores_nothing() -> None:
    phone = a_phone("E18")
    item = a_user(ScheduleSRelay="1001-2", **{"Schedule-Relay": "1001-1"})
    assert post(phone, "user", "add", item)["retcode"] == 1
    assert users(phone)[0]["ScheduleSRelay"] == ""


def test_s8_factory_schedules_stay() -> None:
    phone = a_phone()
    assert post(phone, "schedule", "del", {"ID": "1001"})["retcode"] == -1
    assert post(phone, "schedule", "set", {"ID": "1002", "Type": "2"})["retcode"] == -1
    get(phone, "schedule/clear")
    rows = get(phone, "schedule/get")["data"]["item"]
    assert [(row["ID"], row["Name"]) for row in rows] == [("1001", "Always"), ("1002", "Never")]


def test_s8_own_schedules_come_and_go_up_to_a_hundred() -> None:
    phone = a_phone()
    for _ in range(100):
        assert post(phone, "schedule", "add", {"Type": "2", "Daily": "08:00-18:00"})["retcode"] == 0
    assert post(phone, "schedule", "add", {"Type": "2"})["retcode"] == -1
    assert post(phone, "schedule", "del", {"ID": "1003"})["retcode"] == 0
    assert len(get(phone, "schedule/get")["data"]["item"]) == 101


def test_s8_set_wants_the_full_schedule() -> None:
    phone = a_phone()
    post(phone, "schedule", "add", {"Name": "Pool", "Type": "1", "Week": "13", "TimeEnd": "18:00"})
    post(phone, "schedule", "set", {"ID": "1003", "Type": "1", "Name": "Gym"})
    row = get(phone, "schedule/get")["data"]["item"][-1]
    assert (row["Name"], row["Week"], row["TimeEnd"], row["Mon"]) == ("Gym", "", "", "0")


@pytest.mark.parametrize(
    "fields", [{"TimeEnd": "24:00"}, {"DateEnd": "2026-01-01"}, {"Week": "7"}, {"Type": "3"}]
)
def test_s8_a_schedule_is_checked(fields: dict[str, str]) -> None:
    answer = post(a_phone(), "schedule", "add", {"Type": "0"} | fields)
    assert answer["message"] == "Error param"


def test_s9_unknown_twice_or_too_many_is_refused() -> None:
    phone = with_users(a_phone("E12W"), a_user("u1"))
    assert post(phone, "user", "set", {"ID": "9", "Name": "Eve"})["retcode"] == -1
    assert post(phone, "user", "add", a_user("u1"))["retcode"] == -1
    with_users(phone, *(a_user(f"x{n}") for n in range(999)))
    assert post(phone, "user", "add", a_user("u2"))["retcode"] == -1
    assert post(phone, "user", "del", {"ID": "2"})["retcode"] == 1
    assert post(phone, "user", "add", a_user("u2"))["retcode"] == 1


def test_s9_set_changes_what_it_names_and_may_take_a_free_user_id() -> None:
    phone = with_users(a_phone(), a_user("u1", PrivatePIN="2468"), a_user("u2"))
    assert post(phone, "user", "set", {"ID": "1", "UserID": "u2"})["retcode"] == -1
    assert post(phone, "user", "set", {"ID": "1", "UserID": "u3", "Name": "Eve"})["retcode"] == 0
    assert post(phone, "user", "add", a_user("u1"))["retcode"] == 0
    row = users(phone)[0]
    assert (row["UserID"], row["Name"], row["PrivatePIN"]) == ("u3", "Eve", "2468")


def test_s9_what_came_before_a_bad_item_stays() -> None:
    phone = a_phone()
    assert post(phone, "user", "add", a_user("a"), a_user("a"), a_user("b"))["retcode"] == -1
    assert [row["UserID"] for row in users(phone)] == ["a"]


def test_s9_an_unknown_one_keeps_no_other_from_being_deleted() -> None:
    phone = with_users(a_phone(), a_user("a"), a_user("b"))
    assert post(phone, "user", "del", {"ID": "9"}, {"ID": "1"})["retcode"] == -1
    assert [row["UserID"] for row in users(phone)] == ["b"]


def test_s10_cards_are_cut_at_63_characters_on_reading() -> None:
    cards = ";".join(f"{n:014X}" for n in range(5))
    phone = a_phone()
    post(phone, "user", "add", a_user(CardCode=cards))
    assert users(phone)[0]["CardCode"] == cards[:63]
    assert phone.present_card(f"{4:014X}").opened


def test_s11_rows_of_the_cloud_are_read_only() -> None:
    phone = with_users(a_phone(), a_user("u1", SourceType="2"), a_user("u2"))
    assert post(phone, "user", "del", {"ID": "1"})["retcode"] == -1
    assert post(phone, "user", "set", {"ID": "1", "Name": "Eve"})["retcode"] == -1
    get(phone, "user/clear")
    assert [row["UserID"] for row in users(phone)] == ["u1"]


def test_s11_nobody_makes_a_row_of_the_cloud() -> None:
    phone = a_phone()
    post(phone, "user", "add", a_user(SourceType="2"))
    assert users(phone)[0]["SourceType"] == "1"


def test_settings_are_strings_and_secrets_do_not_come_back() -> None:
    phone = a_phone()
    location, secret = (
        "Config.DoorSetting.DEVICENODE.Location",
        "Config.DoorSetting.APIFCGI.Password",
    )
    assert len(get(phone, "config/get")["data"]) > 150
    assert tell(phone, "config", "set", {location: "Gate", secret: "hush"})["retcode"] == 0
    read = tell(phone, "config", "get", {"item": [location, secret]})["data"]
    assert read == {location: "Gate", secret: ""}
    assert tell(phone, "config", "set", {location: 5})["retcode"] == -1
    assert tell(phone, "config", "set", {"Location": "Gate"})["retcode"] == -1


def test_an_s532_takes_its_secrets_in_base64() -> None:
    phone, secret = a_phone("S532"), "Config.DoorSetting.APIFCGI.Password"
    assert tell(phone, "config", "set", {secret: "aHVzaA=="})["retcode"] == 0
    assert phone.config[secret] == "hush"
    assert tell(phone, "config", "set", {secret: "hush!"})["retcode"] == -1


def test_a_part_of_the_settings_has_a_target_of_its_own() -> None:
    phone, key = a_phone(), "Config.DoorSetting.RELAY.RelayADelay"
    tell(phone, "relay", "set", {key: "7"})
    assert get(phone, "relay/get")["data"][key] == "7"
