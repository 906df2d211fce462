// Package simulation tries a journey on people's real past: who would have entered, waited, been sent what by which channel,
// at what cost, and what those people did in fact.
//
// # How
//
// [Lab.Start] takes one request; [Lab.Run] reads the raw events of everybody it is about, person by person in the order of
// their ids, and folds each with the live fold's own step ([pipeline.Replay]) on a virtual clock. Two people are folded at a
// time; what they gave is added up in the order of ids, so the same request on the same past gives the same result. Nothing
// that a replay gives reaches the log, the sender or a stored profile.
//
// # What counts
//
//   - Identity, segments, settings, templates and prices are as known now.
//   - Other journeys do not run: the messages that they decided in fact count for caps. What the tried journey did in fact is
//     left out, but for people who unsubscribed and addresses that came back.
//   - A simulated message counts as sent at once. That somebody would have opened it, or bought because of it, is not assumed:
//     orders after it are observed, not caused.
//   - The limits of senders (budgets, rates) are not simulated, and the setting accelerate is not applied.
//
// # Bounds
//
// One simulation runs at a time in a process. The newest [maxKept] are kept for [keptFor], in memory: a restart forgets them,
// and trying again gives the same. Behind each number stand the people it counts, up to [maxListed] entries in one simulation;
// what comes after them is counted and not listed.
package simulation
