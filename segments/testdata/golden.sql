---- true
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE true

---- ltv >= 30000
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE (p.ltv >= {p0:Int64})
-- p0 = "300000000"

---- count(orders, .total >= 5000 && .placed_at > ago("90d")) >= 2 && none(shipments, .status == "delayed") && any(views, .category == "shoes" && .at > ago("7d")) && !consent.email
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM orders AS e FINAL
  WHERE ((e.total >= {p0:Int64}) AND (e.placed_at > fromUnixTimestamp64Milli({p1:Int64}, 'UTC')))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM shipments AS e FINAL
  WHERE (e.status = {p3:String})
  GROUP BY id
) AS in_shipments ON in_shipments.id = p.profile_id
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM visits AS e FINAL
  PREWHERE e.at >= fromUnixTimestamp64Milli({p7:Int64}, 'UTC')
  WHERE ((e.type = {p5:String}) AND (e.category = {p6:String}) AND (e.at > fromUnixTimestamp64Milli({p7:Int64}, 'UTC')))
  GROUP BY id
) AS in_visits ON in_visits.id = p.profile_id
WHERE ((in_orders.n0 >= {p2:Int64}) AND (NOT (in_shipments.n0 >= {p4:Int64})) AND (in_visits.n0 >= {p4:Int64}) AND (NOT (p.consents[{p8:String}] = 'in')))
-- p0 = "50000000"
-- p1 = "1787367845678"
-- p2 = "2"
-- p3 = "delayed"
-- p4 = "1"
-- p5 = "product.viewed"
-- p6 = "shoes"
-- p7 = "1794539045678"
-- p8 = "email.marketing"

---- count(orders) == 0
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM orders AS e FINAL
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE (NOT (in_orders.n0 >= {p0:Int64}))
-- p0 = "1"

---- count(orders, .valid) >= 2
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM orders AS e FINAL
  WHERE (e.valid = 1)
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE (in_orders.n0 >= {p0:Int64})
-- p0 = "2"

---- orders_count == 1 && first_order_at > ago("30d")
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE ((p.orders_count = {p0:Int64}) AND (p.first_order_at > fromUnixTimestamp64Milli({p1:Int64}, 'UTC')))
-- p0 = "1"
-- p1 = "1792551845678"

---- last_order_at < ago("90d") && orders_count >= 1
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE ((p.last_order_at < fromUnixTimestamp64Milli({p0:Int64}, 'UTC') AND p.last_order_at != toDateTime64(0, 3, 'UTC')) AND (p.orders_count >= {p1:Int64}))
-- p0 = "1787367845678"
-- p1 = "1"

---- missing(last_order_at) && present(signed_up_at)
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE ((NOT (p.last_order_at != toDateTime64(0, 3, 'UTC'))) AND (p.signed_up_at != toDateTime64(0, 3, 'UTC')))

---- aov >= 10000 && ltv / (points + 1) > 2.5
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE (ifNull(nullIf(ifNotFinite((toFloat64(p.ltv) / 10000) / nullIf(toFloat64(p.orders_count), 0), 1.7976931348623157e308), 1.7976931348623157e308) >= reinterpretAsFloat64({p0:UInt64}), false) AND ifNull(nullIf(ifNotFinite((toFloat64(p.ltv) / 10000) / nullIf(toFloat64(accurateCastOrNull(toInt128(p.points) + toInt128({p1:Int64}), 'Int64')), 0), 1.7976931348623157e308), 1.7976931348623157e308) > reinterpretAsFloat64({p2:UInt64}), false))
-- p0 = "4666723172467343360"
-- p1 = "1"
-- p2 = "4612811918334230528"

---- ltv - 500 > orders_count * 1000
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE ifNull(accurateCastOrNull(toInt128(p.ltv) - toInt128({p0:Int64}), 'Int64') > accurateCastOrNull(toInt128(accurateCastOrNull(toInt128(p.orders_count) * toInt128({p1:Int64}), 'Int64')) * 10000, 'Int64'), false)
-- p0 = "5000000"
-- p1 = "1000"

---- sum(filter(orders, .placed_at > ago("365d")), .revenue) >= 100000
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    ifNull(sum(toInt128(e.revenue)), toInt128(0)) AS n0
  FROM orders AS e FINAL
  WHERE (e.placed_at > fromUnixTimestamp64Milli({p0:Int64}, 'UTC'))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE ifNull(accurateCastOrNull(in_orders.n0, 'Int64') >= {p1:Int64}, false)
