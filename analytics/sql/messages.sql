-- The ids of unsubscribed sends are a set: a row that is there twice changes nothing, so the raw events need no FINAL.
WITH toDateTime64(0, 3, 'UTC') AS never
SELECT
    toString({by:Identifier}) AS name,
    count() AS decided,
    countIf(sent_at > never),
    countIf(delivered_at > never),
    countIf(opened_at > never),
    countIf(clicked_at > never),
    countIf(end = 'bounced'),
    countIf(end = 'failed'),
    countIf(end = 'refused'),
    countIf(end = 'unknown' AND sent_at = never AND delivered_at = never),
    countIf(send_id IN (SELECT send_id FROM events WHERE type = 'message.unsubscribed'))
FROM sends FINAL
WHERE decided_at >= fromUnixTimestamp64Milli({from:Int64}) AND decided_at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY name
ORDER BY decided DESC, name
