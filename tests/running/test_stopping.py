"""The end of the supervisor, and the end that the user wants: nobody stays."""

import os
import signal

from tests.running.clients import a_client, an_id
from tests.running.history import History
from tests.running.installation import PATIENCE, Installation, until


def test_k1_without_its_supervisor_it_ends_clearly_and_the_next_start_goes_on(
    running: Installation, history: History
) -> None:
    head, first = running.house.log.head(), running.up
    os.kill(running.supervisord(), signal.SIGKILL)
    assert first.process.wait(PATIENCE) == 1
    assert f"the supervisor ended: see {running.config.log}/supervisord.log" in first.said()
    assert running.left() == []
    running.start().wait_ready()
    with a_client(running, history, seed=101) as client:
        assert client.must("revoke-pin", resident=an_id("person", 0)) >= head
    until(running.is_whole)


def test_ctrl_c_leaves_no_process(running: Installation) -> None:
    running.up.process.send_signal(signal.SIGINT)
    assert running.up.process.wait(PATIENCE) == 0
    assert running.up.said().endswith("stopping …\nstopped\n")
    assert running.left() == []
