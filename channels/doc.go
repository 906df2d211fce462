// Package channels sends decided messages and tells what became of each.
//
// What it owns: the ledger (table deliveries), the queues of the destinations, templates once they are to be filled in, and
// the public links of messages. Sub-packages speak to providers: email by SMTP, line by the Messaging API. What a person
// may be sent was decided before (consent, holds, caps, quiet hours): here only global limits are applied.
//
// # The life of a message
//
//	topic messages -> decided -> intent -> sent                 the provider took it
//	                    ^          |  \--> failed               never: bad address, bad content
//	                    |          |  \--> unknown              taken or not, and not to be repeated
//	                    +----------+  \--> refused              quota, rate, expired, suppressed, sold_out
//	                  not taken, again \-> deferred             back to the fold, which decides again
//	                                   \-> dropped              cancelled before it left
//
// A row (send id, round) goes through these states by version; rows are only ever added. The states on the right are ends:
// the row is stored with reported = 0, the result is appended to the topic events, and the row is stored with reported = 1.
//
// # Invariants
//
//   - A batch stands in the ledger before its offsets are committed. A known (send id, round) is skipped.
//   - The intent is stored before the provider is called, and right before the call the partition is known to be ours.
//   - Every round ends in exactly one result. Its event id follows from send id, round and state, so a repeat collapses.
//   - A new round begins only after an end that says for certain that nothing was taken (deferred, refused).
//   - One queue, breaker and rate per destination: a dead one slows no other. Messages of one person and purpose leave in
//     order; other people's overtake one that waits.
//   - Nothing is tried again anywhere else than here (retry.go).
//
// # Groups
//
// Advertising that says the same to many people leaves in one call where the provider takes that (LINE's multicast, at most
// 500). A group is written to the ledger by one insert before its first try, each row with the group's id, and is never
// changed after: its people and its key stay the same until it has ended, for all of them by one insert. Whoever is
// cancelled before the first try is not in: the group falls apart and the others are put together anew, as after an
// answer that says for certain that nothing was taken. What is personal leaves alone.
//
// # On a crash
//
// The next owner of the partition reads what is unfinished: decided messages line up, ends that are not reported are
// reported, and what was about to be handed over is in doubt. LINE gets it again under the same retry key, which it
// recognises for 24 hours (we stop at 23): once. SMTP has no such key. A transactional mail is repeated with the same
// Message-ID, a marketing mail is not: it ends as unknown.
//
// Intents are written up to 500 ahead per destination, so that they share inserts. Which of them had really been begun
// stands in the process's own note (inhand.go): after a crash the next process in the same data folder takes what was not
// begun as decided and what has an outcome as that, so that no more mails are in doubt than connections were open. Without
// the note (another replica took over, the machine was started anew, the disk is lost) all intents are in doubt.
//
// # Waiting
//
// A message that waited longer than Config.MaxWait, or whose next try would be later, goes back to the fold as deferred:
// consent, quiet hours and freshness are decided anew, not assumed. One in doubt stays. While sending is off or a
// destination is stopped everything waits; what does not fit into memory waits in the ledger alone, and so does what a stop
// of a journey or a prefecture holds, so that it takes nobody's place. What may leave is the setting "sending" (sending.go):
// it is asked last right before the call, so after a stop only calls that had begun end.
package channels
