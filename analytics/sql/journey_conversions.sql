SELECT s.name, uniqExact(s.profile_id)
FROM (SELECT profile_id, placed_at FROM orders FINAL WHERE valid = 1 AND automatic = 0) AS o
INNER JOIN (
    SELECT profile_id, toString(journey) AS name, sent_at
    FROM sends FINAL
    WHERE journey != '' AND decided_at >= fromUnixTimestamp64Milli({from:Int64}) AND decided_at < fromUnixTimestamp64Milli({to:Int64})
      AND sent_at > toDateTime64(0, 3, 'UTC')
) AS s ON s.profile_id = o.profile_id
WHERE o.placed_at >= s.sent_at AND o.placed_at < s.sent_at + INTERVAL 7 DAY
GROUP BY s.name
