-- The ids of unsubscribed sends are a set: a row that is there twice changes nothing, so the raw events need no FINAL.
WITH
    toDateTime64(0, 3, 'UTC') AS never,
    sent_at > never OR delivered_at > never AS has_left
SELECT
    toString({by:Identifier}) AS name,
    count() AS decided,
    countIf(sent_at > never),
    countIf(delivered_at > never),
    countIf(opened_at > never),
    countIf(clicked_at > never),
    countIf(end = 'bounced'),
    countIf(end = 'failed' AND NOT has_left),
    countIf(end = 'refused' AND NOT has_left),
    countIf(end = 'unknown' AND NOT has_left),
    countIf(send_id IN (SELECT send_id FROM events WHERE type = 'message.unsubscribed'))
FROM sends FINAL
WHERE decided_at >= fromUnixTimestamp64Milli({from:Int64}) AND decided_at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY name
ORDER BY decided DESC, name
