// Package ingest is the way in: it takes what customers did from the collector, from importers and from anybody with a
// Kafka client, and puts it on the topic events as canonical records under the profile they belong to.
//
// # The way of a record
//
// A producer appends JSON to one of the source topics (docs/events.md). The [Ingester] reads them as the group "ingest",
// parses and checks each record ([Parser]), recognises the person by keyed hashes of the identifiers ([Normalise]),
// appends the links between identifiers that the [Graph] does not have yet to the topic identities, waits until it has read
// them back, resolves each event to its profile and appends it to the topic events. What cannot be taken becomes a
// [DeadLetter] with the place and the reason in English and Japanese; the good records beside it pass.
//
// The [Collector] is one producer among others: it translates Segment's format into the same JSON, checks it with the same
// Parser, and answers 202 only after the broker acknowledged it.
//
// # Identity
//
// The graph is a fold over the topic identities, so every replica has the same one. An identifier that no link names is a
// person of its own: its profile id is its own hash and needs no record. Guards keep people apart that only share a thing
// (graph_guards.go). The ingester never moves a profile's state: the owner of a loser's partition follows [Graph.Merges].
//
// # Crashes and repeats
//
// Offsets are committed after the events were appended, so a crash repeats the records since the commit. Event ids are
// those of the producer, or hashes of topic, partition and offset, so the fold drops the repeats. Links that are repeated
// fold to nothing. Dead letters have the id of their source record.
package ingest
