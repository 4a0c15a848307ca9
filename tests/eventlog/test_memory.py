import pytest

from eventlog.memory import MemoryLog
from eventlog.port import EventLog
from tests.builders import NOW
from tests.eventlog.contract import LogContract


class TestMemoryLog(LogContract):
    @pytest.fixture
    def log(self) -> EventLog:
        return MemoryLog(lambda: NOW)
