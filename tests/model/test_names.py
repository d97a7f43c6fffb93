"""The names that Segment's documents print, and those computed from its algorithm (go-snakecase)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagectl.model.names import fit, short_hash, snake_case, stored_name

VECTORS = {
    "accountType": "account_type",
    "Signed Up": "signed_up",
    "Audience Entered": "audience_entered",
    "Audience Exited": "audience_exited",
    "Trait Computed": "trait_computed",
    "userId": "user_id",
    "userID": "user_id",
    "originalTimestamp": "original_timestamp",
    "totalRevenue180Days": "total_revenue180_days",
    "Total Revenue 180 Days": "total_revenue_180_days",
    "total_revenue_180_days": "total_revenue_180_days",
    "j_o_first_purchase__opened_email_dje83h": "j_o_first_purchase_opened_email_dje83h",
    "HTTPRequest": "httprequest",
    "XMLHttpRequest": "xmlhttp_request",
    "iOSVersion": "i_osversion",
    "pageURL": "page_url",
    "URLPath": "urlpath",
    "2ndPurchase": "2nd_purchase",
    "First_Name": "first_name",
    "__leading": "leading",
    "trailing_": "trailing",
    "a__b": "a_b",
    "AB": "ab",
    "aB": "a_b",
    "éclair": "clair",
    "Größe": "gr_e",
    "日本": "",
    "Q1-2024": "q1_2024",
    "v2.0": "v2_0",
    "order#1": "order_1",
    "foo_BAR": "foo_bar",
    "CamelCase123Key": "camel_case123_key",
    "isISO8601": "is_iso8601",
}


@pytest.mark.parametrize(("name", "stored"), VECTORS.items())
def test_a_name_is_stored_as_segment_stores_it(name: str, stored: str) -> None:
    assert snake_case(name) == stored


@given(st.text())
def test_normalising_twice_changes_nothing(name: str) -> None:
    assert snake_case(snake_case(name)) == snake_case(name)
    assert stored_name(name)


def test_a_name_without_letters_gets_a_hash() -> None:
    assert stored_name("日本") == f"_{short_hash('日本')}"


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200), st.integers(min_value=20, max_value=127))
def test_a_fitted_name_is_within_the_limit(name: str, limit: int) -> None:
    assert len(fit(name, name, identifier_bytes=limit).encode()) <= limit


def test_a_reserved_name_keeps_its_own_and_gets_the_hash() -> None:
    assert fit("xmin", "Xmin", identifier_bytes=63, reserved={"xmin"}) == f"xmin_{short_hash('Xmin')}"
    assert fit("xmin", "xmin", identifier_bytes=None, reserved={"xmin"}) == f"xmin_{short_hash('xmin')}"
    assert fit("xmin", "xmin", identifier_bytes=63) == "xmin"
