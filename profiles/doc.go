// Package profiles owns the state of one person: what is kept, how an event changes it, how two states become one and come
// apart again, and which fact rows show it to ClickHouse.
//
// A [Profile] is a list of [Subject]s, one for each identifier that events came with, and what belongs to the person as a
// whole (runs, memberships). Everything that an event tells is kept in the subject it came with and in no other; what the
// rest of the program sees is the [View], the join over all subjects. So a merge moves subjects, an un-merge moves them
// back, and neither needs to be computed backwards.
//
// Within a subject every fact is a join-semilattice element: contents are last-writer-wins by (source version, event id),
// each milestone of an order or a parcel is last-writer-wins by itself, bounded collections keep the newest, lifetime
// scalars count an event id once. Shuffling, repeating and re-batching events therefore gives the same subject.
//
// Nothing here does I/O or reads a clock: now is the partition's clock, given by the caller.
package profiles

//go:generate go run enishi/internal/wire/gen -types Profile,Subject,Trait,Consent,Order,Mark,Kept,Stub,Shipment,Visit,StoreVisit,Contact,Review,Survey,Return,Subscription,PointMove,Message,Hold,RiskFlag,ListMark,Friendship,MailMark,Chat,Permit,DateEntry,Lifetime,SeenID,FileMark,CartState,Membership,Run,Wait -out wire_gen.go
