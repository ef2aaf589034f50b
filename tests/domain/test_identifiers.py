import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtraining.domain import identifiers
from hubtraining.domain.identifiers import Identifier, IdentifierKind, InvalidIdentifier, holds_key, parse
from hubtraining.domain.secret import Secret

WEB = "https://hub.example"
ID = "Zk3n5Qw8Rt1Yb7Uc2Xm4"
KEY = "0123456789abcdef0123456789abcdef0123456789"

letters = st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
model_ids = st.text(letters, min_size=20, max_size=20)
keys = st.text(letters, min_size=42, max_size=42)


@pytest.mark.parametrize("text", [f"{WEB}/models/{ID}", f"{WEB}/models/{ID}/", f"HTTPS://HUB.EXAMPLE/models/{ID}", ID])
def test_a_models_link_or_id_names_the_model_without_a_key(text: str) -> None:
    assert parse(text, WEB) == Identifier(IdentifierKind.MODEL, ID)


@pytest.mark.parametrize(
    "text", [f"{WEB}/models/{ID}?api_key={KEY}", f"{WEB}/models/{ID}/?api_key={KEY}", f"{KEY}_{ID}"]
)
def test_forms_with_a_key_give_model_and_key(text: str) -> None:
    assert parse(text, WEB) == Identifier(IdentifierKind.MODEL, ID, Secret(KEY))
    assert holds_key(text)


@pytest.mark.parametrize(
    ("text", "kind", "name", "stem"),
    [
        ("yolo11n.pt", IdentifierKind.WEIGHTS, "yolo11n.pt", "yolo11n"),
        ("yolov8n.yaml", IdentifierKind.ARCHITECTURE, "yolov8n.yaml", "yolov8n"),
        ("/data/weights/my best.v2.pt", IdentifierKind.WEIGHTS, "my best.v2.pt", "my best.v2"),
        ("abcdefghijklmnopq.pt", IdentifierKind.WEIGHTS, "abcdefghijklmnopq.pt", "abcdefghijklmnopq"),
    ],
)
def test_files_are_told_by_their_ending(text: str, kind: IdentifierKind, name: str, stem: str) -> None:
    found = parse(text, WEB)

    assert found == Identifier(kind, file=text)
    assert (found.file_name, found.stem) == (name, stem)
    assert not holds_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "yolo11n",
        "model.onnx",
        ".pt",
        "folder/.yaml",
        "-x.pt",
        "two\nlines.pt",
        "nul\0.pt",
        "a" * 1100 + ".pt",
        ID[:-1],
        f"{ID}x",
        KEY,
        f"{KEY}_{ID[:-1]}",
        f"{KEY}_{KEY}.pt",
        f"https://other.example/models/{ID}",
        f"http://hub.example/models/{ID}",
        f"{WEB}/models/",
        f"{WEB}/models/{ID}/extra",
        f"{WEB}/models/../{ID}",
        f"{WEB}/models/{KEY}_{ID}",
        f"{WEB}/models/{ID}?api_key=short",
        f"{WEB}/models/{ID}?api_key=",
        f"{WEB}/models/{ID}?api_key={KEY}&api_key={KEY}",
        f"{WEB}/models/{ID}?token={KEY}",
        f"{WEB}/models/{ID}#fragment",
        "https://files.example/yolo11n.pt",
        "https://[half/models/x",
    ],
)
def test_anything_else_is_refused_with_the_formats_and_without_the_text(text: str) -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        parse(text, WEB)

    message = str(caught.value)
    assert all(form in message for form in (f"{WEB}/models/<model id>", "42 and 20 characters", ".pt or .yaml"))
    assert len(text) < 30 or text not in message
    assert KEY not in message
    assert "\n" not in message


def test_without_a_web_root_the_protocols_own_is_meant() -> None:
    assert parse(f"https://hub.ultralytics.com/models/{ID}").model_id == ID


def test_a_web_root_may_have_a_path_and_a_trailing_slash() -> None:
    assert parse(f"{WEB}/train/models/{ID}", f"{WEB}/train/").model_id == ID


def test_a_parsed_key_shows_in_no_text() -> None:
    assert KEY not in repr(parse(f"{KEY}_{ID}", WEB))


@pytest.mark.parametrize(
    "text", [f"https://typo.example/models/{ID}?api_key={KEY[:-3]}", f"x{KEY}_{ID}", f"APIKEY={KEY}", f"?API_KEY={KEY}"]
)
def test_a_key_is_found_in_mistyped_identifiers_too(text: str) -> None:
    assert holds_key(text)


def test_a_models_link_is_made_from_the_root() -> None:
    assert identifiers.model_url(f"{WEB}/", ID) == f"{WEB}/models/{ID}"


@given(model_ids, keys)
def test_every_id_and_key_come_back_from_each_form(model_id: str, key: str) -> None:
    expected = Identifier(IdentifierKind.MODEL, model_id, Secret(key))

    assert parse(f"{key}_{model_id}", WEB) == parse(f"{WEB}/models/{model_id}?api_key={key}", WEB) == expected


def parsed(text: str) -> Identifier | str:
    """The identifier, or the words of its refusal."""
    try:
        return parse(text, WEB)
    except InvalidIdentifier as error:
        return str(error)


@given(st.text(min_size=30, max_size=90))
def test_any_text_is_parsed_or_refused_without_repeating_it(text: str) -> None:
    found = parsed(text)

    assert text not in found if isinstance(found, str) else bool(found.model_id) != bool(found.file)


@given(st.text(max_size=60), keys, model_ids, st.text(max_size=60))
def test_no_identifier_that_holds_a_key_passes_for_one_without(
    before: str, key: str, model_id: str, after: str
) -> None:
    text = f"{before}{key}_{model_id}{after}"
    found = parsed(text)

    assert holds_key(text)
    assert key not in found if isinstance(found, str) else found.api_key is not None
