WITH
    fromUnixTimestamp64Milli({from:Int64}) AS t0,
    fromUnixTimestamp64Milli({to:Int64}) AS t1,
    run AS (
        SELECT toString(journey) AS j, count() AS entered, countIf(ended_at = toDateTime64(0, 3, 'UTC')) AS running,
               countIf(end IN ('completed', 'goal')) AS completed, countIf(ended_at > toDateTime64(0, 3, 'UTC') AND end NOT IN ('completed', 'goal')) AS exited
        FROM runs FINAL WHERE entered_at >= t0 AND entered_at < t1 GROUP BY j
    ),
    send AS (
        SELECT toString(journey) AS j, countIf(sent_at > toDateTime64(0, 3, 'UTC')) AS sent, countIf(opened_at > toDateTime64(0, 3, 'UTC')) AS opened,
               countIf(clicked_at > toDateTime64(0, 3, 'UTC')) AS clicked,
               uniqExactIf(profile_id, sent_at > toDateTime64(0, 3, 'UTC') AND arrayExists(p -> p >= sent_at AND p < sent_at + INTERVAL 7 DAY, placed)) AS converted
        FROM sends AS s FINAL
        LEFT JOIN (SELECT profile_id, groupArray(placed_at) AS placed FROM orders FINAL WHERE valid = 1 AND automatic = 0 GROUP BY profile_id) AS o ON o.profile_id = s.profile_id
        WHERE decided_at >= t0 AND decided_at < t1 GROUP BY j
    ),
    skip AS (
        SELECT j, sumMap(map(r, n)) AS skipped FROM (
            SELECT toString(journey) AS j, toString(reason) AS r, count() AS n
            FROM decisions FINAL WHERE sent = 0 AND at >= t0 AND at < t1 GROUP BY j, r
        ) GROUP BY j
    ),
    name AS (SELECT DISTINCT j FROM (SELECT j FROM run UNION ALL SELECT j FROM send UNION ALL SELECT j FROM skip))
SELECT name.j, run.entered, run.running, run.completed, run.exited, send.sent, send.opened, send.clicked, send.converted, skip.skipped
FROM name LEFT JOIN run ON run.j = name.j LEFT JOIN send ON send.j = name.j LEFT JOIN skip ON skip.j = name.j
WHERE name.j != '' AND {zone:String} != '' ORDER BY name.j
