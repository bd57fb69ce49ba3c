"""Which changes of what is stored fit, and what is said of those that do not."""

import msgspec
import pytest

from core.shape import Attribute, ClassShape, FieldShape, Shape, fit, merged

GUEST = "shop.Guest"


def kept(text, kind="value", **classes):
    """The shape of one field, ``S.f``."""
    return Shape({"S.f": FieldShape(kind, text)}, {}, {f"shop.{n}": c for n, c in classes.items()})


def guest(*names, keeps=True, **attributes):
    """A class whose fields are of type str and without a default, or as given."""
    plain = {name: Attribute("str") for name in names}
    return ClassShape({**plain, **attributes}, keeps)


def why(old, new):
    """What is said; nothing if it fits."""
    return [str(misfit) for misfit in fit(old, new)]


FITTING = [
    ("int", "int"),
    ("int", "float"),
    ("bool", "int"),
    ("int", "int | None"),
    ("int | None", "None | float | str"),
    ("object", "int"),
    ("int", "object"),
    ("list[int]", "list[float]"),
    ("list[object]", "list[int]"),
    ("dict[str, list[int]]", "dict[str, list[int | None]]"),
    ("tuple[int, str]", "tuple[float, str]"),
    ("tuple[int, int]", "tuple[int, ...]"),
    ("tuple[()]", "tuple[str, ...]"),
    ("tuple[int, ...]", "tuple[int | str, ...]"),
    ("tuple[object, ...]", "tuple[int, str]"),
    ("datetime.datetime", "datetime.datetime | None"),
]
OTHERWISE = [
    ("int", "str"),
    ("float", "int"),
    ("int | None", "int"),
    ("int | str", "int | None"),
    ("list[int]", "list[str]"),
    ("list[int]", "set[int]"),
    ("dict[str, int]", "dict[str, str]"),
    ("dict[str, int]", "dict[int, int]"),
    ("tuple[int, str]", "tuple[int]"),
    ("tuple[int, ...]", "tuple[int, int]"),
    ("tuple[str, int]", "tuple[int, ...]"),
    ("dict[str, tuple[int, list[str]]]", "dict[str, tuple[int, list[bytes]]]"),
]


@pytest.mark.parametrize(("old", "new"), FITTING)
def test_types_that_fit(old, new):
    assert why(kept(old), kept(new)) == []


@pytest.mark.parametrize(("old", "new"), OTHERWISE)
def test_types_that_do_not(old, new):
    assert why(kept(old), kept(new)) == [
        f"S.f holds one value ({old}) and is declared one value ({new})"
    ]


def test_another_kind_of_field():
    said = why(kept("dict[str, int]", "dict"), kept("list[int]", "list"))
    assert said == ["S.f holds dict[str, int] and is declared list[int]"]
    said = why(kept("dict[str, int]", "dict"), kept("dict[str, int]", "value"))
    assert said == ["S.f holds dict[str, int] and is declared one value (dict[str, int])"]


def test_fields_that_come_and_go_fit():
    old, new = (
        Shape({"S.f": FieldShape("value", "int")}),
        Shape({"S.g": FieldShape("value", "str")}),
    )
    assert why(old, new) == why(new, old) == []


def test_a_field_that_was_gone_binds_who_takes_its_name():
    old = kept("int")
    without = merged(old, Shape())
    assert without.left == old.fields
    assert why(without, kept("str")) != []
    assert why(without, kept("float")) == []
    back = merged(without, kept("float"))
    assert (back.fields, back.left) == (kept("float").fields, {})


def test_nothing_is_remembered_of_what_is_empty():
    assert merged(kept("int"), Shape(), frozenset({"S.f"})) == Shape()
    with_class = kept(GUEST, Guest=guest("name"))
    changed = kept(GUEST, Guest=guest("other"))
    assert merged(with_class, changed, frozenset({"S.f"})) == changed


