// Package postal is direct mail by post: pieces that journeys decide are gathered in batches, prepared, approved and handed to
// a print house, and what comes back (returned pieces, scans, coupons) finds its piece.
//
// [Channel] is the channel of the sender: it stores a piece and the journey goes on. A batch ([Batch]) is a definition of kind
// [Kind], so that every change is decided by the order of the log and carries who, in which role and why. It goes
//
//	collecting -> closed -> in_review -> approved -> exporting -> exported -> delivered
//
// or ends as cancelled. Closed and exporting are work that [Office] does. It begins by a claim, which is a version of the
// definition; what it writes about pieces carries that version, and the work counts once a further version that replaces the
// claim is accepted. So of two replicas at one batch one finishes, and what the other wrote loses. A crash at any moment
// leaves the batch as it stood before the work: it is claimed anew. Files are made of rows that do not change any more, under
// another name first, so that a file is whole or absent and made again has the same bytes.
//
// What a piece costs and whether it may leave is decided at the export from the state of the fold: who refused, was erased,
// bought, moved or came back after the approval is left out with the reason.
package postal
