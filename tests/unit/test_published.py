"""Reading a published log over HTTP: what is no log's file is said to be none, and nothing fills memory."""

import pytest

from ledger.log.files import FILE_BYTES_MAX
from suyuan.published import NotReadable, PublishedLog
from tests.support.served import Answer, served


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer(200, "text/html; charset=utf-8", b"<html>sign in</html>"),
            "answered with a web page",
        ),
        (Answer(500, "text/plain", b"no"), "answered 500"),
        (Answer(200, "text/plain", bytes(FILE_BYTES_MAX + 1)), "larger than any file of a log"),
    ],
    ids=["a sign-in page", "a fault", "too much"],
)
def test_what_is_no_file_of_a_log_is_said_to_be_none(answer: Answer, words: str) -> None:
    with (
        served({"/checkpoint": answer}) as url,
        PublishedLog(url) as log,
        pytest.raises(NotReadable, match=words),
    ):
        log.read(["checkpoint"])


def test_a_file_that_is_not_there_is_none_and_the_rest_is_read() -> None:
    with served({"/checkpoint": b"it"}) as url, PublishedLog(url) as log:
        assert log.read(["checkpoint", "tile/0/000"]) == [b"it", None]
