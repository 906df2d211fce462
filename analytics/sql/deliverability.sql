-- One row per day, group of receiving domains. A mail counts once: on the day of the decision by which the receiving
-- side took it, of one that was never taken on that of its last. Rounds are looked for a week before the range, so that one
-- that was put off before it is known as such. What came of a mail is told by ids: a row that is there twice changes nothing.
WITH tried AS (
    SELECT
        send_id,
        any(arrayElement(splitByChar(':', toString(destination)), 3)) AS receivers,
        max(state = 'sent') AS accepted,
        max(state = 'deferred' AND match(reason, '^([a-z]+: )?4[0-9][0-9] ')) AS deferred,
        max(state = 'failed' AND startsWith(reason, 'hard: ')) AS hard,
        max(state = 'failed' AND (startsWith(reason, 'gave up: ') OR startsWith(reason, 'full: '))) AS soft,
        max(state = 'failed' AND startsWith(reason, 'policy: ')) AS block,
        max(state = 'unknown') AS unknown,
        if(accepted, maxIf(decided_at, state = 'sent'), max(decided_at)) AS decided
    FROM deliveries FINAL
    WHERE channel = 'email' AND purpose != 'test' AND state NOT IN ('decided', 'intent')
      AND ({sender:String} = '' OR arrayElement(splitByChar(':', toString(destination)), 2) = {sender:String})
      AND decided_at >= fromUnixTimestamp64Milli({from:Int64}) - toIntervalDay(7) AND decided_at < fromUnixTimestamp64Milli({to:Int64})
    GROUP BY send_id
    HAVING (accepted OR deferred OR hard OR soft OR block OR unknown) AND decided >= fromUnixTimestamp64Milli({from:Int64})
),
heard AS (
    SELECT
        send_id,
        max(type = 'message.bounced' AND reason = 'hard') AS hard,
        max(type = 'message.bounced' AND reason = 'soft') AS soft,
        max(type = 'message.bounced' AND reason = 'block') AS block,
        max(type = 'message.complained') AS complained,
        max(type = 'message.unsubscribed') AS unsubscribed,
        max(type = 'message.opened' AND reason = '') AS opened,
        max(type = 'message.opened' AND reason != '') AS machine,
        max(type = 'message.clicked' AND reason = '') AS clicked
    FROM events
    WHERE type IN ('message.bounced', 'message.complained', 'message.unsubscribed', 'message.opened', 'message.clicked')
      AND at >= fromUnixTimestamp64Milli({from:Int64}) AND send_id IN (SELECT send_id FROM tried)
    GROUP BY send_id
)
SELECT
    toDate(tried.decided, {zone:String}) AS day,
    tried.receivers AS receivers,
    count(),
    countIf(tried.accepted),
    countIf(tried.deferred),
    countIf(tried.hard OR heard.hard),
    countIf((tried.soft OR heard.soft) AND NOT (tried.hard OR heard.hard)),
    countIf((tried.block OR heard.block) AND NOT (tried.hard OR heard.hard OR tried.soft OR heard.soft)),
    countIf(tried.unknown AND NOT tried.accepted),
    countIf(heard.complained),
    countIf(heard.unsubscribed),
    countIf(heard.opened),
    countIf(heard.machine),
    countIf(heard.clicked)
FROM tried
LEFT JOIN heard ON heard.send_id = tried.send_id
GROUP BY day, receivers
ORDER BY day, receivers
