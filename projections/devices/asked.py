"""What is asked of the tables of what is installed."""

from typing import Final
from uuid import UUID

from domain.kernel import Malformed
from projections.listing import Key as After

FIRST: Final = ("", UUID(int=0))

HOLDERS = """
    (
        select '' collate "C" as sort, holder, null as name from installed_credentials
        where community = %(community)s and device = %(device)s and %(sort)s::text = ''
        and holder > %(holder)s and (%(state)s::text is null or state = %(state)s) and not exists (
            select from installed_residents
            where community = %(community)s and resident = holder
        )
        group by holder order by holder limit %(limit)s
    ) union all (
        select sort, resident, name from installed_residents r
        where community = %(community)s and (sort, resident) > (%(sort)s, %(holder)s)
        and (groups && %(groups)s::uuid[] or exists (
            select from installed_credentials
            where community = %(community)s and device = %(device)s and holder = r.resident
        ))
        and (%(state)s::text is null or exists (
            select from installed_credentials
            where community = %(community)s and device = %(device)s and holder = r.resident
            and state = %(state)s
        ))
        order by sort, resident limit %(limit)s
    ) order by 1, 2 limit %(limit)s"""  # who is no longer a resident has no name, and is first
ROOMS = """
    select resident, number from installed_residents
    join installed_apartments using (community, apartment) join installed_modes using (community)
    where community = %s and pin_mode = 'apt_pin' and resident = any(%s)"""

ZONE = "select zone from installed_zones where community = %s"
EVERYBODY = """
    select resident, name from installed_residents
    where community = %s and groups && %s::uuid[]
    union all
    select c.holder, r.name from installed_credentials c
    left join installed_residents r on r.community = c.community and r.resident = c.holder
    where c.community = %s and c.device = %s"""
ON_A_PHONE = """
    select * from installed_credentials
    where community = %s and device = %s and holder = any(%s)"""


def start(after: After | None) -> tuple[str, UUID]:
    try:
        sort, holder = after or FIRST
        return str(sort).replace("\0", ""), UUID(str(holder))
    except ValueError:
        raise Malformed("cursor", "not a cursor of this list") from None
