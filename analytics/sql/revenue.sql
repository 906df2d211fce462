SELECT /*step*/ AS at,
       count() AS orders,
       sum(revenue) AS total,
       uniqExactIf(profile_id, sequence = 1) AS new_customers,
       uniqExactIf(profile_id, sequence > 1) AS returning_customers,
       sumIf(o.revenue, sequence = 1) AS new_revenue,
       sumIf(o.revenue, sequence > 1) AS returning_revenue
FROM orders AS o FINAL
WHERE valid = 1 AND currency = {currency:String}
  AND placed_at >= fromUnixTimestamp64Milli({from:Int64}) AND placed_at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY at
ORDER BY at
