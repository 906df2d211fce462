// Package stream is the one Kafka client of Enishi: append, read by offset, follow a partition, consume as a member of a
// group. It speaks through kafka-go to whatever brokers it is given, the embedded one or a cluster, and knows no
// difference between them.
//
// What it owns: topic names (a workspace's prefix is added on the way out and taken off on the way in), the choice of a
// partition, retries, leases. What it does not own: meaning. A record here is a key, a value and a time.
//
// # Guarantees
//
//   - [Client.Append] returns nil only after every record was acknowledged by all in-sync replicas. It retries until its
//     context ends, so a record may be written twice (the client is not idempotent): effects carry ids of their own.
//     Records of one call keep their order within a partition.
//   - [Client.Consume] hands over every record of the partitions it owns at least once, in order, from the offset that
//     [Consumer].Gained names or else from the last commit. After a crash or a rebalance what was not committed comes
//     again. A member that lost its partitions has its commits refused by the broker.
//   - Records of aborted transactions and filler records are never seen; their offsets count. A filler record (header
//     "filler") stands where the embedded broker lost the end of a log, so that offsets never go back.
//
// # Fetching
//
// kafka-go decodes a fetch response through reflection and gives each key and value an allocation of its own. The client
// therefore sends its fetches itself (fetch.go), over kafka-go's connections, routing, TLS and SASL: one request for all
// partitions of a leader, one allocation for the whole response; keys and values are slices of it.
package stream
