// Package audiences keeps lists of people at advertising platforms equal to segments: who belongs there is told to the platform, who
// left, withdrew, is on hold or was erased is taken out again, and each time somebody's identifiers leave the shop there is a record
// of it that can be shown to that person and to an auditor.
//
// # What it owns
//
// The ledger: one [Entry] for each person of an audience, with the keys that the platform was told; the batches, one for each call that
// changes a list; the disclosures, one for each person of a call. The platform's list is what the ledger says once no batch is open.
// Who is wanted is read from the tables of the fold: members of the segment who permit it, each with identifiers as they are now.
//
// # How it is kept
//
// [Syncer.Sync] settles what a run before left open, compares the ledger with who is wanted, one range of ids at a time, and makes the
// difference: first all removals, then, once the platform has carried them out, all additions. The order matters: a platform
// takes out whom an identifier matches, whatever else it was told of them. So whoever shares an identifier with somebody who was taken
// out is told again.
//
// Platforms that cannot take anybody out get a new list, which takes the place of the old one when it is ready. Of a [Whole] list, such as a file, the batches are stored in the
// same way and wait; then everybody whom the ledger has is written at once.
//
// # What holds after a crash
//
// Before a call the batch, its entries and the disclosures are stored, in this order; the answer is stored after it. A batch that is open is sent
// again with the entries that name it: all calls say what is to be, so twice is once. Nothing else of the audience is
// done before it is settled. One replica works at audiences, the owner of the first partition; another that takes over waits [Takeover] before it
// changes anything, longer than a call may last.
package audiences
