WITH toDateTime64(0, 3, 'UTC') AS never
SELECT toString(journey) AS name, countIf(sent_at > never), countIf(opened_at > never), countIf(clicked_at > never)
FROM sends FINAL
WHERE journey != '' AND decided_at >= fromUnixTimestamp64Milli({from:Int64}) AND decided_at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY name