-- p0 = "1763607845678"
-- p1 = "1000000000"

---- avg(orders, .total) > aov
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    ifNull(sum(toInt128(e.total)), toInt128(0)) AS n0,
    toInt64(count()) AS n1
  FROM orders AS e FINAL
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE ifNull(((toFloat64(accurateCastOrNull(in_orders.n0, 'Int64')) / 10000) / nullIf(toFloat64(in_orders.n1), 0)) > nullIf(ifNotFinite((toFloat64(p.ltv) / 10000) / nullIf(toFloat64(p.orders_count), 0), 1.7976931348623157e308), 1.7976931348623157e308), false)

---- max(orders, .placed_at) < ago("60d")
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    maxOrNull(e.placed_at) AS n0
  FROM orders AS e FINAL
  WHERE (e.placed_at != toDateTime64(0, 3, 'UTC'))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE (ifNull(in_orders.n0 < fromUnixTimestamp64Milli({p0:Int64}, 'UTC'), false))
-- p0 = "1789959845678"

---- min(reviews, .rating) <= 2
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    minOrNull(e.rating) AS n0
  FROM reviews AS e FINAL
  GROUP BY id
) AS in_reviews ON in_reviews.id = p.profile_id
WHERE ifNull(in_reviews.n0 <= {p0:Int64}, false)
-- p0 = "2"

---- max(orders, .total / .items) > 1000
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    maxOrNull(nullIf(ifNotFinite((toFloat64(e.total) / 10000) / nullIf(toFloat64(e.items), 0), 1.7976931348623157e308), 1.7976931348623157e308)) AS n0
  FROM orders AS e FINAL
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE ifNull(in_orders.n0 > reinterpretAsFloat64({p0:UInt64}), false)
-- p0 = "4652007308841189376"

---- avg(orders, .items * 2) >= 3
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    ifNull(sum(toInt128(accurateCastOrNull(toInt128(e.items) * toInt128({p0:Int64}), 'Int64'))), toInt128(0)) AS n0,
    toInt64(countIf((accurateCastOrNull(toInt128(e.items) * toInt128({p0:Int64}), 'Int64') IS NOT NULL))) AS n1
  FROM orders AS e FINAL
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE ifNull((toFloat64(accurateCastOrNull(in_orders.n0, 'Int64')) / nullIf(toFloat64(in_orders.n1), 0)) >= reinterpretAsFloat64({p1:UInt64}), false)
-- p0 = "2"
-- p1 = "4613937818241073152"

---- sum(orders, .total - .shipping_fee) > 0
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    ifNull(sum(toInt128(accurateCastOrNull(toInt128(e.total) - toInt128(e.shipping_fee), 'Int64'))), toInt128(0)) AS n0
  FROM orders AS e FINAL
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE ifNull(accurateCastOrNull(in_orders.n0, 'Int64') > {p0:Int64}, false)
-- p0 = "0"

---- present(max(shipments, .delivered_at))
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    maxOrNull(e.delivered_at) AS n0
  FROM shipments AS e FINAL
  WHERE (e.delivered_at != toDateTime64(0, 3, 'UTC'))
  GROUP BY id
) AS in_shipments ON in_shipments.id = p.profile_id
WHERE (in_shipments.n0 IS NOT NULL)

---- none(orders, .placed_at > ago("14d")) && any(views, .at > ago("14d"))
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM orders AS e FINAL
  WHERE (e.placed_at > fromUnixTimestamp64Milli({p0:Int64}, 'UTC'))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM visits AS e FINAL
  PREWHERE e.at >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC')
  WHERE ((e.type = {p2:String}) AND (e.at > fromUnixTimestamp64Milli({p0:Int64}, 'UTC')))
  GROUP BY id
) AS in_visits ON in_visits.id = p.profile_id
WHERE ((NOT (in_orders.n0 >= {p1:Int64})) AND (in_visits.n0 >= {p1:Int64}))
-- p0 = "1793934245678"
-- p1 = "1"
-- p2 = "product.viewed"

---- any(views, .at > last_order_at)
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM visits AS e FINAL
  INNER JOIN (SELECT profile_id, last_order_at FROM people FINAL) AS p ON p.profile_id = e.profile_id
  PREWHERE e.at >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC')
  WHERE ((e.at > fromUnixTimestamp64Milli({p0:Int64}, 'UTC')) AND (e.type = {p1:String}) AND (e.at > p.last_order_at AND e.at != toDateTime64(0, 3, 'UTC') AND p.last_order_at != toDateTime64(0, 3, 'UTC')))
  GROUP BY id
) AS in_visits ON in_visits.id = p.profile_id
WHERE (in_visits.n0 >= {p2:Int64})
-- p0 = "1779591845678"
-- p1 = "product.viewed"
-- p2 = "1"

