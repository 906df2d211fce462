-- Runs by the rows of their entry and end in the raw events, which stay; the table runs forgets ended ones. They are
-- counted by the run's id, so a row that is there twice counts once and needs no FINAL. A run ends after it began, but a
-- merge may have taken it to a partition whose clock is a little behind: the day is for that.
WITH
    fromUnixTimestamp64Milli({from:Int64}) AS t0,
    fromUnixTimestamp64Milli({to:Int64}) AS t1,
    run AS (
        SELECT run_id,
               any(toString(journey)) AS name,
               countIf(type = 'journey.entered') > 0 AS entered,
               countIf(type = 'journey.exited') > 0 AS ended,
               countIf(type = 'journey.exited' AND substringIndex(reason, ':', 1) IN ('completed', 'goal')) > 0 AS completed
        FROM events
        WHERE type IN ('journey.entered', 'journey.exited')
          AND at >= t0 - INTERVAL 1 DAY AND (type = 'journey.exited' OR at >= t0 AND at < t1)
        GROUP BY run_id
        HAVING entered
    )
SELECT name, count(), countIf(NOT ended), countIf(completed), countIf(ended AND NOT completed)
FROM run
GROUP BY name
