-- Visits come from the raw events, which keep all of them (the facts have a window). A view or a cart that is there twice
-- changes neither the first of them nor the person, so these need no FINAL; the person is who has the identifier now.
WITH
    fromUnixTimestamp64Milli({from:Int64}) AS t0,
    fromUnixTimestamp64Milli({to:Int64}) AS t1, -- also stands for "never"
    seen AS (
        SELECT subject, min(if(type = 'product.viewed', at, t1)) AS viewed_at, groupArrayIf(at, type != 'product.viewed') AS carts
        FROM events
        WHERE type IN ('product.viewed', 'cart.item_added', 'cart.updated') AND at >= t0 AND at < t1
        GROUP BY subject
    ),
    visitor AS (
        SELECT i.profile_id AS person,
               min(s.viewed_at) AS first_view,
               arrayMin(arrayPushBack(arrayFilter(x -> x >= first_view, groupArrayArray(s.carts)), t1)) AS first_cart
        FROM identifiers AS i FINAL INNER JOIN seen AS s ON s.subject = i.subject
        GROUP BY person
        HAVING first_view < t1
    ),
    bought AS (
        SELECT profile_id, order_id, placed_at, delivered_at
        FROM orders FINAL
        WHERE valid = 1 AND automatic = 0 AND placed_at >= t0 AND placed_at < t1
    ),
    buyer AS (
        SELECT v.person AS person,
               any(v.first_cart) AS cart,
               countIf(b.placed_at >= v.first_cart) AS orders,
               groupArrayIf((b.order_id, b.delivered_at), b.placed_at >= v.first_cart AND b.delivered_at >= b.placed_at AND b.delivered_at < t1) AS arrived
        FROM bought AS b RIGHT JOIN visitor AS v ON v.person = b.profile_id
        GROUP BY person
    ),
    written AS (
        SELECT profile_id, order_id, at
        FROM reviews FINAL
        WHERE order_id != '' AND at >= t0 AND at < t1
        UNION ALL
        SELECT r.profile_id, l.order_id, r.at
        FROM (
            SELECT profile_id, product_id, at
            FROM reviews FINAL
            WHERE order_id = '' AND product_id != '' AND at >= t0 AND at < t1
        ) AS r
        INNER JOIN (
            SELECT profile_id, order_id, product_id
            FROM order_lines FINAL
            WHERE profile_id IN (SELECT profile_id FROM reviews WHERE order_id = '' AND at >= t0 AND at < t1)
        ) AS l ON l.profile_id = r.profile_id AND l.product_id = r.product_id
    ),
    writer AS (SELECT profile_id, groupArray((order_id, at)) AS list FROM written GROUP BY profile_id)
SELECT
    count(),
    countIf(b.cart < t1),
    countIf(b.orders > 0),
    countIf(notEmpty(b.arrived)),
    countIf(arrayExists(o -> arrayExists(w -> w.1 = o.1 AND w.2 >= o.2, w.list), b.arrived))
FROM buyer AS b LEFT JOIN writer AS w ON w.profile_id = b.person