---- count(views, .brand == "縁" && .path startsWith "/p/" && .query contains "靴" && .utm_source endsWith "ads") >= 3
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM visits AS e FINAL
  PREWHERE e.at >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC')
  WHERE ((e.at > fromUnixTimestamp64Milli({p0:Int64}, 'UTC')) AND (e.type = {p1:String}) AND (e.brand = {p2:String}) AND startsWith(e.path, {p3:String}) AND (position(e.query, {p4:String}) > 0) AND endsWith(e.utm_source, {p5:String}))
  GROUP BY id
) AS in_visits ON in_visits.id = p.profile_id
WHERE (in_visits.n0 >= {p6:Int64})
-- p0 = "1779591845678"
-- p1 = "product.viewed"
-- p2 = "縁"
-- p3 = "/p/"
-- p4 = "靴"
-- p5 = "ads"
-- p6 = "3"

---- count(visits, .at > ago("7d")) >= 5 && count(visits, .at > ago("30d")) < 100 && sum(visits, .value) > 0
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(countIf((e.at > fromUnixTimestamp64Milli({p0:Int64}, 'UTC')))) AS n0,
    toInt64(countIf((e.at > fromUnixTimestamp64Milli({p2:Int64}, 'UTC')))) AS n1,
    ifNull(sumIf(toInt128(e.value), (e.at > fromUnixTimestamp64Milli({p4:Int64}, 'UTC'))), toInt128(0)) AS n2
  FROM visits AS e FINAL
  PREWHERE e.at >= fromUnixTimestamp64Milli({p4:Int64}, 'UTC')
  WHERE (e.at > fromUnixTimestamp64Milli({p0:Int64}, 'UTC'))
    OR (e.at > fromUnixTimestamp64Milli({p2:Int64}, 'UTC'))
    OR (e.at > fromUnixTimestamp64Milli({p4:Int64}, 'UTC'))
  GROUP BY id
) AS in_visits ON in_visits.id = p.profile_id
WHERE ((in_visits.n0 >= {p1:Int64}) AND (NOT (in_visits.n1 >= {p3:Int64})) AND ifNull(accurateCastOrNull(in_visits.n2, 'Int64') > {p5:Int64}, false))
-- p0 = "1794539045678"
-- p1 = "5"
-- p2 = "1792551845678"
-- p3 = "100"
-- p4 = "1779591845678"
-- p5 = "0"

---- all(orders, .automatic || .marketplace != "")
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM orders AS e FINAL
  WHERE (NOT ((e.automatic = 1) OR (e.marketplace != {p0:String})))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE (NOT (in_orders.n0 >= {p1:Int64}))
-- p0 = ""
-- p1 = "1"

---- any(orders, .payment_method in ["konbini", "bank_transfer"] && missing(.paid_at))
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM orders AS e FINAL
  WHERE ((e.payment_method IN ({p0:String}, {p1:String})) AND (NOT (e.paid_at != toDateTime64(0, 3, 'UTC'))))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE (in_orders.n0 >= {p2:Int64})
-- p0 = "konbini"
-- p1 = "bank_transfer"
-- p2 = "1"

---- prefecture in ["東京都", "大阪府"] && gender != "male"
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE ((p.prefecture IN ({p0:String}, {p1:String})) AND (p.gender != {p2:String}))
-- p0 = "東京都"
-- p1 = "大阪府"
-- p2 = "male"

---- traits.size == "M" || traits.score > 3.5 || traits.vip || traits["it's"] != false
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE ((p.traits[{p0:String}] = {p1:String}) OR ifNull(if(mapContains(p.traits_number, {p2:String}) AND p.traits[{p2:String}] NOT IN ('true', 'false') AND position(p.traits[{p2:String}], 'T') = 0, p.traits_number[{p2:String}], NULL) > reinterpretAsFloat64({p3:UInt64}), false) OR (p.traits[{p4:String}] = {p5:String}) OR (p.traits[{p6:String}] = {p5:String}))
-- p0 = "size"
-- p1 = "M"
-- p2 = "score"
-- p3 = "4615063718147915776"
-- p4 = "vip"
-- p5 = "true"
-- p6 = "it's"

