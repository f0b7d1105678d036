"""What makes a form or a request one."""

import pytest
from aiohttp.test_utils import make_mocked_request

from channels import _forms
from gateway.errors import BadInput

ID = "0" * 32


def test_the_same_form_is_one_and_a_changed_one_another() -> None:
    assert _forms.form_key(ID, ["a", "b"]) == _forms.form_key(ID, ["a", "b"])
    assert len({_forms.form_key(ID, said) for said in (["a", "b"], ["ab", ""], ["a", "c"])}) == 3
    assert _forms.form_key(ID, ["a"]) != _forms.form_key("1" * 32, ["a"])
    assert len(_forms.form_key(ID, ["\ud800" * 9])) <= 64


@pytest.mark.parametrize("form_id", ["", "x", "0" * 31, "0" * 33, "G" * 32])
def test_a_form_of_no_page_of_ours_is_refused(form_id: str) -> None:
    with pytest.raises(BadInput):
        _forms.form_key(form_id, [])


def test_a_program_s_key_is_what_it_says_or_new_each_time() -> None:
    def key(*value: str) -> str:
        headers = {"Idempotency-Key": value[0]} if value else {}
        return _forms.request_key(make_mocked_request("POST", "/", headers=headers))

    assert key("one") == key("one") != key("two")
    assert key() != key()
    with pytest.raises(BadInput):
        key("x" * 201)