# --- classes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (guest("name"), guest("name"), ""),
        (guest("name"), guest("name", age=Attribute("int", default=True)), ""),
        (guest("name"), guest("name", "age"), "shop.Guest.age is not in what is stored: give it"),
        (guest("name", "age"), guest("name"), ""),
        (guest("name", "age"), guest("name", keeps=False), "shop.Guest.age is in what is stored"),
        (guest("name"), guest(name=Attribute("str | None")), ""),
        (guest("name"), guest(name=Attribute("int")), "shop.Guest.name was str and is int"),
        (guest("name"), ClassShape(values=["'a'"]), "shop.Guest was no enum and is one"),
        (ClassShape(values=["'a'"]), guest("name"), "shop.Guest was an enum and is none"),
        (ClassShape(values=["'a'"]), ClassShape(values=["'a'", "'b'"]), ""),
        (
            ClassShape(values=["'a'", "'b'"]),
            ClassShape(values=["'b'"]),
            "no member of the value 'a'",
        ),
    ],
)
@pytest.mark.parametrize("text", [GUEST, f"dict[str, list[{GUEST} | None]]"])
def test_classes(old, new, said, text):
    found = why(kept(text, Guest=old), kept(text, Guest=new))
    assert len(found) == (1 if said else 0)
    assert said in "".join(found)
    assert f"S.f holds one value ({text})" in "".join(found) or not said
    assert "and is declared" not in "".join(found)


@pytest.mark.parametrize(
    "key", ["dict[shop.Guest, int]", "set[shop.Guest]", "dict[tuple[shop.Guest], int]"]
)
def test_a_class_in_a_key_stays_as_it_is(key):
    old, more = guest("name"), guest("name", age=Attribute("int", default=True))
    assert why(kept(key, Guest=old), kept(key, Guest=old)) == []
    assert "is part of a key" in why(kept(key, Guest=old), kept(key, Guest=more))[0]
    assert (
        "is part of a key"
        in why(kept(key, Guest=guest("a", "b")), kept(key, Guest=guest("b", "a")))[0]
    )
    as_value = "dict[str, shop.Guest]"
    assert why(kept(as_value, Guest=old), kept(as_value, Guest=more)) == []


def test_a_class_that_is_renamed():
    old, visitor = kept(GUEST, Guest=guest("name")), guest("name")
    renamed = kept("shop.Visitor", Visitor=visitor)
    assert "there is no class shop.Guest any more" in why(old, renamed)[0]
    kept_name = ClassShape(visitor.attributes, True, ["shop.Visitor"])
    assert why(old, kept("shop.Visitor", Visitor=visitor, Guest=kept_name)) == []
    assert why(old, kept("shop.Visitor", Visitor=visitor, Guest=visitor)) != []


def test_a_class_that_is_gone_without_being_renamed_in_the_annotation():
    assert "there is no class" in why(kept(GUEST, Guest=guest("name")), kept(GUEST))[0]


def test_classes_that_refer_to_themselves_and_each_other():
    node = ClassShape({"next": Attribute("shop.Node | None"), "tip": Attribute("shop.Leaf")}, True)
    leaf, other = guest("name"), guest(name=Attribute("bytes"))
    old = kept("shop.Node", Node=node, Leaf=leaf)
    assert why(old, kept("shop.Node", Node=node, Leaf=leaf)) == []
    assert (
        "shop.Leaf.name was str and is bytes"
        in why(old, kept("shop.Node", Node=node, Leaf=other))[0]
    )


def test_a_default_may_not_go_while_values_lack_the_field():
    first, second = guest("name"), guest("name", age=Attribute("int", default=True))
    now = merged(kept(GUEST, Guest=first), kept(GUEST, Guest=second))
    third = guest("name", age=Attribute("int"))
    assert "give it a default" in why(now, kept(GUEST, Guest=third))[0]
    since_ever = kept(GUEST, Guest=second)
    assert why(since_ever, kept(GUEST, Guest=third)) == []


def test_a_field_of_a_class_that_is_gone_stays_in_values():
    first, second = guest("name", "age"), guest("name")
    now = merged(kept(GUEST, Guest=first), kept(GUEST, Guest=second))
    back = guest("name", age=Attribute("int", default=True))
    assert "shop.Guest.age was str and is int" in why(now, kept(GUEST, Guest=back))[0]
    assert "is in what is stored" in why(now, kept(GUEST, Guest=guest("name", keeps=False)))[0]


def test_members_of_an_enum_are_remembered():
    one, two = ClassShape(values=["1"]), ClassShape(values=["1", "2"])
    now = merged(kept(GUEST, Guest=one), kept(GUEST, Guest=two))
    assert "the value 2" in why(now, kept(GUEST, Guest=one))[0]


def test_merging_what_fits_itself_changes_nothing():
    shape = kept(f"dict[{GUEST}, int]", "dict", Guest=guest("name"))
    assert merged(shape, shape) == shape
    assert msgspec.json.decode(msgspec.json.encode(shape), type=Shape) == shape
