WITH
    fromUnixTimestamp64Milli({from:Int64}) AS t0,
    fromUnixTimestamp64Milli({to:Int64}) AS t1,
    toDateTime64(0, 3, 'UTC') AS never
SELECT toString(%s) AS name, count() AS decided, countIf(sent_at > never), countIf(delivered_at > never), countIf(opened_at > never), countIf(clicked_at > never),
       countIf(end = 'bounced'), countIf(end = 'failed'), countIf(end = 'refused'), countIf(end = 'unknown'),
       countIf(send_id IN (SELECT send_id FROM events FINAL WHERE type = 'message.unsubscribed'))
FROM sends FINAL WHERE decided_at >= t0 AND decided_at < t1 AND {zone:String} != '' GROUP BY name ORDER BY decided DESC, name