---- "reseller" in risks || held
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE (has(p.risks, {p0:String}) OR (p.hold_until > fromUnixTimestamp64Milli({p1:Int64}, 'UTC')))
-- p0 = "reseller"
-- p1 = "1795143845678"

---- consent.line && line_friend && !consent.email
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE ((p.consents[{p0:String}] = 'in') AND (p.line_friend = 1) AND (NOT (p.consents[{p1:String}] = 'in')))
-- p0 = "line.marketing"
-- p1 = "email.marketing"

---- any(store_visits, .store_id == "ginza" && .at >= date("2026-11-01")) && store_visits >= 2
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM store_visits AS e FINAL
  PREWHERE e.at >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC')
  WHERE ((e.store_id = {p0:String}) AND (e.at >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC')))
  GROUP BY id
) AS in_store_visits ON in_store_visits.id = p.profile_id
WHERE ((in_store_visits.n0 >= {p2:Int64}) AND (p.store_visits >= {p3:Int64}))
-- p0 = "ginza"
-- p1 = "1793458800000"
-- p2 = "1"
-- p3 = "2"

---- none(messages, .channel == "email" && .clicked_at > ago("180d")) && any(messages, .sent_at > ago("180d"))
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(countIf(((e.channel = {p0:String}) AND (e.clicked_at > fromUnixTimestamp64Milli({p1:Int64}, 'UTC'))))) AS n0,
    toInt64(countIf((e.sent_at > fromUnixTimestamp64Milli({p1:Int64}, 'UTC')))) AS n1
  FROM sends AS e FINAL
  WHERE ((e.channel = {p0:String}) AND (e.clicked_at > fromUnixTimestamp64Milli({p1:Int64}, 'UTC')))
    OR (e.sent_at > fromUnixTimestamp64Milli({p1:Int64}, 'UTC'))
  GROUP BY id
) AS in_sends ON in_sends.id = p.profile_id
WHERE ((NOT (in_sends.n0 >= {p2:Int64})) AND (in_sends.n1 >= {p2:Int64}))
-- p0 = "email"
-- p1 = "1779591845678"
-- p2 = "1"

---- any(returns, .amount > 0 && .requested_at > ago("30d")) || any(contacts, .complaint && missing(.solved_at)) || any(surveys, .kind == "nps" && .score <= 6)
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM returns AS e FINAL
  WHERE ((e.amount > {p0:Int64}) AND (e.requested_at > fromUnixTimestamp64Milli({p1:Int64}, 'UTC')))
  GROUP BY id
) AS in_returns ON in_returns.id = p.profile_id
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM contacts AS e FINAL
  WHERE ((e.complaint = 1) AND (NOT (e.solved_at != toDateTime64(0, 3, 'UTC'))))
  GROUP BY id
) AS in_contacts ON in_contacts.id = p.profile_id
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM surveys AS e FINAL
  WHERE ((e.kind = {p3:String}) AND (e.score <= {p4:Int64}))
  GROUP BY id
) AS in_surveys ON in_surveys.id = p.profile_id
WHERE ((in_returns.n0 >= {p2:Int64}) OR (in_contacts.n0 >= {p2:Int64}) OR (in_surveys.n0 >= {p2:Int64}))
-- p0 = "0"
-- p1 = "1792551845678"
-- p2 = "1"
-- p3 = "nps"
-- p4 = "6"

---- first_order_at == last_order_at && signed_up_at <= first_order_at
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
WHERE ((p.first_order_at = p.last_order_at AND p.first_order_at != toDateTime64(0, 3, 'UTC') AND p.last_order_at != toDateTime64(0, 3, 'UTC')) AND (p.signed_up_at <= p.first_order_at AND p.signed_up_at != toDateTime64(0, 3, 'UTC') AND p.first_order_at != toDateTime64(0, 3, 'UTC')))

---- count(orders, .sequence == 1 && .channel == "store") == 1
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM orders AS e FINAL
  WHERE ((e.sequence = {p0:Int64}) AND (e.channel = {p1:String}))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE ((in_orders.n0 >= {p0:Int64}) AND (NOT (in_orders.n0 >= {p2:Int64})))
-- p0 = "1"
-- p1 = "store"
-- p2 = "2"

