-- Orders and revenue per currency and period, and (whole = 1) per currency: people who came back in two periods count once
-- in the whole. A person has one order with the sequence 1.
SELECT
    if(currency = '', 'JPY', toString(currency)) AS code,
    multiIf({by:String} = 'day', toDate(placed_at, {zone:String}),
            {by:String} = 'week', toMonday(placed_at, {zone:String}),
            toStartOfMonth(placed_at, {zone:String})) AS day,
    grouping(day) AS whole,
    count(),
    sum(revenue),
    countIf(sequence = 1),
    uniqExactIf(profile_id, sequence > 1 AND automatic = 0),
    sumIf(revenue, sequence = 1),
    sumIf(revenue, sequence > 1)
FROM orders FINAL
WHERE valid = 1
  AND placed_at >= fromUnixTimestamp64Milli({from:Int64}) AND placed_at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY GROUPING SETS ((code, day), (code))
