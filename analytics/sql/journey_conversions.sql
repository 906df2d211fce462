-- The first and the last send bound the orders that can follow one; rows that were replaced since only widen the bounds.
WITH
    fromUnixTimestamp64Milli({from:Int64}) AS t0,
    fromUnixTimestamp64Milli({to:Int64}) AS t1,
    toDateTime64(0, 3, 'UTC') AS never,
    (SELECT (min(sent_at), max(sent_at)) FROM sends WHERE decided_at >= t0 AND decided_at < t1 AND sent_at > never) AS span
SELECT s.name, uniqExact(s.profile_id)
FROM (
    SELECT profile_id, placed_at
    FROM orders FINAL
    WHERE valid = 1 AND automatic = 0 AND placed_at >= span.1 AND placed_at < span.2 + INTERVAL 7 DAY
) AS o
INNER JOIN (
    SELECT profile_id, toString(journey) AS name, sent_at
    FROM sends FINAL
    WHERE journey != '' AND decided_at >= t0 AND decided_at < t1 AND sent_at > never
) AS s ON s.profile_id = o.profile_id
WHERE o.placed_at >= s.sent_at AND o.placed_at < s.sent_at + INTERVAL 7 DAY
GROUP BY s.name