---- sum(filter(lines, .valid && .category == "shoes" && .placed_at > ago("365d")), .price * .quantity - .discount) >= 20000
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    ifNull(sum(toInt128(accurateCastOrNull(toInt128(accurateCastOrNull(toInt128(e.price) * toInt128(e.quantity), 'Int64')) - toInt128(e.discount), 'Int64'))), toInt128(0)) AS n0
  FROM order_lines AS e FINAL
  WHERE ((e.valid = 1) AND (e.category = {p0:String}) AND (e.placed_at > fromUnixTimestamp64Milli({p1:Int64}, 'UTC')))
  GROUP BY id
) AS in_order_lines ON in_order_lines.id = p.profile_id
WHERE ifNull(accurateCastOrNull(in_order_lines.n0, 'Int64') >= {p2:Int64}, false)
-- p0 = "shoes"
-- p1 = "1763607845678"
-- p2 = "200000000"

---- any(searches, .query contains "靴" && .at > ago("7d")) && any(carts, .at > ago("3d")) && none(wishlist, .brand == "縁")
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(countIf(((e.type = {p0:String}) AND (position(e.query, {p1:String}) > 0) AND (e.at > fromUnixTimestamp64Milli({p2:Int64}, 'UTC'))))) AS n0,
    toInt64(countIf(((e.type IN ({p4:String}, {p5:String})) AND (e.at > fromUnixTimestamp64Milli({p6:Int64}, 'UTC'))))) AS n1,
    toInt64(countIf(((e.at > fromUnixTimestamp64Milli({p7:Int64}, 'UTC')) AND (e.type = {p8:String}) AND (e.brand = {p9:String})))) AS n2
  FROM visits AS e FINAL
  PREWHERE e.at >= fromUnixTimestamp64Milli({p7:Int64}, 'UTC')
  WHERE ((e.type = {p0:String}) AND (position(e.query, {p1:String}) > 0) AND (e.at > fromUnixTimestamp64Milli({p2:Int64}, 'UTC')))
    OR ((e.type IN ({p4:String}, {p5:String})) AND (e.at > fromUnixTimestamp64Milli({p6:Int64}, 'UTC')))
    OR ((e.at > fromUnixTimestamp64Milli({p7:Int64}, 'UTC')) AND (e.type = {p8:String}) AND (e.brand = {p9:String}))
  GROUP BY id
) AS in_visits ON in_visits.id = p.profile_id
WHERE ((in_visits.n0 >= {p3:Int64}) AND (in_visits.n1 >= {p3:Int64}) AND (NOT (in_visits.n2 >= {p3:Int64})))
-- p0 = "search.performed"
-- p1 = "靴"
-- p2 = "1794539045678"
-- p3 = "1"
-- p4 = "cart.item_added"
-- p5 = "cart.updated"
-- p6 = "1794884645678"
-- p7 = "1779591845678"
-- p8 = "wishlist.added"
-- p9 = "縁"

