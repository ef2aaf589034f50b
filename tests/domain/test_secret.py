from hubtraining.domain.secret import Secret

KEY = "s3cr3t-key"


def test_printing_and_formatting_a_secret_shows_nothing() -> None:
    secret = Secret(KEY)

    assert all(KEY not in shown for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"))


def test_revealing_it_gives_the_text() -> None:
    assert Secret(KEY).reveal() == KEY


def test_secrets_are_equal_by_their_text() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY
    assert len({Secret(KEY), Secret(KEY)}) == 1


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret(KEY)


def test_it_can_be_taken_out_of_somebody_elses_words() -> None:
    assert Secret(KEY).hide_in(f"no such key {KEY}, sorry") == "no such key [redacted], sorry"


def test_an_empty_secret_leaves_words_alone() -> None:
    assert Secret("").hide_in("some words") == "some words"
