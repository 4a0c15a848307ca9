"""What things are called by: UUIDs that the caller makes, or the bus."""

from typing import NewType
from uuid import UUID

AccountId = NewType("AccountId", UUID)
CommunityId = NewType("CommunityId", UUID)
BuildingId = NewType("BuildingId", UUID)
ApartmentId = NewType("ApartmentId", UUID)
ResidentId = NewType("ResidentId", UUID)
GroupId = NewType("GroupId", UUID)
DeviceId = NewType("DeviceId", UUID)