---- age >= 20 && age < 25 && region == "関東" && any(orders, .placed_at >= this_month() && age > 30)
SELECT p.profile_id AS profile_id
FROM (SELECT profile_id, arrayMap((y, m, d) -> if(m BETWEEN 1 AND 12 AND d <= [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m] AND (m != 2 OR d != 29 OR y < 1900 OR y % 4 = 0 AND (y % 100 != 0 OR y % 400 = 0)), if(y < 1900, 0, y) * 10000 + m * 100 + d, 0), [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[1])], [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[2])], [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[3])])[1] AS birth, transform(toString(prefecture), ['三重', '三重県', '京都', '京都府', '佐賀', '佐賀県', '兵庫', '兵庫県', '北海道', '千葉', '千葉県', '和歌山', '和歌山県', '埼玉', '埼玉県', '大分', '大分県', '大阪', '大阪府', '奈良', '奈良県', '宮城', '宮城県', '宮崎', '宮崎県', '富山', '富山県', '山口', '山口県', '山形', '山形県', '山梨', '山梨県', '岐阜', '岐阜県', '岡山', '岡山県', '岩手', '岩手県', '島根', '島根県', '広島', '広島県', '徳島', '徳島県', '愛媛', '愛媛県', '愛知', '愛知県', '新潟', '新潟県', '東京', '東京都', '栃木', '栃木県', '沖縄', '沖縄県', '滋賀', '滋賀県', '熊本', '熊本県', '石川', '石川県', '神奈川', '神奈川県', '福井', '福井県', '福岡', '福岡県', '福島', '福島県', '秋田', '秋田県', '群馬', '群馬県', '茨城', '茨城県', '長崎', '長崎県', '長野', '長野県', '青森', '青森県', '静岡', '静岡県', '香川', '香川県', '高知', '高知県', '鳥取', '鳥取県', '鹿児島', '鹿児島県'], ['近畿', '近畿', '近畿', '近畿', '九州', '九州', '近畿', '近畿', '北海道', '関東', '関東', '近畿', '近畿', '関東', '関東', '九州', '九州', '近畿', '近畿', '近畿', '近畿', '東北', '東北', '九州', '九州', '中部', '中部', '中国', '中国', '東北', '東北', '中部', '中部', '中部', '中部', '中国', '中国', '東北', '東北', '中国', '中国', '中国', '中国', '四国', '四国', '四国', '四国', '中部', '中部', '中部', '中部', '関東', '関東', '関東', '関東', '九州', '九州', '近畿', '近畿', '九州', '九州', '中部', '中部', '関東', '関東', '中部', '中部', '九州', '九州', '東北', '東北', '東北', '東北', '関東', '関東', '関東', '関東', '九州', '九州', '中部', '中部', '東北', '東北', '中部', '中部', '四国', '四国', '四国', '四国', '中国', '中国', '九州', '九州'], '') AS region FROM people FINAL) AS p
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM orders AS e FINAL
  INNER JOIN (SELECT profile_id, arrayMap((y, m, d) -> if(m BETWEEN 1 AND 12 AND d <= [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m] AND (m != 2 OR d != 29 OR y < 1900 OR y % 4 = 0 AND (y % 100 != 0 OR y % 400 = 0)), if(y < 1900, 0, y) * 10000 + m * 100 + d, 0), [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[1])], [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[2])], [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[3])])[1] AS birth FROM people FINAL) AS p ON p.profile_id = e.profile_id
  WHERE ((e.placed_at >= fromUnixTimestamp64Milli({p6:Int64}, 'UTC')) AND ifNull(if(p.birth >= 10000 AND p.birth % 100 > 0 AND p.birth <= {p0:Int64}, {p1:Int64} - intDiv(p.birth, 10000) - toInt64(p.birth % 10000 > {p2:Int64}), NULL) > {p7:Int64}, false))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE (ifNull(if(p.birth >= 10000 AND p.birth % 100 > 0 AND p.birth <= {p0:Int64}, {p1:Int64} - intDiv(p.birth, 10000) - toInt64(p.birth % 10000 > {p2:Int64}), NULL) >= {p3:Int64}, false) AND ifNull(if(p.birth >= 10000 AND p.birth % 100 > 0 AND p.birth <= {p0:Int64}, {p1:Int64} - intDiv(p.birth, 10000) - toInt64(p.birth % 10000 > {p2:Int64}), NULL) < {p4:Int64}, false) AND (p.region = {p5:String}) AND (in_orders.n0 >= {p8:Int64}))
-- p0 = "20261120"
-- p1 = "2026"
-- p2 = "1120"
-- p3 = "20"
-- p4 = "25"
-- p5 = "関東"
-- p6 = "1793458800000"
-- p7 = "30"
-- p8 = "1"

---- birthday_within("30d") || birthday_month in [1, 12]
SELECT p.profile_id AS profile_id
FROM (SELECT profile_id, arrayMap((y, m, d) -> if(m BETWEEN 1 AND 12 AND d <= [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m] AND (m != 2 OR d != 29 OR y < 1900 OR y % 4 = 0 AND (y % 100 != 0 OR y % 400 = 0)), if(y < 1900, 0, y) * 10000 + m * 100 + d, 0), [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[1])], [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[2])], [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[3])])[1] AS birth FROM people FINAL) AS p
WHERE (if(p.birth % 100 = 0, intDiv(p.birth % 10000, 100) = {p0:Int64}, p.birth % 10000 >= {p1:Int64} AND p.birth % 10000 <= {p2:Int64}) OR ifNull(nullIf(intDiv(p.birth % 10000, 100), 0) = {p3:Int64}, false) OR ifNull(nullIf(intDiv(p.birth % 10000, 100), 0) = {p4:Int64}, false))
-- p0 = "11"
-- p1 = "1120"
-- p2 = "1220"
-- p3 = "1"
-- p4 = "12"

