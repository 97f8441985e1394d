"""What the roaster sells, and what people say about it."""

from random import Random
from typing import Any, NamedTuple


class Good(NamedTuple):
    """One product; `price` in won."""

    product_id: str
    name: str
    category: str
    price: int


GOODS = (
    Good("bean-eth", "에티오피아 예가체프 200g", "원두", 18_000),
    Good("bean-col", "콜롬비아 후일라 200g", "원두", 16_000),
    Good("bean-bra", "브라질 산토스 200g", "원두", 13_000),
    Good("bean-ken", "케냐 니에리 AA 200g", "원두", 19_500),
    Good("bean-dec", "디카페인 블렌드 200g", "원두", 17_000),
    Good("bean-gei", "파나마 게이샤 100g", "원두", 42_000),
    Good("blend-1kg", "느린아침 블렌드 1kg", "원두", 45_000),
    Good("drip-10", "드립백 10개입", "드립백", 15_000),
    Good("cold-500", "콜드브루 500ml", "음료", 12_000),
    Good("filter-100", "종이 필터 100매", "도구", 6_000),
    Good("dripper", "도자기 드리퍼", "도구", 28_000),
    Good("grinder", "핸드 그라인더", "도구", 89_000),
)
_SHARES = (14, 12, 14, 8, 7, 2, 10, 12, 9, 7, 3, 2)

PRAISE = (
    "향이 정말 좋아요. 아침마다 기다려져요.",
    "배송이 빨라요. 갓 볶은 느낌!",
    "산미가 제 취향이에요.",
    "선물했더니 좋아하네요 ☕",
)
BLAME = ("생각보다 써요.", "포장이 조금 아쉬워요.", "지난번보다 향이 약해요.")


def pick(random: Random) -> Good:
    """Something from the shelf."""
    return random.choices(GOODS, _SHARES)[0]


def seen(good: Good) -> dict[str, Any]:
    """The properties of a product that was looked at or put into the basket."""
    return {
        "product_id": good.product_id,
        "name": good.name,
        "category": good.category,
        "price": good.price,
        "currency": "KRW",
    }


def order(order_id: str, basket: list[tuple[Good, int]]) -> dict[str, Any]:
    """The properties of an order; `total` in won, shipping of 3,000 below 30,000."""
    value = sum(good.price * quantity for good, quantity in basket)
    shipping = 0 if value >= 30_000 else 3_000
    products = [seen(good) | {"quantity": quantity} for good, quantity in basket]
    return {
        "order_id": order_id,
        "total": value + shipping,
        "shipping": shipping,
        "currency": "KRW",
        "products": products,
    }
