WITH
    fromUnixTimestamp64Milli({from:Int64}) AS t0,
    fromUnixTimestamp64Milli({to:Int64}) AS t1,
    visit AS (
        SELECT profile_id,
               minIf(at, type = 'product.viewed') AS viewed_at,
               groupArrayIf(at, type IN ('cart.item_added', 'cart.updated')) AS carts
        FROM visits FINAL WHERE at >= t0 AND at < t1 GROUP BY profile_id
        HAVING countIf(type = 'product.viewed') > 0
    ),
    bought AS (
        SELECT profile_id, groupArray((order_id, placed_at, delivered_at)) AS placed
        FROM orders FINAL WHERE valid = 1 AND placed_at >= t0 AND placed_at < t1 GROUP BY profile_id
    ),
    reviewed AS (
        SELECT profile_id, groupArray((order_id, at)) AS written
        FROM reviews FINAL WHERE at >= t0 AND at < t1 GROUP BY profile_id
    ),
    person AS (
        SELECT v.profile_id AS profile_id,
               arrayMin(arrayFilter(x -> x >= v.viewed_at, v.carts)) AS carted_at,
               length(arrayFilter(x -> x >= v.viewed_at, v.carts)) > 0 AS carted,
               arrayFilter(o -> carted AND o.2 >= carted_at, b.placed) AS ordered,
               arrayFilter(o -> o.3 > toDateTime64(0, 3, 'UTC') AND o.3 < t1, ordered) AS delivered,
               arrayExists(o -> arrayExists(r -> r.1 = o.1 AND r.2 >= o.3, w.written), delivered) AS has_review
        FROM visit AS v LEFT JOIN bought AS b ON b.profile_id = v.profile_id LEFT JOIN reviewed AS w ON w.profile_id = v.profile_id
    )
SELECT count(), countIf(carted), countIf(length(ordered) > 0), countIf(length(delivered) > 0), countIf(has_review)
FROM person WHERE {zone:String} != ''