---- count(orders, .placed_at >= fiscal_year()) >= 2 && last_visit_at >= this_week() && none(orders, .placed_at >= last_month() && .placed_at < this_month())
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
INNER JOIN (
  SELECT e.profile_id AS id,
    toInt64(countIf((e.placed_at >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC')))) AS n0,
    toInt64(countIf(((e.placed_at >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC')) AND (e.placed_at < fromUnixTimestamp64Milli({p4:Int64}, 'UTC') AND e.placed_at != toDateTime64(0, 3, 'UTC'))))) AS n1
  FROM orders AS e FINAL
  WHERE (e.placed_at >= fromUnixTimestamp64Milli({p0:Int64}, 'UTC'))
    OR ((e.placed_at >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC')) AND (e.placed_at < fromUnixTimestamp64Milli({p4:Int64}, 'UTC') AND e.placed_at != toDateTime64(0, 3, 'UTC')))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE ((in_orders.n0 >= {p1:Int64}) AND (p.last_visit_at >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC')) AND (NOT (in_orders.n1 >= {p5:Int64})))
-- p0 = "1774969200000"
-- p1 = "2"
-- p2 = "1794754800000"
-- p3 = "1790780400000"
-- p4 = "1793458800000"
-- p5 = "1"

---- first(orders, .channel) == "store" && last(filter(orders, .valid), .total) >= 5000 && distinct(lines, .category) >= 3 && last(orders, .automatic) && last(visits, .at) > ago("30d")
SELECT p.profile_id AS profile_id
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    argMinIf(e.channel, (e.placed_at, e.order_id), (e.placed_at != toDateTime64(0, 3, 'UTC'))) AS n0,
    argMaxOrNullIf(e.total, (e.placed_at, e.order_id), (e.valid = 1) AND (e.placed_at != toDateTime64(0, 3, 'UTC'))) AS n1,
    argMaxIf(e.automatic, (e.placed_at, e.order_id), (e.placed_at != toDateTime64(0, 3, 'UTC'))) AS n2
  FROM orders AS e FINAL
  WHERE (e.placed_at != toDateTime64(0, 3, 'UTC'))
    OR (e.valid = 1) AND (e.placed_at != toDateTime64(0, 3, 'UTC'))
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(uniqExact(e.category)) AS n0
  FROM order_lines AS e FINAL
  WHERE (e.category != '')
  GROUP BY id
) AS in_order_lines ON in_order_lines.id = p.profile_id
LEFT JOIN (
  SELECT e.profile_id AS id,
    argMaxOrNull(e.at, (e.at, e.event_id)) AS n0
  FROM visits AS e FINAL
  PREWHERE e.at >= fromUnixTimestamp64Milli({p3:Int64}, 'UTC')
  WHERE (e.at > fromUnixTimestamp64Milli({p3:Int64}, 'UTC')) AND (e.at != toDateTime64(0, 3, 'UTC'))
  GROUP BY id
) AS in_visits ON in_visits.id = p.profile_id
WHERE ((in_orders.n0 = {p0:String}) AND ifNull(in_orders.n1 >= {p1:Int64}, false) AND (in_order_lines.n0 >= {p2:Int64}) AND (in_orders.n2 = 1) AND (ifNull(nullIf(in_visits.n0, toDateTime64(0, 3, 'UTC')) > fromUnixTimestamp64Milli({p4:Int64}, 'UTC'), false)))
-- p0 = "store"
-- p1 = "50000000"
-- p2 = "3"
-- p3 = "1779591845678"
-- p4 = "1792551845678"

---- rfm_r >= 4 && rank("often") in [2, 3] && !top("basket") && present(rank("score"))
SELECT p.profile_id AS profile_id
FROM (SELECT profile_id, last_order_at, orders_count, last_visit_at, arrayMap((y, m, d) -> if(m BETWEEN 1 AND 12 AND d <= [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m] AND (m != 2 OR d != 29 OR y < 1900 OR y % 4 = 0 AND (y % 100 != 0 OR y % 400 = 0)), if(y < 1900, 0, y) * 10000 + m * 100 + d, 0), [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[1])], [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[2])], [toInt64OrZero(extractGroups(birthday, '^(?:(?:([0-9]{4})|-)[-/])?([0-9]{1,2})(?:[-/]([0-9]{1,2}))?$')[3])])[1] AS birth, has_email, traits, traits_number FROM people FINAL) AS p
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(countIf((e.placed_at > fromUnixTimestamp64Milli({p5:Int64}, 'UTC')))) AS n0,
    maxOrNull(e.total) AS n1
  FROM orders AS e FINAL
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
WHERE (ifNull(if(((p.last_order_at != toDateTime64(0, 3, 'UTC')) AND (p.orders_count >= {p0:Int64})), toInt64(1 + arrayCount(point -> point <= assumeNotNull(toUnixTimestamp64Milli(p.last_order_at)), [{p1:Int64}, {p2:Int64}, {p3:Int64}])), NULL) >= {p4:Int64}, false) AND (ifNull(if(((in_orders.n0 IS NOT NULL) AND (p.last_visit_at > fromUnixTimestamp64Milli({p6:Int64}, 'UTC'))), toInt64(1 + arrayCount(point -> point <= assumeNotNull(in_orders.n0), [{p0:Int64}, {p7:Int64}])), NULL) = {p7:Int64}, false) OR ifNull(if(((in_orders.n0 IS NOT NULL) AND (p.last_visit_at > fromUnixTimestamp64Milli({p6:Int64}, 'UTC'))), toInt64(1 + arrayCount(point -> point <= assumeNotNull(in_orders.n0), [{p0:Int64}, {p7:Int64}])), NULL) = {p8:Int64}, false)) AND (NOT ifNull(if(((in_orders.n1 IS NOT NULL) AND (ifNull(if(p.birth >= 10000 AND p.birth % 100 > 0 AND p.birth <= {p9:Int64}, {p10:Int64} - intDiv(p.birth, 10000) - toInt64(p.birth % 10000 > {p11:Int64}), NULL) < {p12:Int64}, false) OR (p.has_email = 1))), toInt64(1 + arrayCount(point -> point <= assumeNotNull(in_orders.n1), [{p13:Int64}])), NULL) >= {p7:Int64}, false)) AND (if((if(mapContains(p.traits_number, {p14:String}) AND p.traits[{p14:String}] NOT IN ('true', 'false') AND position(p.traits[{p14:String}], 'T') = 0, p.traits_number[{p14:String}], NULL) IS NOT NULL), toInt64(1 + arrayCount(point -> point <= assumeNotNull(if(mapContains(p.traits_number, {p14:String}) AND p.traits[{p14:String}] NOT IN ('true', 'false') AND position(p.traits[{p14:String}], 'T') = 0, p.traits_number[{p14:String}], NULL)), [reinterpretAsFloat64({p15:UInt64}), reinterpretAsFloat64({p16:UInt64}), reinterpretAsFloat64({p17:UInt64})])), NULL) IS NOT NULL))
-- p0 = "1"
-- p1 = "1785510000000"
-- p2 = "1793458800000"
-- p3 = "1795100400000"
-- p4 = "4"
-- p5 = "1787367845678"
-- p6 = "1792551845678"
-- p7 = "2"
-- p8 = "3"
-- p9 = "20261120"
-- p10 = "2026"
-- p11 = "1120"
-- p12 = "36"
-- p13 = "50000000"
-- p14 = "score"
-- p15 = "4607182418800017408"
-- p16 = "4612811918334230528"
-- p17 = "4662219572839972864"

---- many: the first five in one pass
SELECT count() AS base, CAST([countIf(true),
  countIf((p.ltv >= {p0:Int64})),
  countIf(((in_orders.n0 >= {p3:Int64}) AND (NOT (in_shipments.n0 >= {p5:Int64})) AND (in_visits.n0 >= {p5:Int64}) AND (NOT (p.consents[{p9:String}] = 'in')))),
  countIf((NOT (in_orders.n1 >= {p5:Int64}))),
  countIf((in_orders.n2 >= {p3:Int64}))], 'Array(UInt64)') AS counts
FROM people AS p FINAL
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(countIf(((e.total >= {p1:Int64}) AND (e.placed_at > fromUnixTimestamp64Milli({p2:Int64}, 'UTC'))))) AS n0,
    toInt64(count()) AS n1,
    toInt64(countIf((e.valid = 1))) AS n2
  FROM orders AS e FINAL
  GROUP BY id
) AS in_orders ON in_orders.id = p.profile_id
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM shipments AS e FINAL
  WHERE (e.status = {p4:String})
  GROUP BY id
) AS in_shipments ON in_shipments.id = p.profile_id
LEFT JOIN (
  SELECT e.profile_id AS id,
    toInt64(count()) AS n0
  FROM visits AS e FINAL
  PREWHERE e.at >= fromUnixTimestamp64Milli({p8:Int64}, 'UTC')
  WHERE ((e.type = {p6:String}) AND (e.category = {p7:String}) AND (e.at > fromUnixTimestamp64Milli({p8:Int64}, 'UTC')))
  GROUP BY id
) AS in_visits ON in_visits.id = p.profile_id
-- p0 = "300000000"
-- p1 = "50000000"
-- p2 = "1787367845678"
-- p3 = "2"
-- p4 = "delayed"
-- p5 = "1"
-- p6 = "product.viewed"
-- p7 = "shoes"
-- p8 = "1794539045678"
-- p9 = "email.marketing"

